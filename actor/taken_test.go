package actor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// MaxPending and MaxPendingBytes bound what is taken, within one write, too: those who have left hold places there that the gate
// does not know of.
func TestTakenIsBounded(t *testing.T) {
	l := folding(t, Config{MaxPending: 5})
	l.queueWords(t, "a a a a a a a")
	require.Equal(t, []string{"MPUB a 0 1 2 3 4"}, l.fillOnce(t).inWords())

	l = folding(t, Config{MaxPending: 5})
	l.queueWords(t, "a a a a a a a")
	l.p.cfg.MaxPending = 3
	l.fill(1)
	require.Equal(t, 3, l.flight.members.len())
	l.out.reset()
	l.p.cfg.MaxPending = 5
	l.fill(1)
	require.Equal(t, 5, l.flight.members.len(), "what is unanswered counts")

	const size, command = 100, 100 + len("PUB t\n") + 4
	for limit, want := range map[int]int{1: 1, command: 1, command + 1: 2, 3 * command: 3, 3*command + 1: 4} {
		l := folding(t, Config{})
		for range 5 {
			l.queue(t, request{kind: publish, topic: "t", body: make([]byte, size)})
		}
		l.p.cfg.MaxPendingBytes = limit
		l.fill(1)
		require.Equal(t, want, l.flight.members.len(), "%d bytes", limit)
	}
	l = folding(t, Config{FoldMessages: 1})
	for range 5 {
		l.queue(t, request{kind: publish, topic: "t", body: make([]byte, size)})
	}
	l.p.cfg.MaxPendingBytes = command
	l.fill(1)
	require.Equal(t, 1, l.flight.members.len())
	l.out.reset()
	l.p.cfg.MaxPendingBytes = 2*command + 1
	l.fill(1)
	require.Equal(t, 3, l.flight.members.len(), "what is unanswered counts beside what is being taken")
}

// What goes again one by one goes a few at a time, those before it counted: see mostAlone.
func TestAloneAreFewAtATime(t *testing.T) {
	l := folding(t, Config{})
	l.queueWords(t, strings.Repeat("a! ", mostAlone+2)+"a b")
	require.Len(t, l.fillOnce(t).commands, mostAlone)
	require.Equal(t, []string{"PUB a 8", "PUB a 9", "PUB a 10", "PUB b 11"}, l.fillOnce(t).inWords())

	l.queueWords(t, "b c "+strings.Repeat("a! ", mostAlone)) // those before them count
	require.Len(t, l.fillOnce(t).commands, mostAlone)
	require.Equal(t, 2, l.backlog.len())

	l = folding(t, Config{})
	l.queueWords(t, strings.Repeat("a! ", mostAlone+2))
	l.fill(1)
	l.out.advance(l.out.len())
	require.Equal(t, mostAlone, l.flight.len())
	l.fill(1) // the window is open, and still none goes out
	require.Equal(t, mostAlone, l.flight.len())
	l.flight.pop(func(*Transaction) {})
	l.fill(1)
	require.Equal(t, mostAlone, l.flight.len())
}
