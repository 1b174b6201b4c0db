package pool

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nsqactor/producer/actor"
)

// keeper is the pool's one goroutine of its own, from its first use to its end: it replaces the membership, judges the members,
// and shuts them down. All fields are its own.
type keeper struct {
	p      *Pool
	limits limits
	looked int64              // when it last judged
	movers int                // that run
	moved  chan *member       // from movers that have ended
	ask    *time.Timer        // when the resolver is to be asked
	cancel context.CancelFunc // of the resolver's call that is under way
}

const (
	lookEvery = 25 * time.Millisecond
	lingers   = 100 * time.Millisecond // a member that has ended, until its account is closed
)

func newKeeper(p *Pool) *keeper {
	d := actor.NewConfig()
	shortest := cmp.Or(p.cfg.BackoffMin, d.BackoffMin)
	return &keeper{
		p: p,
		limits: limits{
			patience: max(cmp.Or(p.cfg.ResponseTimeout, d.ResponseTimeout)/10, 4*lookEvery),
			shortest: shortest,
			longest:  cmp.Or(p.cfg.BackoffMax, max(d.BackoffMax, shortest)),
		},
		moved: make(chan *member),
		ask:   time.NewTimer(time.Hour),
	}
}

func (k *keeper) run() {
	defer close(k.p.ended)
	defer k.ask.Stop()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for _, m := range k.p.members.Load().active {
		k.follow(m)
	}
	k.pause()
	for {
		select {
		case <-ticker.C:
			k.look()
		case <-k.ask.C:
			k.resolve()
		case answer := <-k.p.answers:
			k.cancel()
			k.cancel = nil
			k.apply(answer)
			k.pause()
		case m := <-k.p.retired:
			k.p.members.Store(k.p.members.Load().bury(m))
		case <-k.moved:
			k.movers--
		case <-k.p.stopping:
			k.close()
			return
		}
	}
}

// follow starts a member's mover.
func (k *keeper) follow(m *member) {
	m.progress = k.p.clock()
	k.movers++
	go k.p.move(m, k.moved)
}

// look judges every member.
func (k *keeper) look() {
	now := k.p.clock()
	late := k.looked > 0 && now-k.looked > int64(k.limits.patience)/2
	k.looked = now
	better := false
	for _, m := range k.p.members.Load().active {
		if late { // it is this process that was stopped for a while: nobody can know yet who has answered
			m.progress = now
		}
		better = m.look(&k.limits, now) || better
	}
	if better {
		k.wake()
	}
}

// wake ends the waiting for a member that can be used.
func (k *keeper) wake() { k.p.better.Swap(newSpan()).end() }

// resolved is what a resolver had to say.
type resolved struct {
	addrs []string
	err   error
}

// pause sets the time of the resolver's next call.
func (k *keeper) pause() {
	k.ask.Stop()
	if every := k.p.options.every; every > 0 {
		k.ask.Reset(every/2 + rand.N(every/2))
	}
}

// resolve asks the resolver, on a goroutine of its own: it is the user's, and may take its time.
func (k *keeper) resolve() {
	ctx, cancel := context.WithTimeout(context.Background(), max(k.p.options.every, firstAnswer))
	k.cancel = cancel
	ask, answers := k.p.options.resolver, k.p.answers
	go func() {
		addrs, err := ask(ctx)
		answers <- resolved{addrs, err} // capacity 1, and there is one call at a time: never blocks
	}()
}

// apply makes the membership that of the resolver's answer, if that is good for one.
func (k *keeper) apply(answer resolved) {
	if answer.err == nil {
		answer.err = check(answer.addrs)
	}
	if answer.err != nil {
		k.p.log(answer.err)
		return
	}
	before := k.p.members.Load()
	next, old := before.clone(), before.addrs()
	var parting []*member
	for _, addr := range answer.addrs {
		if slices.Contains(old, addr) {
			continue
		}
		var err error
		if next, err = k.p.join(next, addr); err != nil {
			k.p.log(err)
			return
		}
	}
	for _, addr := range old {
		if !slices.Contains(answer.addrs, addr) {
			var these []*member
			next, these = next.part(addr)
			parting = append(parting, these...)
		}
	}
	slices.SortStableFunc(next.active, func(a, b *member) int {
		return slices.Index(answer.addrs, a.addr) - slices.Index(answer.addrs, b.addr)
	})
	joined := false
	for _, m := range next.active {
		if !slices.Contains(before.active, m) {
			k.follow(m)
			joined = true
		}
	}
	k.p.members.Store(next)
	if joined { // who is new is trusted
		k.wake()
	}
	for _, m := range parting {
		go k.p.retire(m)
	}
}

// retire shuts down a member that has left the pool: when it has ended what it has, and its results are read, or when the pool's
// time is over.
func (p *Pool) retire(m *member) {
	tally, _ := m.producer.Shutdown(p.bound)
	p.counts.dropped.Add(tally.Undelivered)
	for m.producer.Pending() > 0 { // callers who are still inside are on their way out, and what was handed back finds its place
		time.Sleep(time.Millisecond)
	}
	select { // for those who have seen it live, and have not come in yet
	case <-time.After(lingers):
	case <-p.stopping:
	}
	select {
	case p.retired <- m:
	case <-p.ended:
	}
}
