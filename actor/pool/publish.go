package pool

import (
	"context"
	"fmt"
	"time"

	"github.com/nsqactor/producer/actor"
)

// Publish is PublishContext without a context.
func (p *Pool) Publish(topic string, body []byte) error {
	return p.PublishContext(context.Background(), topic, body)
}

// PublishContext publishes body to topic at one nsqd, or, where that one certainly did not store it, at another, until one has
// answered, as many have been tried as there are (but MaxAttempts at least), or ctx ends. In all else it is a Producer's
// PublishContext, errors included: they are of the last nsqd that was tried. With RetryUnknown it goes on also behind a
// connection that was lost with the message on it, and what then fails is Unknown.
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
		err := try(m.producer)
		if err == nil {
			return nil
		}
		if err, again := p.again(ctx, &f, m, err); !again {
			return err
		}
	}
}

// failover is what a call has behind it.
type failover struct {
	last  *member // failed last
	tries int
	doubt *actor.Error // a member's that may have stored the message
}

// again decides what becomes of a call that has failed at a member: it returns the error to tell, or reports that another member
// is to be tried.
func (p *Pool) again(ctx context.Context, f *failover, m *member, err error) (error, bool) {
	if err == actor.ErrStopped {
		return f.tell(err), !p.closing() // else the member has left the pool under the call
	}
	m.heed(err)
	if !actor.Movable(err, p.cfg.RetryUnknown) || ctx.Err() != nil {
		return f.tell(err), false
	}
	failed := err.(*actor.Error) // as all are that are not bare
	if failed.Outcome == actor.Unknown {
		f.doubt = failed
	}
	f.last, f.tries = m, f.tries+1
	if f.tries >= max(p.attempts, len(p.members.Load().active)) {
		if !p.waits || ctx.Done() == nil {
			return f.tell(err), false
		}
		if ended := p.awaitBetter(ctx); ended != nil {
			return f.tell(instead(failed, ended)), false
		}
		f.tries = 0
	}
	p.counts.moved[failed.Outcome].Add(1)
	return nil, true
}

// tell returns the error as it is, unless an earlier member may have stored the message.
func (f *failover) tell(err error) error {
	if f.doubt == nil || actor.OutcomeOf(err) == actor.Unknown {
		return err
	}
	doubtful := *f.doubt
	// Not by %w: what is inside may imply that nothing was sent.
	doubtful.Err = fmt.Errorf("%w at %s, and then: %v", actor.ErrConnectionLost, doubtful.Addr, err)
	return &doubtful
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
	better := *p.better.Load()
	for _, m := range p.members.Load().active {
		if m.grade(p) != unfit {
			return nil
		}
	}
	select {
	case <-better:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.stopping:
		return actor.ErrStopped
	}
}
