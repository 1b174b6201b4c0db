package actor

import (
	"context"
	"time"
)

// PublishAsync publishes body to topic and does not wait for the outcome: the result comes on done, as a [*Transaction] with
// args in it. nil means that exactly one result will come, an error that none will: [wire.ErrTopic], [wire.ErrEmpty] or
// [wire.ErrSize] in an [*Error], as from PublishContext, or [ErrStopped], bare; with RetryUnknown also, if the producer was stopped
// meanwhile, an [*Error] with [ErrConnectionLost]. All other errors of PublishContext come as results. Topic, body and args may be
// reused as soon as it returns.
//
// It waits while the producer is full, and while MaxPending asynchronous publishes are pending or have a result for which their
// channel has no room; Stop ends that. Results are offered to done without waiting; what does not fit is delivered in order when
// done is read.
// So who publishes and reads done in one goroutine must leave room in done for all that is outstanding, or use TryPublishAsync.
// done must not be closed while results are outstanding; when Shutdown has returned none are. A nil done means that nobody
// wants the result.
func (p *Producer) PublishAsync(topic string, body []byte, done chan *Transaction, args ...any) error {
	return p.PublishAsyncContext(context.Background(), topic, body, done, args...)
}

// PublishAsyncContext is PublishAsync that waits for room until ctx ends: then, and when ctx has ended before the call, it returns
// an [*Error] with ctx's error, as not sent. Once it has returned nil, ctx means nothing more to the publish, nor to WaitConnected.
func (p *Producer) PublishAsyncContext(ctx context.Context, topic string, body []byte, done chan *Transaction, args ...any) error {
	return p.publishAsync(ctx, request{kind: publish, topic: topic, body: body}, done, args, wait)
}

// MultiPublishAsync is PublishAsync for several bodies in one command with one result, with MultiPublishContext's errors.
func (p *Producer) MultiPublishAsync(topic string, bodies [][]byte, done chan *Transaction, args ...any) error {
	return p.MultiPublishAsyncContext(context.Background(), topic, bodies, done, args...)
}

// MultiPublishAsyncContext is PublishAsyncContext for several bodies in one command with one result.
func (p *Producer) MultiPublishAsyncContext(
	ctx context.Context, topic string, bodies [][]byte, done chan *Transaction, args ...any,
) error {
	return p.publishAsync(ctx, request{kind: multiPublish, topic: topic, bodies: bodies}, done, args, wait)
}

// DeferredPublishAsync is PublishAsync for a message that nsqd holds back for delay, with [wire.ErrDelay] too.
func (p *Producer) DeferredPublishAsync(
	topic string, delay time.Duration, body []byte, done chan *Transaction, args ...any,
) error {
	return p.DeferredPublishAsyncContext(context.Background(), topic, delay, body, done, args...)
}

// DeferredPublishAsyncContext is PublishAsyncContext for a message that nsqd holds back for delay.
func (p *Producer) DeferredPublishAsyncContext(
	ctx context.Context, topic string, delay time.Duration, body []byte, done chan *Transaction, args ...any,
) error {
	return p.publishAsync(ctx, request{kind: deferredPublish, topic: topic, delay: delay, body: body}, done, args, wait)
}

// TryPublishAsync is PublishAsync that never waits: where PublishAsync would, it returns [ErrFull], bare. With MaxPending results
// outstanding it may do so for a moment after one was received: the place is given back behind the delivery.
func (p *Producer) TryPublishAsync(topic string, body []byte, done chan *Transaction, args ...any) error {
	return p.publishAsync(context.Background(), request{kind: publish, topic: topic, body: body}, done, args, try)
}

// entry says what a call does when the producer is full.
type entry bool

const (
	wait entry = false
	try  entry = true
)

func (e entry) enter(ctx context.Context, g *gate, stop <-chan struct{}, size int) error {
	if e == wait {
		return g.enter(ctx, stop, size)
	}
	if !g.tryEnter(size) {
		return ErrFull
	}
	return nil
}

// publishAsync accepts a request within both bounds, that of undelivered results first: to wait for readers while holding room
// would make others wait for them, too.
func (p *Producer) publishAsync(ctx context.Context, r request, done chan *Transaction, args []any, e entry) error {
	size, err := r.check(&p.cfg)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return p.fail(r.kind, r.topic, NotSent, err)
	}
	if !p.live() {
		return ErrStopped
	}
	counts := done != nil || p.cfg.HandBack > 0 // what nobody reads holds a place too if it may be handed back
	if counts {
		if err := e.enter(ctx, &p.unread, p.stopping, 0); err != nil {
			return p.fail(r.kind, r.topic, NotSent, err)
		}
	}
	err = p.postAsync(ctx, &r, size, done, args, e)
	if err != nil && counts {
		p.unread.leave(1, 0)
	}
	return err
}

func (p *Producer) postAsync(ctx context.Context, r *request, size int, done chan *Transaction, args []any, e entry) error {
	if err := e.enter(ctx, &p.room, p.stopping, size); err != nil {
		return p.fail(r.kind, r.topic, NotSent, err)
	}
	t, err := p.admit(r, size)
	if err != nil {
		return err
	}
	t.dest = done
	t.waits = false
	t.Args = append(t.Args, args...)
	_, outcome, err := p.post(ctx, t, e)
	if err != nil {
		return p.booked(r.kind, r.topic, outcome, err, err != ErrFull)
	}
	return nil
}
