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
		err, again := p.given(&f, m, give(m.span(p), m.producer))
		if again {
			continue
		}
		if err != nil {
			err = p.conclude(&f, err)
		}
		return err
	}
}

// given decides what becomes of an asynchronous publish that a member has taken or not: it returns how that ended, or reports that
// another member is to be tried.
func (p *Pool) given(f *failover, m *member, err error) (error, bool) {
	failed, ours := err.(*actor.Error)
	if f.held && (err == nil || ours && failed.Accepted()) {
		f.held = false
		p.counts.adopt()
	}
	f.held = f.held || ours && failed.HandedBack()
	f.last = m
	if !errors.Is(err, context.Canceled) && !errors.Is(err, actor.ErrStopped) {
		return err, false
	}
	// The member has broken, or left the pool, while the publish waited for room there; or the pool is at its end.
	return actor.ErrStopped, !p.closing()
}

// tryPublishAsync offers a publish to the member that is chosen, and then to the others that are not broken. One with a key has no
// others.
func (p *Pool) tryPublishAsync(r route, give func(*actor.Producer) error) error {
	if !p.live() {
		return actor.ErrStopped
	}
	var f failover
	first := p.choose(r, nil)
	err, again := p.given(&f, first, give(first.producer))
	for again {
		first = p.choose(r, f.last)
		err, again = p.given(&f, first, give(first.producer))
	}
	if err == actor.ErrFull && !r.keyed {
		for _, m := range p.members.Load().active {
			if m == first || m.grade(p) == unfit {
				continue
			}
			if err, again = p.given(&f, m, give(m.producer)); !again && err != actor.ErrFull {
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
