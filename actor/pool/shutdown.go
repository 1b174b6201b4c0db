package pool

import (
	"context"
	"errors"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
)

// stopBound is how long Stop gives what is pending.
const stopBound = 5 * time.Second

// Ping is PingContext without a context.
func (p *Pool) Ping() error { return p.PingContext(context.Background()) }

// PingContext returns nil as soon as one of the nsqd can be published to, and connects all of them at their first use. Errors:
// [actor.ErrStopped], bare, or, when none can be had or ctx ends, one of theirs, as [actor.Producer.PingContext] returns it.
func (p *Pool) PingContext(ctx context.Context) error {
	return p.ping(ctx, p.waits && ctx.Done() != nil)
}

// Connect waits until one of the nsqd can be published to, over as many attempts as that takes, until ctx ends or the pool is
// stopped. Errors: [actor.ErrStopped], bare, or an [*actor.Error], not sent, with ctx's error.
func (p *Pool) Connect(ctx context.Context) error { return p.ping(ctx, true) }

func (p *Pool) ping(ctx context.Context, waits bool) error {
	if !p.live() {
		return actor.ErrStopped
	}
	for {
		err := p.pingAll(ctx)
		if errors.Is(err, actor.ErrStopped) && !p.closing() {
			continue // all that were asked have left the pool meanwhile
		}
		failed, ours := err.(*actor.Error)
		if !ours || !waits || ctx.Err() != nil {
			return err
		}
		if ended := p.awaitBetter(ctx); ended != nil {
			return instead(failed, ended)
		}
	}
}

// pingAll asks all members at once, and returns nil as soon as one of them can be published to, or how the last one failed. The
// others need not answer then, but who has never been used connects all the same.
func (p *Pool) pingAll(ctx context.Context) (err error) {
	enough, cancel := context.WithCancel(ctx)
	defer cancel()
	members := p.members.Load().active
	results := make(chan error, len(members))
	for _, m := range members {
		go func() {
			until := enough
			if m.producer.Stats().Phase == state.Idle {
				until = ctx
			}
			err := m.producer.PingContext(until)
			m.heed(err)
			results <- err
		}()
	}
	for range members {
		if err = <-results; err == nil {
			return nil
		}
	}
	return err
}

// Flush waits until every publish accepted before it has its outcome, at whichever nsqd, or until ctx ends. What is on its way from
// one to another it cannot tell from what has set out later: while publishes go on failing everywhere, as when no nsqd can be
// had, it may wait until they cease or ctx ends. Otherwise, and in its errors, it is [actor.Producer.Flush].
func (p *Pool) Flush(ctx context.Context) error {
	if p.phase.Load() == state.Idle {
		return nil
	}
	return p.flush(ctx)
}

// flush goes round the members until nothing has moved from one to another in a whole round, and nothing is on its way.
func (p *Pool) flush(ctx context.Context) error {
	for {
		before := p.counts.through.Load()
		var err error
		p.members.Load().all(func(m *member) {
			if err == nil {
				err = m.producer.Flush(ctx)
			}
		})
		if err != nil {
			return err
		}
		if p.handedBack() <= before && p.counts.through.Load() == before { // less: one came in when an account was closed
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done(): // what is on its way has no member that could say so
			return &actor.Error{Op: "Flush", Addr: p.String(), Outcome: actor.Unknown, Err: ctx.Err()}
		}
	}
}

// handedBack returns how many publishes members have handed back.
func (p *Pool) handedBack() uint64 {
	members := p.members.Load()
	n := members.gone.HandedBack
	members.all(func(m *member) { n += m.producer.Stats().HandedBack })
	return n
}

// Stop is Shutdown with a bound of 5 s. A second Stop, at once or later, returns when the first is through.
func (p *Pool) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopBound)
	defer cancel()
	p.Shutdown(ctx)
}

// Shutdown stops the pool: from now on publishes return ErrStopped, those that were accepted go on to their outcome, at another
// nsqd where need be, and asynchronous results to their readers, until all are through or ctx ends. Then each member is cut off as
// a Producer is. It returns when no goroutine of the pool is left, but for a Resolver's call that may be ending, a Logger's handler
// that blocks, and what [actor.Producer.Shutdown] leaves, with the tally of what ended since the first Shutdown began. The error is
// nil if all were through, and otherwise that of the context whose end cut them off, bare. It may be called by several goroutines,
// and again.
func (p *Pool) Shutdown(ctx context.Context) (actor.Tally, error) {
	if p.phase.Advance(state.Idle, state.Closed) {
		close(p.stopping)
		close(p.ended)
		return actor.Tally{}, nil
	}
	if p.phase.Advance(state.Live, state.Draining) {
		p.base = p.account()
		close(p.stopping)
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		if p.cutting.Set() {
			p.cutErr = ctx.Err()
			p.bound.end()
		}
		<-p.ended
	}
	if p.severed {
		return p.tally, p.cutErr
	}
	return p.tally, nil
}

// closing reports whether members are being shut down, so that nothing is moved any more.
func (p *Pool) closing() bool { return p.phase.Load() == state.Closed }

// close ends everything: what is pending, at whichever member; the members; their movers.
func (k *keeper) close() {
	p := k.p
	if k.cancel != nil {
		k.cancel()
	}
	quiet := make(chan struct{})
	go func() {
		defer close(quiet)
		p.flush(p.bound)
	}()
	for waiting := true; waiting; {
		select {
		case <-quiet:
			waiting = false
		case <-k.moved:
			k.movers--
		case m := <-p.retired:
			p.members.Store(p.members.Load().bury(m))
		}
	}
	p.phase.Advance(state.Draining, state.Closed)
	k.shut()
	for end := time.Now().Add(time.Second); p.handedBack() > p.counts.through.Load() && time.Now().Before(end); {
		time.Sleep(50 * time.Microsecond) // callers whose members have ended count their own outcomes, and are on their way out
	}
	cut := p.bound.Err() != nil
	p.bound.end()
	account := p.account()
	p.tally.Acked = account.Acked - p.base.Acked
	p.tally.Refused = since(account.Refused, p.base.Refused)
	p.tally.NotSent = since(account.NotSent, p.base.NotSent)
	p.tally.Unknown = account.Unknown - p.base.Unknown
	p.severed = p.severed || cut && p.tally.NotSent+p.tally.Unknown+p.tally.Undelivered > 0
}

// since returns how many more there are now. There may be fewer: what a member had counted by then became Unknown, see ask.
func since(now, base uint64) uint64 { return max(now, base) - base }

// shut shuts all members down, at once, and returns when they, those that were leaving, and their movers have ended.
func (k *keeper) shut() {
	p := k.p
	type end struct {
		tally actor.Tally
		err   error
	}
	ends := make(chan end)
	members := p.members.Load()
	for _, m := range members.active {
		go func() {
			tally, err := m.producer.Shutdown(p.bound)
			ends <- end{tally, err}
		}()
	}
	left, leaving := len(members.active), len(members.leaving)
	for left > 0 || k.movers > 0 || leaving > 0 {
		select {
		case e := <-ends:
			left--
			p.tally.Undelivered += e.tally.Undelivered
			p.severed = p.severed || e.err != nil
		case <-k.moved:
			k.movers--
		case <-p.retired: // its account is still the membership's
			leaving--
		}
	}
	p.tally.Undelivered += p.counts.dropped.Load()
}
