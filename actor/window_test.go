package actor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// room returns how many writes may be unanswered.
func (w window) room() (n int) {
	for w.unanswered = 0; w.open(); w.unanswered++ {
	}
	return w.unanswered
}

// The window is windowBase, and one more for each windowStep of the smallest round trip of this period and of the one before.
func TestWindowFollowsThePath(t *testing.T) {
	const step, second = windowStep, windowPeriod
	var w window
	require.Equal(t, windowBase, w.room(), "nothing is known")
	now := 10 * second
	trip := func(trip int64, want int) {
		t.Helper()
		w.unanswered++
		w.answered(now-trip, now)
		require.Zero(t, w.unanswered)
		require.Equal(t, want, w.room())
	}
	trip(50*step, windowBase+50)
	trip(20*step, windowBase+20)
	trip(50*step, windowBase+20) // an nsqd that is busy does not open it
	trip(20*step-1, windowBase+19)
	trip(19*step, windowBase+19)
	trip(step-1, windowBase)
	trip(step/2, windowBase)
	now += second // the period is not over yet
	trip(90*step, windowBase)
	now++ // now it is: what was seen in it holds for one more
	trip(90*step, windowBase)
	trip(80*step, windowBase)
	now += second + 1
	trip(85*step, windowBase+80) // the path has become longer
	trip(30*step, windowBase+30)
	now += second + 1
	trip(40*step, windowBase+30)
	now += second + 1
	trip(50*step, windowBase+40)
}

// A write that ends with a large command does not count: it is on the wire for longer than a wake-up takes.
func TestWindowDoesNotCountLargeWrites(t *testing.T) {
	l := folding(t, Config{})
	l.queueWords(t, "a b a#")
	l.fill(1)
	require.Zero(t, l.conn.window.unanswered)
	require.False(t, l.flight.commands.at(l.flight.len()-1).last)
}
