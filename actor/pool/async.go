package pool

import (
	"context"
	"errors"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
)

// PublishAsync publishes body to topic at one nsqd, or, where that one certainly did not store it, at another, and does not wait
// for the outcome: in all else it is a Producer's PublishAsync. It waits where the nsqd that was chosen has no room. A publish is
// moved on at most MaxAttempts times; then, and once Shutdown's bound is over, its last failure is its result.
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

// TryPublishAsync is PublishAsync that never waits: where no nsqd has room it returns ErrFull, bare.
func (p *Pool) TryPublishAsync(topic string, body []byte, done chan *actor.Transaction, args ...any) error {
	return p.tryPublishAsync(route{}, func(m *actor.Producer) error { return m.TryPublishAsync(topic, body, done, args...) })
}

// publishAsync gives a publish to a member. Where that one has no room, it waits there until there is some or the member breaks, and
// then goes to another. ErrStopped is that of a member that has left the pool under the call.
func (p *Pool) publishAsync(r route, give func(context.Context, *actor.Producer) error) error {
	if !p.live() {
		return actor.ErrStopped
	}
	var avoid *member
	for {
		m := p.choose(r, avoid)
		ctx := context.Background()
		if m.breaker.Load() != state.Broken { // else all are, and each is as good as any
			ctx = m.whole.Load()
		}
		err := give(ctx, m.producer)
		if err == nil || !errors.Is(err, context.Canceled) && (err != actor.ErrStopped || p.closing()) {
			return err
		}
		avoid = m
	}
}

// tryPublishAsync offers a publish to the member that is chosen, and to the others behind it. One with a key has no others.
func (p *Pool) tryPublishAsync(r route, give func(*actor.Producer) error) error {
	if !p.live() {
		return actor.ErrStopped
	}
	first := p.choose(r, nil)
	err := give(first.producer)
	if r.keyed {
		return err
	}
	for _, m := range p.members.Load().active {
		if err != actor.ErrFull && (err != actor.ErrStopped || p.closing()) {
			break
		}
		if m != first && m.grade(p) == fit {
			err = give(m.producer)
		}
	}
	return err
}
