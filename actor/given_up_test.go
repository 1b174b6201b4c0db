package actor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
)

// TestWhatIsGivenUpTakesNoPlace: while nsqd cannot be had, callers come and leave without end, and what the loop keeps of them
// does not grow.
func TestWhatIsGivenUpTakesNoPlace(t *testing.T) {
	const callers, few = 10_000, 100
	for _, c := range []struct {
		kind kind
		kept func(*loop) int
	}{
		{publish, func(l *loop) int { return l.backlog.len() }},
		{flush, func(l *loop) int { return l.flushes.len() }},
	} {
		p, err := NewProducer("a:1", nil)
		require.NoError(t, err)
		l := newLoop(p)
		for range callers {
			tr := p.fresh(c.kind, 0)
			turn := tr.claim.Turn()
			require.True(t, tr.claim.Advance(state.Free, state.Queued))
			l.receive(tr)
			_, left := tr.claim.Leave(turn)
			require.True(t, left)
			require.Less(t, c.kept(l), few, kinds[c.kind].op)
		}
	}
}

// TestMemoryOfTheGivenUpGoes at once, since its bytes count no longer: what lies in the mailbox until the loop comes by would
// be beyond MaxPendingBytes. What was taken may be under way to the kernel, and stays.
func TestMemoryOfTheGivenUpGoes(t *testing.T) {
	for _, taken := range []bool{false, true} {
		p, err := NewProducer("a:1", nil)
		require.NoError(t, err)
		require.True(t, p.room.tryEnter(1000))
		tr, err := p.admit(&request{kind: publish, topic: "topic", body: make([]byte, 1000)}, 1000)
		require.NoError(t, err)
		s, _, err := p.post(context.Background(), tr, wait)
		require.NoError(t, err)
		if taken {
			require.True(t, tr.claim.Advance(state.Queued, state.Taken))
		}
		_, left := p.leave(s)
		require.True(t, left)
		require.Zero(t, p.Stats().PendingBytes)
		require.Equal(t, taken, tr.command != nil)
	}
}
