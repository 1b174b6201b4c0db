//go:build go1.25

package model

import (
	"context"

	"github.com/nsqactor/producer/actor"
)

// call is a caller's goroutine: it does its steps one after the other.
func (w *world) call(queue <-chan *entry) {
	defer w.callers.Done()
	var c caller
	for e := range queue {
		c.do(w, e)
	}
}

// caller has the memory from which one goroutine publishes.
type caller struct {
	memory []byte
	bodies [][]byte
}

// do does one step, and spoils what it published from as soon as the call returns: the library has copied it.
func (c *caller) do(w *world, e *entry) {
	c.memory, c.bodies = c.memory[:0], c.bodies[:0]
	for i := range e.count {
		c.memory = appendBody(c.memory, e.number, i, e.size)
	}
	for i := range e.count {
		c.bodies = append(c.bodies, c.memory[i*e.size:(i+1)*e.size])
	}
	ctx := context.Background()
	if e.give != unbounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.give)
		defer cancel()
	}
	e.called, e.began = true, w.now()
	e.err = c.perform(w.p, ctx, e, w.done[e.done])
	e.ended, e.returned = w.now(), true
	clear(c.memory)
}

func (c *caller) perform(p *actor.Producer, ctx context.Context, e *entry, done chan *actor.Transaction) error {
	if e.how == forgotten {
		done = nil
	}
	switch e.act {
	case badInput:
		return badInputs[e.odd].publish(p, e, done)
	case ping:
		if e.give == unbounded {
			return p.Ping()
		}
		return p.PingContext(ctx)
	case flush:
		return p.Flush(ctx)
	}
	switch e.how {
	case waiting:
		return c.wait(p, ctx, e)
	case try:
		return p.TryPublishAsync(e.topic, c.memory, done, e) // of batches, too: their messages as one
	}
	switch e.act {
	case multiPublish:
		return p.MultiPublishAsync(e.topic, c.bodies, done, e)
	case deferredPublish:
		return p.DeferredPublishAsync(e.topic, e.delay, c.memory, done, e)
	}
	return p.PublishAsync(e.topic, c.memory, done, e)
}

func (c *caller) wait(p *actor.Producer, ctx context.Context, e *entry) error {
	bounded := e.give != unbounded
	switch e.act {
	case multiPublish:
		if bounded {
			return p.MultiPublishContext(ctx, e.topic, c.bodies)
		}
		return p.MultiPublish(e.topic, c.bodies)
	case deferredPublish:
		if bounded {
			return p.DeferredPublishContext(ctx, e.topic, e.delay, c.memory)
		}
		return p.DeferredPublish(e.topic, e.delay, c.memory)
	}
	if bounded {
		return p.PublishContext(ctx, e.topic, c.memory)
	}
	return p.Publish(e.topic, c.memory)
}
