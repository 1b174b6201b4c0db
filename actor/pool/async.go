package pool

import (
	"time"

	"github.com/nsqactor/producer/actor"
)

// PublishAsync publishes body to topic at one nsqd, or, where that one certainly did not store it, at another, and does not wait
// for the outcome: in all else it is a Producer's PublishAsync. It waits where the nsqd that was chosen has no room. A publish is
// moved on at most MaxAttempts times; then, and once Shutdown's bound is over, its last failure is its result.
func (p *Pool) PublishAsync(topic string, body []byte, done chan *actor.Transaction, args ...any) error {
	return p.publishAsync(route{}, func(m *actor.Producer) error { return m.PublishAsync(topic, body, done, args...) })
}

// MultiPublishAsync is PublishAsync for several bodies in one command, at one nsqd, with one result.
func (p *Pool) MultiPublishAsync(topic string, bodies [][]byte, done chan *actor.Transaction, args ...any) error {
	return p.publishAsync(route{}, func(m *actor.Producer) error { return m.MultiPublishAsync(topic, bodies, done, args...) })
}

// DeferredPublishAsync is PublishAsync for a message that nsqd holds back for delay.
func (p *Pool) DeferredPublishAsync(topic string, delay time.Duration, body []byte, done chan *actor.Transaction, args ...any) error {
	return p.publishAsync(route{}, func(m *actor.Producer) error {
		return m.DeferredPublishAsync(topic, delay, body, done, args...)
	})
}

// TryPublishAsync is PublishAsync that never waits: where no nsqd has room it returns ErrFull, bare.
func (p *Pool) TryPublishAsync(topic string, body []byte, done chan *actor.Transaction, args ...any) error {
	return p.tryPublishAsync(route{}, func(m *actor.Producer) error { return m.TryPublishAsync(topic, body, done, args...) })
}

// publishAsync gives a publish to a member. ErrStopped is that of a member that has left the pool under the call.
func (p *Pool) publishAsync(r route, give func(*actor.Producer) error) error {
	if !p.live() {
		return actor.ErrStopped
	}
	for {
		err := give(p.choose(r, nil).producer)
		if err != actor.ErrStopped || p.closing() {
			return err
		}
	}
}

// tryPublishAsync offers a publish to the member that is chosen, and to the others behind it. One with a key has no others.
func (p *Pool) tryPublishAsync(r route, give func(*actor.Producer) error) error {
	err := p.publishAsync(r, give)
	if err != actor.ErrFull || r.keyed {
		return err
	}
	for _, m := range p.members.Load().active {
		if m.grade(p) != fit {
			continue
		}
		if err := give(m.producer); err != actor.ErrFull && err != actor.ErrStopped {
			return err
		}
	}
	return actor.ErrFull
}
