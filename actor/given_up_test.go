package actor

import (
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
