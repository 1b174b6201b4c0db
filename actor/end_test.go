package actor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
)

// TestAbandonedGivesItsRoomBackOnce: whoever leaves a fold gives back what he held, and the answer to it what the others hold.
func TestAbandonedGivesItsRoomBackOnce(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	l := newLoop(p)
	var members [3]sent
	for i := range members {
		require.True(t, p.room.tryEnter(4))
		tr, err := p.admit(&request{kind: publish, topic: "topic", body: []byte("body")}, 4)
		require.NoError(t, err)
		members[i], _, err = p.post(context.Background(), tr, wait)
		require.NoError(t, err)
		require.True(t, tr.claim.Advance(state.Queued, state.Taken))
		if i > 0 {
			members[i-1].t.next = tr
		}
	}
	l.flight.push(command{}, members[0].t)
	outcome, left := p.leave(members[1])
	require.True(t, left)
	require.Equal(t, Unknown, outcome)
	require.Equal(t, 2, p.Pending())
	require.EqualValues(t, 8, p.Stats().PendingBytes)
	l.endAcked()
	require.Zero(t, p.Pending())
	require.Zero(t, p.Stats().PendingBytes)
	require.EqualValues(t, 2, p.Stats().Acked)
	require.EqualValues(t, 1, p.Stats().Unknown)
}
