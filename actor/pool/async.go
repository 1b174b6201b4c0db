package pool

import (
	"context"
	"errors"
	"time"

	"github.com/nsqactor/producer/actor"
)

// PublishAsync publishes body to topic at one nsqd, or, where that one certainly did not store it, at another, and does not wait
// for the outcome: in all else it is [actor.Producer.PublishAsync], errors included. It waits where the nsqd that was chosen has no
// room, until that one has, or breaks and another has, or the pool is stopped. A publish is moved on at most MaxAttempts times; then,
// and once Shutdown's bound is over, its last failure is its result.
func (p *Pool) PublishAsync(topic string, body []byte, done chan *actor.Transaction, args ...any) error {
	return p.publishAsync(route{}, func(ctx context.Context, m *actor.Producer) error {
		return m.PublishAsyncContext(ctx, topic, body, done, args...)
	})
}

// MultiPublishAsync is PublishAsync for several bodies in one command, at one nsqd, with one result.
func (p *Pool) MultiPublishAsync(topic string, bodies [][]byte, done chan *actor.Transaction, args ...any) error {
	return p.publishAsync(route{}, func(ctx context.Context, m *actor.Producer) error {
		return m.MultiPublishAsyncContext(ctx, topic, bodies, done, args...)
	})
}

// DeferredPublishAsync is PublishAsync for a message that nsqd holds back for delay.
func (p *Pool) DeferredPublishAsync(topic string, delay time.Duration, body []byte, done chan *actor.Transaction, args ...any) error {
	return p.publishAsync(route{}, func(ctx context.Context, m *actor.Producer) error {
		return m.DeferredPublishAsyncContext(ctx, topic, delay, body, done, args...)
	})
}

// TryPublishAsync is PublishAsync that never waits: where no nsqd that can be had has room it returns [actor.ErrFull], bare.
func (p *Pool) TryPublishAsync(topic string, body []byte, done chan *actor.Transaction, args ...any) error {
	return p.tryPublishAsync(route{}, func(m *actor.Producer) error { return m.TryPublishAsync(topic, body, done, args...) })
}

// publishAsync gives a publish to a member. Where that one has no room, it waits there until there is some or the member breaks, and
// then goes to another.
func (p *Pool) publishAsync(r route, give func(context.Context, *actor.Producer) error) error {
	if !p.live() {
		return actor.ErrStopped
	}
	var f failover
	for {
		m := p.choose(r, f.last)
		err := p.ask(&f, m, func(to *actor.Producer) error { return give(m.span(p), to) })
		if err == nil {
			return nil
		}
		if !p.passedBy(err) {
			return p.conclude(&f, err)
		}
	}
}

// passedBy reports whether an asynchronous publish failed because its member has broken, or left the pool, while it waited for room
// there: then another is to be tried.
func (p *Pool) passedBy(err error) bool {
	return (errors.Is(err, context.Canceled) || errors.Is(err, actor.ErrStopped)) && !p.closing()
}

// tryPublishAsync offers a publish to the member that is chosen, and then to the others that are not broken. One with a key has no
// others.
func (p *Pool) tryPublishAsync(r route, give func(*actor.Producer) error) error {
	if !p.live() {
		return actor.ErrStopped
	}
	var f failover
	first := p.choose(r, nil)
	err := p.ask(&f, first, give)
	for err != nil && p.passedBy(err) {
		first = p.choose(r, f.last)
		err = p.ask(&f, first, give)
	}
	if err == actor.ErrFull && !r.keyed {
		for _, m := range p.members.Load().active {
			if m == first || m.grade(p) == unfit {
				continue
			}
			if err = p.ask(&f, m, give); err != actor.ErrFull && (err == nil || !p.passedBy(err)) {
				break
			}
			err = actor.ErrFull
		}
	}
	if err != nil {
		err = p.conclude(&f, err)
	}
	return err
}
