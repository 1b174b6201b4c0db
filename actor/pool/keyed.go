package pool

import (
	"context"
	"time"

	"github.com/nsqactor/producer/actor"
)

// Keyed publishes what belongs together at one nsqd; see [Pool.ForKey]. Its methods may be called by any number of goroutines at
// once.
type Keyed struct {
	pool  *Pool
	route route
}

// ForKey returns the pool for publishes with a key, and waits for nothing. All with one key go to one nsqd, on one connection, as long as the membership
// stands and that nsqd can be had: so the publishes of one goroutine with one key to one topic are stored in their order. Where it
// cannot be had they go to the key's second choice, and back. Each process chooses alike. It costs a hash of the key and nothing
// else: it may be called for each publish. Keyed's methods are the pool's, errors included.
func (p *Pool) ForKey(key string) Keyed { return Keyed{p, route{keyed: true, key: hash(key)}} }

// Publish is PublishContext without a context.
func (k Keyed) Publish(topic string, body []byte) error {
	return k.PublishContext(context.Background(), topic, body)
}

// PublishContext is [Pool.PublishContext] for the key.
func (k Keyed) PublishContext(ctx context.Context, topic string, body []byte) error {
	return k.pool.publish(ctx, k.route, func(m *actor.Producer) error { return m.PublishContext(ctx, topic, body) })
}

// MultiPublish is MultiPublishContext without a context.
func (k Keyed) MultiPublish(topic string, bodies [][]byte) error {
	return k.MultiPublishContext(context.Background(), topic, bodies)
}

// MultiPublishContext is [Pool.MultiPublishContext] for the key.
func (k Keyed) MultiPublishContext(ctx context.Context, topic string, bodies [][]byte) error {
	return k.pool.publish(ctx, k.route, func(m *actor.Producer) error { return m.MultiPublishContext(ctx, topic, bodies) })
}

// DeferredPublish is DeferredPublishContext without a context.
func (k Keyed) DeferredPublish(topic string, delay time.Duration, body []byte) error {
	return k.DeferredPublishContext(context.Background(), topic, delay, body)
}

// DeferredPublishContext is [Pool.DeferredPublishContext] for the key.
func (k Keyed) DeferredPublishContext(ctx context.Context, topic string, delay time.Duration, body []byte) error {
	return k.pool.publish(ctx, k.route, func(m *actor.Producer) error { return m.DeferredPublishContext(ctx, topic, delay, body) })
}

// PublishAsync is [Pool.PublishAsync] for the key. What has to be moved on goes to any other nsqd, behind what was published
// meanwhile: who needs the order under failures waits for each result.
func (k Keyed) PublishAsync(topic string, body []byte, done chan *actor.Transaction, args ...any) error {
	return k.pool.publishAsync(k.route, func(ctx context.Context, m *actor.Producer) error {
		return m.PublishAsyncContext(ctx, topic, body, done, args...)
	})
}

// MultiPublishAsync is [Pool.MultiPublishAsync] for the key.
func (k Keyed) MultiPublishAsync(topic string, bodies [][]byte, done chan *actor.Transaction, args ...any) error {
	return k.pool.publishAsync(k.route, func(ctx context.Context, m *actor.Producer) error {
		return m.MultiPublishAsyncContext(ctx, topic, bodies, done, args...)
	})
}

// DeferredPublishAsync is [Pool.DeferredPublishAsync] for the key.
func (k Keyed) DeferredPublishAsync(topic string, delay time.Duration, body []byte, done chan *actor.Transaction, args ...any) error {
	return k.pool.publishAsync(k.route, func(ctx context.Context, m *actor.Producer) error {
		return m.DeferredPublishAsyncContext(ctx, topic, delay, body, done, args...)
	})
}

// TryPublishAsync is [Pool.TryPublishAsync] for the key: it returns [actor.ErrFull] where the key's nsqd has no room.
func (k Keyed) TryPublishAsync(topic string, body []byte, done chan *actor.Transaction, args ...any) error {
	return k.pool.tryPublishAsync(k.route, func(m *actor.Producer) error { return m.TryPublishAsync(topic, body, done, args...) })
}
