//go:build go1.25

package model

import (
	"strings"
	"time"

	"github.com/nsqactor/producer/actor"
)

// badInputs are publishes that the client must refuse by itself.
var badInputs = []struct {
	what    string
	publish func(p *actor.Producer, e *entry, done chan *actor.Transaction) error
}{
	{"no topic", badTopic("")},
	{"a topic with a space", badTopic("alpha beta")},
	{"a topic with a command", badTopic("alpha\nNOP\nPUB beta")},
	{"a topic too long", badTopic(strings.Repeat("a", 65))},
	{"an empty body", func(p *actor.Producer, e *entry, done chan *actor.Transaction) error {
		return one(p, "alpha", nil, e, done)
	}},
	{"a body too large", func(p *actor.Producer, e *entry, done chan *actor.Transaction) error {
		return one(p, "alpha", tooLarge, e, done)
	}},
	{"an empty batch", badBatch()},
	{"a batch with an empty body", badBatch([]byte("body"), nil)},
	{"a batch with a body too large", badBatch([]byte("body"), tooLarge)},
	{"a negative delay", badDelay(-time.Nanosecond)},
	{"a delay too long", badDelay(time.Hour + time.Nanosecond)},
}

var tooLarge = make([]byte, 1<<20+1)

func one(p *actor.Producer, topic string, body []byte, e *entry, done chan *actor.Transaction) error {
	switch e.how {
	case waiting:
		return p.Publish(topic, body)
	case try:
		return p.TryPublishAsync(topic, body, done, e)
	}
	return p.PublishAsync(topic, body, done, e)
}

func badTopic(topic string) func(*actor.Producer, *entry, chan *actor.Transaction) error {
	return func(p *actor.Producer, e *entry, done chan *actor.Transaction) error {
		return one(p, topic, []byte("body"), e, done)
	}
}

func badBatch(bodies ...[]byte) func(*actor.Producer, *entry, chan *actor.Transaction) error {
	return func(p *actor.Producer, e *entry, done chan *actor.Transaction) error {
		if e.how == waiting {
			return p.MultiPublish("alpha", bodies)
		}
		return p.MultiPublishAsync("alpha", bodies, done, e)
	}
}

func badDelay(delay time.Duration) func(*actor.Producer, *entry, chan *actor.Transaction) error {
	return func(p *actor.Producer, e *entry, done chan *actor.Transaction) error {
		if e.how == waiting {
			return p.DeferredPublish("alpha", delay, []byte("body"))
		}
		return p.DeferredPublishAsync("alpha", delay, []byte("body"), done, e)
	}
}
