package actor

import (
	"context"
	"time"
)

// Publisher is what a [Producer] and a pool of several (package actor/pool) have in common, for services that want to move from
// one to the other, or to replace either in a test. The methods keep what they promise on a Producer, errors included, and may be
// called by any number of goroutines at once.
//
// Both have Connect, AckTimes and String, too. Their Stats differ in type: a pool's has a Producer's embedded. Asynchronous
// publishes that take a context are a Producer's alone.
type Publisher interface {
	Publish(topic string, body []byte) error
	PublishContext(ctx context.Context, topic string, body []byte) error
	MultiPublish(topic string, bodies [][]byte) error
	MultiPublishContext(ctx context.Context, topic string, bodies [][]byte) error
	DeferredPublish(topic string, delay time.Duration, body []byte) error
	DeferredPublishContext(ctx context.Context, topic string, delay time.Duration, body []byte) error

	PublishAsync(topic string, body []byte, done chan *Transaction, args ...any) error
	MultiPublishAsync(topic string, bodies [][]byte, done chan *Transaction, args ...any) error
	DeferredPublishAsync(topic string, delay time.Duration, body []byte, done chan *Transaction, args ...any) error
	TryPublishAsync(topic string, body []byte, done chan *Transaction, args ...any) error

	Ping() error
	PingContext(ctx context.Context) error
	Flush(ctx context.Context) error
	Stop()
	Shutdown(ctx context.Context) (Tally, error)
}

var _ Publisher = (*Producer)(nil)
