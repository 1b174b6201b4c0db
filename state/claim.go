package state

import "sync/atomic"

// Claim says who may touch a transaction. Two parties move it, the caller and the loop; where both may, the faster one wins,
// and the loser touches the transaction no more.
//
//	Free -> Queued       caller: on its way to the loop
//	Queued -> Taken      loop: encoded, its bytes may reach nsqd from now on
//	Taken -> Queued      loop: the connection ended and it goes again
//	Queued -> GivenUp    caller: left before it was encoded
//	Taken -> Abandoned   caller: left; the transaction keeps its place in the ring, unread
//	Queued -> Done       loop: ended before it was encoded
//	Taken -> Done        loop: ended; one send on the result's channel follows
//	Abandoned -> Free    loop: its place in the ring has been answered for
//	Done -> Free         whoever received the result
type Claim uint32

const (
	Free Claim = iota
	Queued
	Taken
	GivenUp // terminal: the caller lets the transaction go, the loop drops it when it meets it
	Abandoned
	Done
)

var claimMoves = moves{
	Free:      to(Queued),
	Queued:    to(Taken, GivenUp, Done),
	Taken:     to(Queued, Abandoned, Done),
	GivenUp:   to[Claim](),
	Abandoned: to(Free),
	Done:      to(Free),
}

// String returns the claim's name in lower case.
func (c Claim) String() string {
	return name([]string{"free", "queued", "taken", "given up", "abandoned", "done"}, "Claim", uint32(c))
}

// ClaimCell holds a Claim, at first Free.
type ClaimCell struct{ v atomic.Uint32 }

// Load returns the claim.
func (c *ClaimCell) Load() Claim { return Claim(c.v.Load()) }

// Advance moves from one claim to another and reports whether this call did it; false means that the other party was faster.
func (c *ClaimCell) Advance(from, to Claim) bool {
	return advance(&c.v, &claimMoves, uint32(from), uint32(to))
}

// Finish is the loop's claim on the end of a transaction, queued or taken; false means that the caller has left it.
func (c *ClaimCell) Finish() bool {
	// Only the loop moves between Queued and Taken, so that what it loads is current until the caller leaves for good.
	from := c.Load()
	return (from == Queued || from == Taken) && c.Advance(from, Done)
}

// Leave is the caller's claim: it makes a queued transaction GivenUp and a taken one Abandoned, and returns which. Done means
// that the loop was faster, and that a result is on its way.
func (c *ClaimCell) Leave() Claim {
	for {
		switch from := c.Load(); from {
		case Queued:
			if c.Advance(Queued, GivenUp) {
				return GivenUp
			}
		case Taken:
			if c.Advance(Taken, Abandoned) {
				return Abandoned
			}
		default:
			return from
		}
	}
}
