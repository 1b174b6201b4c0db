package actor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
)

// TestFlushCountsWhatIsBeforeIt: queued or in flight, but not what its caller has left, and ends with the last of it.
func TestFlushCountsWhatIsBeforeIt(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	l := newLoop(p)
	post := func() sent {
		require.True(t, p.room.tryEnter(1))
		tr, err := p.admit(&request{kind: publish, topic: "topic", body: []byte("x")}, 1)
		require.NoError(t, err)
		s, _, err := p.post(context.Background(), tr, wait)
		require.NoError(t, err)
		return s
	}
	first, second, third := post(), post(), post()
	asked := p.fresh(flush, 0)
	asked.dest = asked.done
	_, _, err = p.post(context.Background(), asked, wait)
	require.NoError(t, err)
	post() // behind it
	l.collect()
	require.True(t, first.t.claim.Advance(state.Queued, state.Taken))
	l.flight.push(command{}, l.backlog.popFront())
	_, left := p.leave(third)
	require.True(t, left)
	l.countFlushes()
	require.Equal(t, 2, l.flushes.front().left)
	l.endAcked()
	require.Empty(t, asked.done)
	require.Same(t, second.t, l.backlog.popFront())
	l.end(second.t, NotSent, ErrStopped)
	require.Len(t, asked.done, 1)
}
