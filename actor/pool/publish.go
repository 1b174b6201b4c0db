package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nsqactor/producer/actor"
)

// Publish is PublishContext without a context: at each nsqd that is tried it can take as long as a Producer's Publish.
func (p *Pool) Publish(topic string, body []byte) error {
	return p.PublishContext(context.Background(), topic, body)
}

// PublishContext publishes body to topic at one nsqd, or, where that one certainly did not store it, at another, until one has
// answered, as many have been tried as there are (but MaxAttempts at least), or ctx ends. In all else it is
// [actor.Producer.PublishContext], errors included: they are of the last nsqd that was tried. With RetryUnknown it goes on also behind
// a connection that was lost with the message on it, and what then fails is Unknown, with [actor.ErrConnectionLost].
func (p *Pool) PublishContext(ctx context.Context, topic string, body []byte) error {
	return p.publish(ctx, route{}, func(m *actor.Producer) error { return m.PublishContext(ctx, topic, body) })
}

// MultiPublish is MultiPublishContext without a context.
func (p *Pool) MultiPublish(topic string, bodies [][]byte) error {
	return p.MultiPublishContext(context.Background(), topic, bodies)
}

// MultiPublishContext is PublishContext for several bodies in one command, at one nsqd, with one outcome.
func (p *Pool) MultiPublishContext(ctx context.Context, topic string, bodies [][]byte) error {
	return p.publish(ctx, route{}, func(m *actor.Producer) error { return m.MultiPublishContext(ctx, topic, bodies) })
}

// DeferredPublish is DeferredPublishContext without a context.
func (p *Pool) DeferredPublish(topic string, delay time.Duration, body []byte) error {
	return p.DeferredPublishContext(context.Background(), topic, delay, body)
}

// DeferredPublishContext is PublishContext for a message that nsqd holds back for delay.
func (p *Pool) DeferredPublishContext(ctx context.Context, topic string, delay time.Duration, body []byte) error {
	return p.publish(ctx, route{}, func(m *actor.Producer) error { return m.DeferredPublishContext(ctx, topic, delay, body) })
}

// publish lets members try until one of them, or the publish, is through with it.
func (p *Pool) publish(ctx context.Context, r route, try func(*actor.Producer) error) error {
	if !p.live() {
		return actor.ErrStopped
	}
	var f failover
	for {
		m := p.choose(r, f.last)
		err := p.ask(&f, m, try)
		if err == nil {
			return nil
		}
		if err, again := p.again(ctx, &f, m, err); !again {
			return err
		}
	}
}

// failover is what a publish has behind it.
type failover struct {
	last  *member // failed last
	tries int
	held  bool         // a member has handed the publish back, and no other has accepted it
	doubt *actor.Error // a member's that may have stored the message
}

// ask lets a member try, and keeps the pool's account: what one has handed back counts as moved on before another may accept it,
// so that it does not count twice while it is pending there.
func (p *Pool) ask(f *failover, m *member, try func(*actor.Producer) error) error {
	held := f.held
	if held {
		p.counts.adopted.Add(1)
	}
	err := try(m.producer)
	if err == nil && !held {
		return nil
	}
	failed, ours := err.(*actor.Error)
	switch accepted := err == nil || ours && failed.Accepted(); {
	case held && accepted:
		f.held = false
		if f.doubt != nil && err != nil && !failed.HandedBack() && failed.Outcome != actor.Unknown { // conclude will tell Unknown
			p.counts.changed[failed.Outcome].Add(-1)
			p.counts.changed[actor.Unknown].Add(1)
		}
		p.counts.through.Add(1) // last: Shutdown waits for it
	case held:
		p.counts.adopted.Add(^uint64(0))
	}
	f.held = f.held || ours && failed.HandedBack()
	f.last = m
	return err
}

// again decides what becomes of a call that a member has failed so: it returns the error to tell, or reports that another member is
// to be tried.
func (p *Pool) again(ctx context.Context, f *failover, m *member, err error) (error, bool) {
	m.heed(err)
	failed, ours := err.(*actor.Error)
	if ours && failed.HandedBack() && failed.Outcome == actor.Unknown {
		f.doubt = failed
	}
	switch {
	case errors.Is(err, actor.ErrStopped): // the member has left the pool under the call, or the pool is at its end
		if !p.closing() {
			return nil, true
		}
	case !ours || !failed.HandedBack() || ctx.Err() != nil:
	default:
		f.tries++
		if f.tries < max(p.attempts, len(p.members.Load().active)) {
			return nil, true
		}
		if p.waits && ctx.Done() != nil {
			ended := p.awaitBetter(ctx)
			if ended == nil {
				f.tries = 0
				return nil, true
			}
			err = instead(failed, ended)
		}
	}
	return p.conclude(f, err), false
}

// conclude returns what the caller is told, and counts it where no member does.
func (p *Pool) conclude(f *failover, err error) error {
	switch {
	case f.doubt != nil && actor.OutcomeOf(err) != actor.Unknown:
		doubtful := *f.doubt
		doubtful.Err = fmt.Errorf("%w at %s, and then: %w", actor.ErrConnectionLost, doubtful.Addr, withoutOutcome{err})
		err = &doubtful
	case errors.Is(err, actor.ErrStopped):
		err = actor.ErrStopped
	}
	if f.held {
		p.counts.end(actor.OutcomeOf(err))
	}
	return err
}

// withoutOutcome is an error as a cause of one whose outcome is another: of what it is, it keeps a context's end alone, since the
// rest may imply that nothing was sent.
type withoutOutcome struct{ err error }

func (w withoutOutcome) Error() string { return w.err.Error() }

func (w withoutOutcome) Is(target error) bool {
	return (target == context.Canceled || target == context.DeadlineExceeded) && errors.Is(w.err, target)
}

// instead returns the error of a call that nobody tries again, for that cause.
func instead(failed *actor.Error, cause error) error {
	if cause == actor.ErrStopped {
		return cause
	}
	other := *failed
	other.Outcome = actor.NotSent
	other.Err = fmt.Errorf("%w: %v", cause, failed.Err)
	return &other
}

// awaitBetter waits until a member can be used, and returns nil, or until ctx or the pool ends.
//
// Invariant: nobody waits past a member that gets better. The keeper moves a breaker before it takes the channel that it closes,
// and who waits takes the channel before he looks at the breakers.
func (p *Pool) awaitBetter(ctx context.Context) error {
	better := p.better.Load()
	for _, m := range p.members.Load().active {
		if m.grade(p) != unfit {
			return nil
		}
	}
	select {
	case <-better.Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.stopping:
		return actor.ErrStopped
	}
}
