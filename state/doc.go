// Package state holds the atomic flags of a producer: the only memory that its goroutines share beside channels, counters and
// pointers to what never changes.
//
// A flag is a fact to read, never a queue: what must not be missed goes through a channel. Each kind of flag has its legal
// moves in one table next to its names; a move that is not in the table is a mistake in the program and panics, a legal move
// that somebody else was faster with reports false. Nothing here ever waits, and everything may be called by any number of goroutines
// at once, as far as the moves are theirs to make: that stands with each cell.
package state

import (
	"fmt"
	"sync/atomic"
)

// moves[from] has the bit of each state that may follow from.
type moves [maxStates]uint32

const maxStates = 6

func to[S ~uint32](states ...S) (bits uint32) {
	for _, s := range states {
		bits |= 1 << s
	}
	return bits
}

// advance moves v from one state to another, and reports whether this call did it.
func advance(v *atomic.Uint32, legal *moves, from, to uint32) bool {
	if legal[from]&(1<<to) == 0 {
		illegal(from, to)
	}
	return v.CompareAndSwap(from, to)
}

func illegal(from, to uint32) {
	panic(fmt.Sprintf("state: illegal move from %d to %d", from, to))
}

func name(names []string, kind string, s uint32) string {
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("%s(%d)", kind, s)
}
