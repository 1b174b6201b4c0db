package actor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
)

// TestDrained: a loop that is stopping is through when nobody waits for an outcome any more, wherever his publish lies.
func TestDrained(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	l := newLoop(p)
	require.False(t, l.drained(), "not stopping")
	l.draining = true
	require.True(t, l.drained())
	require.True(t, p.room.tryEnter(1))
	tr, err := p.admit(&request{kind: publish, topic: "topic", body: []byte("x")}, 1)
	require.NoError(t, err)
	s, _, err := p.post(context.Background(), tr, wait)
	require.NoError(t, err)
	require.False(t, l.drained(), "in the mailbox")
	l.collect()
	require.False(t, l.drained(), "queued")
	require.True(t, tr.claim.Advance(state.Queued, state.Taken))
	l.flight.push(command{}, l.backlog.popFront())
	require.False(t, l.drained(), "in flight")
	_, left := p.leave(s)
	require.True(t, left)
	require.True(t, l.drained(), "abandoned")
}

func TestTallyIsOfWhatCameSince(t *testing.T) {
	base := Tally{Acked: 1, Refused: 2, NotSent: 3, Unknown: 4, Undelivered: 5}
	all := Tally{Acked: 10, Refused: 20, NotSent: 30, Unknown: 40, Undelivered: 50}
	require.Equal(t, Tally{Acked: 9, Refused: 18, NotSent: 27, Unknown: 36, Undelivered: 45}, all.since(base))
}

// TestFlushLeavesItsWatchToShutdown: a Flush that ends while the producer stops does not make it deaf to those who leave.
func TestFlushLeavesItsWatchToShutdown(t *testing.T) {
	for _, draining := range []bool{false, true} {
		p, err := NewProducer("a:1", nil)
		require.NoError(t, err)
		l := newLoop(p)
		l.draining = draining
		p.watched.Set()
		l.endFlushes()
		require.Equal(t, draining, p.watched.IsSet())
	}
}

// TestFarewellEndsFlushes: what was abandoned while the connection was ended has told no Flush of its end.
func TestFarewellEndsFlushes(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	require.True(t, p.phase.Advance(state.Idle, state.Live))
	tr := p.fresh(flush, 0)
	tr.dest = tr.done
	_, _, err = p.post(context.Background(), tr, wait)
	require.NoError(t, err)
	l := newLoop(p)
	l.collect()
	l.recount, l.flushes.front().left = false, 1
	require.True(t, p.phase.Advance(state.Live, state.Draining))
	l.draining = true
	l.farewell()
	require.Len(t, tr.done, 1)
	require.NoError(t, tr.Error)
}
