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
	Free      Claim = iota // nobody's: new, or in the pool
	Queued                 // the loop is to meet it
	Taken                  // the loop's, its bytes under way
	GivenUp                // terminal: the caller lets the transaction go, the loop drops it when it meets it
	Abandoned              // the loop's alone
	Done                   // the receiver's
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

// Turn numbers the uses of a transaction: it changes whenever the transaction becomes Free. A caller who has sent a transaction
// keeps the turn, since by the time he looks again the transaction may have ended and be another's.
type Turn uint32

// ClaimCell holds a Claim, at first Free, and the present Turn, in one word: the claim in the low bits. Who moves it stands with
// [Claim]; anyone may load it.
type ClaimCell struct{ v atomic.Uint32 }

const (
	claimBits = 3
	claimMask = 1<<claimBits - 1
)

// Load returns the claim.
func (c *ClaimCell) Load() Claim { return Claim(c.v.Load() & claimMask) }

// Turn returns the present turn. It stands still while the transaction is Free.
func (c *ClaimCell) Turn() Turn { return Turn(c.v.Load() >> claimBits) }

// Advance moves from one claim to another and reports whether this call did it; false means that the other party was faster.
func (c *ClaimCell) Advance(from, to Claim) bool { return c.move(c.v.Load(), from, to) }

// move is Advance on a word that was loaded before.
func (c *ClaimCell) move(word uint32, from, to Claim) bool {
	if claimMoves[from]&(1<<to) == 0 {
		illegal(uint32(from), uint32(to))
	}
	next := word&^claimMask | uint32(to)
	if to == Free {
		next += 1 << claimBits
	}
	return Claim(word&claimMask) == from && c.v.CompareAndSwap(word, next)
}

// Finish is the loop's claim on the end of a transaction, queued or taken; false means that the caller has left it.
func (c *ClaimCell) Finish() bool {
	// Only the loop moves between Queued and Taken, so that what it loads is current until the caller leaves for good.
	from := c.Load()
	return (from == Queued || from == Taken) && c.Advance(from, Done)
}

// Leave is the caller's claim, in his turn: it makes a queued transaction GivenUp and a taken one Abandoned, and returns which.
// It reports false if the transaction has ended by then, whatever has become of it since.
func (c *ClaimCell) Leave(turn Turn) (Claim, bool) {
	for {
		word := c.v.Load()
		if Turn(word>>claimBits) != turn {
			return 0, false
		}
		switch Claim(word & claimMask) {
		case Queued:
			if c.move(word, Queued, GivenUp) {
				return GivenUp, true
			}
		case Taken:
			if c.move(word, Taken, Abandoned) {
				return Abandoned, true
			}
		default:
			return 0, false
		}
	}
}
