package actor_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// limited has limits that small inputs break.
func limited() *actor.Config {
	return &actor.Config{MaxMsgSize: 100, MaxBodySize: 300, MaxPendingBytes: 250}
}

// badInput is what must be refused before anybody but the caller has to do with it.
type badInput struct {
	name  string
	op    string
	is    error    // what the error wraps
	says  []string // what it must name
	topic string
	delay time.Duration
	body  []byte   // of Publish and DeferredPublish
	batch [][]byte // of MultiPublish
}

func badInputs() (all []badInput) {
	body := []byte("body")
	for _, topic := range []struct {
		name, topic string
		says        []string
	}{
		{"empty topic", "", []string{"it is empty"}},
		{"topic of 65 bytes", strings.Repeat("t", 65), []string{"65 bytes", "64"}},
		{"ephemeral topic of 65 bytes", strings.Repeat("t", 55) + "#ephemeral", []string{"65 bytes", "64"}},
		{"topic with a space", "a b", []string{`"a b"`, `" "`, "offset 1"}},
		{"space behind the topic", "a ", []string{`"a "`, "offset 1"}},
		{"command in the topic", "a\nPUB b", []string{`"a\nPUB b"`, `"\n"`, "offset 1"}},
		{"carriage return behind the topic", "a\r", []string{`"\r"`}},
		{"zero byte", "a\x00", []string{`"\x00"`}},
		{"beyond ASCII", "tópico", []string{"offset 1"}},
		{"not UTF-8", "a\xff", []string{`"\xff"`}},
		{"slash", "a/b", []string{`"/"`}},
		{"number sign", "a#b", []string{`"#"`}},
		{"nothing before ephemeral", "#ephemeral", []string{"#ephemeral"}},
		{"ephemeral twice", "a#ephemeral#ephemeral", []string{`"#"`}},
		{"ephemeral in the middle", "a#ephemeralb", []string{`"#"`}},
	} {
		says := append(topic.says, "invalid topic")
		all = append(all,
			badInput{name: topic.name, op: "Publish", is: wire.ErrTopic, says: says, topic: topic.topic, body: body},
			badInput{name: topic.name, op: "MultiPublish", is: wire.ErrTopic, says: says, topic: topic.topic, batch: [][]byte{body}},
			badInput{name: topic.name, op: "DeferredPublish", is: wire.ErrTopic, says: says, topic: topic.topic, body: body})
	}
	for _, op := range []string{"Publish", "DeferredPublish"} {
		all = append(all,
			badInput{name: "nil body", op: op, is: wire.ErrEmpty, says: []string{"the body is empty"}},
			badInput{name: "empty body", op: op, is: wire.ErrEmpty, says: []string{"the body is empty"}, body: []byte{}},
			badInput{name: "body above MaxMsgSize", op: op, is: wire.ErrSize, says: []string{"101 bytes", "MaxMsgSize is 100"}, body: make([]byte, 101)})
	}
	ones := func(n int) [][]byte { return bytes.SplitAfter(bytes.Repeat([]byte{'1'}, n), []byte{'1'})[:n] }
	for _, b := range []badInput{
		{name: "nil batch", is: wire.ErrEmpty, says: []string{"no messages"}},
		{name: "empty batch", is: wire.ErrEmpty, says: []string{"no messages"}, batch: [][]byte{}},
		{name: "only an empty message", is: wire.ErrEmpty, says: []string{"message 0"}, batch: [][]byte{{}}},
		{name: "an empty message", is: wire.ErrEmpty, says: []string{"message 2", "empty"}, batch: [][]byte{{1}, {2}, nil, {4}}},
		{name: "a message above MaxMsgSize", is: wire.ErrSize, says: []string{"message 1", "101 bytes", "MaxMsgSize is 100"},
			batch: [][]byte{{1}, make([]byte, 101)}},
		{name: "batch above MaxBodySize", is: wire.ErrSize, says: []string{"301 bytes", "MaxBodySize is 300"},
			batch: [][]byte{make([]byte, 100), make([]byte, 100), make([]byte, 85)}},
		{name: "more messages than nsqd takes", is: wire.ErrSize, says: []string{"304 bytes", "MaxBodySize is 300"}, batch: ones(60)}, // (300-4)/5 is 59
		{name: "batch above MaxPendingBytes", is: wire.ErrSize, says: []string{"254 bytes", "MaxPendingBytes is 250"}, batch: ones(50)},
	} {
		b.op = "MultiPublish"
		all = append(all, b)
	}
	for _, delay := range []time.Duration{-1, -time.Hour, time.Hour + 1, 1<<63 - 1, -1 << 63} {
		all = append(all, badInput{name: fmt.Sprintf("delay %d", delay), op: "DeferredPublish", is: wire.ErrDelay,
			says: []string{"invalid delay", delay.String()}, delay: delay, body: body})
	}
	for i := range all {
		if all[i].is != wire.ErrTopic {
			all[i].topic = "topic"
		}
	}
	return all
}

// calls returns the calls that take such an input: without a context, with one, asynchronous ones.
func (b *badInput) calls(p *actor.Producer, done chan *actor.Transaction) map[string]func() error {
	ctx := context.Background()
	switch b.op {
	case "Publish":
		return map[string]func() error{
			"sync":    func() error { return p.Publish(b.topic, b.body) },
			"context": func() error { return p.PublishContext(ctx, b.topic, b.body) },
			"async":   func() error { return p.PublishAsync(b.topic, b.body, done, "arg") },
			"forget":  func() error { return p.PublishAsync(b.topic, b.body, nil) },
			"try":     func() error { return p.TryPublishAsync(b.topic, b.body, done) },
		}
	case "MultiPublish":
		return map[string]func() error{
			"sync":    func() error { return p.MultiPublish(b.topic, b.batch) },
			"context": func() error { return p.MultiPublishContext(ctx, b.topic, b.batch) },
			"async":   func() error { return p.MultiPublishAsync(b.topic, b.batch, done, "arg") },
			"forget":  func() error { return p.MultiPublishAsync(b.topic, b.batch, nil) },
		}
	default:
		return map[string]func() error{
			"sync":    func() error { return p.DeferredPublish(b.topic, b.delay, b.body) },
			"context": func() error { return p.DeferredPublishContext(ctx, b.topic, b.delay, b.body) },
			"async":   func() error { return p.DeferredPublishAsync(b.topic, b.delay, b.body, done, "arg") },
			"forget":  func() error { return p.DeferredPublishAsync(b.topic, b.delay, b.body, nil) },
		}
	}
}

// refuseAll makes every bad call, on a goroutine of its own so that one that waits is seen.
func refuseAll(t *testing.T, p *actor.Producer) {
	done := make(chan *actor.Transaction, 1000)
	before := p.Stats().Submitted
	for _, bad := range badInputs() {
		for form, call := range bad.calls(p, done) {
			what := bad.op + " " + form + ": " + bad.name
			err := receive(t, started(call))
			failed, ours := err.(*actor.Error)
			require.True(t, ours, "%s: %v", what, err)
			require.Equal(t, actor.Error{Op: bad.op, Topic: bad.topic, Addr: p.String(), Outcome: actor.NotSent, Err: failed.Err}, *failed, what)
			require.ErrorIs(t, err, bad.is, what)
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err), what)
			for _, words := range append(bad.says, bad.op, "not sent") {
				if bad.topic != "" || words != "not sent" {
					require.Contains(t, err.Error(), words, what)
				}
			}
		}
	}
	require.Empty(t, done, "an error means that no result comes")
	require.Equal(t, before, p.Stats().Submitted, "nothing was accepted")
}

func TestBadInputIsRefusedBeforeAByteIsWritten(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, limited())
	refuseAll(t, p)
	require.Zero(t, p.Stats(), "not even the loop runs")
	require.Zero(t, srv.Stats().Conns)

	// What lies just within the limits goes, and all over one connection, bad input in between or not.
	require.NoError(t, p.Publish(strings.Repeat("t", 64), make([]byte, 100)))
	refuseAll(t, p)
	require.NoError(t, p.DeferredPublish("later", time.Hour, make([]byte, 100)))
	require.NoError(t, p.MultiPublish("batch", [][]byte{make([]byte, 100), make([]byte, 100), make([]byte, 34)})) // 250 bytes
	require.Equal(t, 1, srv.Stats().Conns)
	require.Zero(t, srv.Stats().Refused)
	require.Equal(t, 4, srv.Stats().Commands, "IDENTIFY and three publishes")
	requireBooks(t, p)
}

func TestBadInputIsRefusedAtOnce(t *testing.T) {
	small := func() *actor.Config {
		cfg := limited()
		cfg.MaxPending = 1
		return cfg
	}
	t.Run("while the producer is full", func(t *testing.T) {
		srv, door := newDouble(t), newBarrier()
		cfg := small()
		cfg.Dial, cfg.DialTimeout = door.dial, patience
		p := newProducer(t, srv.Addr, cfg)
		require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
		waiting := started(func() error { return p.Publish("topic", []byte("body")) })
		until(t, "a caller waits for room", func() bool { return leak.GoroutinesIn("(*gate).enter") == 1 })
		refuseAll(t, p)
		door.open()
		require.NoError(t, receive(t, waiting))
		require.Equal(t, 2, srv.MessageCount("topic"))
	})
	t.Run("while nsqd is stalled", func(t *testing.T) {
		srv := newDouble(t)
		p := newProducer(t, srv.Addr, small())
		require.NoError(t, p.Ping())
		srv.Stall()
		waiting := started(func() error { return p.Publish("topic", []byte("body")) })
		require.NoError(t, srv.WaitMessages(testContext(t), 1))
		refuseAll(t, p)
		srv.Resume()
		require.NoError(t, receive(t, waiting))
		require.NoError(t, p.Publish("topic", []byte("body")))
		require.Equal(t, 1, srv.Stats().Conns)
	})
	t.Run("while results lie unread", func(t *testing.T) {
		srv := newDouble(t)
		p := newProducer(t, srv.Addr, small())
		unread := make(chan *actor.Transaction)
		require.NoError(t, p.PublishAsync("topic", []byte("body"), unread))
		until(t, "a result waits", func() bool { return p.Stats().Undelivered == 1 })
		refuseAll(t, p)
		require.NoError(t, receive(t, unread).Error)
	})
	t.Run("while nsqd is down", func(t *testing.T) {
		srv := newDouble(t)
		srv.CloseListener()
		p := newProducer(t, srv.Addr, small())
		require.ErrorIs(t, p.Publish("topic", []byte("body")), actor.ErrNotConnected)
		refuseAll(t, p)
	})
	t.Run("after Stop", func(t *testing.T) {
		p := newProducer(t, "nsqd.invalid:4150", small())
		p.Stop()
		refuseAll(t, p)
	})
}

// The defaults are nsqd's own limits, tried at their edges.
func TestDefaultLimits(t *testing.T) {
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	require.NoError(t, p.Publish("topic", make([]byte, 1<<20)))
	require.ErrorIs(t, p.Publish("topic", make([]byte, 1<<20+1)), wire.ErrSize)

	mib := make([]byte, 1<<20)
	full := [][]byte{mib, mib, mib, mib, mib[:1<<20-4-5*4]} // with its own lengths and the count, 5,242,880 bytes
	require.NoError(t, p.MultiPublish("topic", full))
	full[4] = mib[:1<<20-4-5*4+1]
	require.ErrorIs(t, p.MultiPublish("topic", full), wire.ErrSize)

	many := make([][]byte, (5_242_880-4)/5+1)
	for i := range many {
		many[i] = mib[:1]
	}
	require.ErrorIs(t, p.MultiPublish("topic", many), wire.ErrSize)
	require.Equal(t, 1, srv.Stats().Conns)
	require.Equal(t, 1+5, srv.MessageCount("topic"))

	// The most messages that nsqd takes, where its limit is low enough to count to it in a test.
	tight := wiretest.Config{MaxBodySize: 1004}.NewServer()
	t.Cleanup(tight.Close)
	p = newProducer(t, tight.Addr, &actor.Config{MaxBodySize: 1004})
	require.ErrorIs(t, p.MultiPublish("topic", many[:201]), wire.ErrSize)
	require.NoError(t, p.MultiPublish("topic", many[:200]))
	require.Equal(t, 200, tight.MessageCount("topic"))
}
