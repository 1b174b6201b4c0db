package actor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

// tracing returns a trace whose events come as words.
func tracing() (*actor.Trace, chan string) {
	words := make(chan string, 1000)
	say := func(format string, args ...any) { words <- fmt.Sprintf(format, args...) }
	return &actor.Trace{
		ConnectStart: func(time.Time) { say("start") },
		Connected:    func(time.Time) { say("connected") },
		ConnectError: func(_ time.Time, cause error) { say("failed: %v", cause != nil) },
		Lost:         func(_ time.Time, cause error) { say("lost: %v", cause) },
		LinkMoved:    func(_ time.Time, from, to state.Link) { say("%v -> %v", from, to) },
		Batch:        func(_ time.Time, b actor.Batch) { say("%d in %d, %d bytes", b.Publishes, b.Commands, b.Bytes) },
	}, words
}

func TestTrace(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	trace, words := tracing()
	p := newProducer(t, srv.Addr, &actor.Config{Trace: trace})
	expect := func(all ...string) {
		t.Helper()
		for _, want := range all {
			require.Equal(t, want, receive(t, words))
		}
	}
	require.NoError(t, p.Publish("topic", []byte("body")))
	expect("unlinked -> connecting", "start", "connecting -> up", "connected", "1 in 1, 18 bytes")
	require.NoError(t, p.MultiPublish("topic", [][]byte{{1}, {2}}))
	expect("1 in 1, 29 bytes")
	p.Stop()
	expect("up -> unlinked")
	require.Zero(t, p.Stats().Untold)
}

func TestTraceOfAFold(t *testing.T) {
	leak.Check(t)
	srv, door := newDouble(t), newBarrier()
	batches := make(chan actor.Batch, 1)
	p := newProducer(t, srv.Addr, &actor.Config{FoldMessages: 256, Dial: door.dial, DialTimeout: patience,
		Trace: &actor.Trace{Batch: func(_ time.Time, b actor.Batch) { batches <- b }}})
	for _, topic := range []string{"a", "b", "a"} {
		require.NoError(t, p.PublishAsync(topic, []byte("body"), nil))
	}
	door.open()
	require.Equal(t, actor.Batch{Publishes: 3, Commands: 2, Bytes: len("MPUB a\n") + 4 + 4 + 2*(4+4) + len("PUB b\n") + 4 + 4}, receive(t, batches))
}

func TestTraceOfALoss(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnPublish(1).Conn(1).Close())
	trace, words := tracing()
	trace.Batch = nil
	p := newProducer(t, srv.Addr, &actor.Config{Trace: trace})
	require.Error(t, p.Publish("topic", []byte("body")))
	require.NoError(t, p.Publish("topic", []byte("body")))
	srv.CloseListener()
	srv.CloseAll()
	eventually(t, func() bool { return p.Stats().Link == state.Down }, "down")
	p.Stop()
	for _, want := range []string{
		"unlinked -> connecting", "start", "connecting -> up", "connected",
		"lost: EOF", "up -> connecting", "start", "connecting -> up", "connected",
		"lost: EOF", "up -> connecting", "start", "failed: true", "connecting -> down", // and then again
	} {
		require.Equal(t, want, receive(t, words))
	}
}

// A trace that does not return holds up nothing; what it misses is counted.
func TestTraceThatBlocks(t *testing.T) {
	srv := newDouble(t)
	gate := make(chan struct{})
	p := newProducer(t, srv.Addr, &actor.Config{Trace: &actor.Trace{Batch: func(time.Time, actor.Batch) { <-gate }}})
	const n = 1000
	for range n {
		require.NoError(t, p.Publish("topic", []byte("body")))
	}
	s := p.Stats()
	require.EqualValues(t, n, s.Acked)
	require.EqualValues(t, n, s.Batches)
	require.InDelta(t, n-256, s.Untold, 1, "one is being told")
	p.Stop()
	close(gate)
}
