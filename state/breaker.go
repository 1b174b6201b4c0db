package state

import "sync/atomic"

// Breaker says how much one of several nsqd is trusted with.
type Breaker uint32

const (
	Trusted Breaker = iota // it gets its share (the breaker is closed, as the pattern's inventors say)
	Broken                 // it gets nothing as long as another one can be had (open)
	Proving                // it gets a little, and more with time (half open)
)

var breakerMoves = moves{
	Trusted: to(Broken),
	Broken:  to(Proving),
	Proving: to(Trusted, Broken),
}

// String returns the breaker's name in lower case.
func (b Breaker) String() string {
	return name([]string{"trusted", "broken", "proving"}, "Breaker", uint32(b))
}

// MarshalText returns the name, as in JSON.
func (b Breaker) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// BreakerCell holds a Breaker, at first Trusted. Whoever meets a failure makes it Broken, and the pool's keeper everything else.
// Anyone may load it.
type BreakerCell struct{ v atomic.Uint32 }

// Load returns the breaker.
func (c *BreakerCell) Load() Breaker { return Breaker(c.v.Load()) }

// Advance moves from one to another and reports whether this call did it.
func (c *BreakerCell) Advance(from, to Breaker) bool {
	return advance(&c.v, &breakerMoves, uint32(from), uint32(to))
}

// Break makes it Broken, whatever it is, and reports whether this call did it.
func (c *BreakerCell) Break() bool {
	return c.Advance(Trusted, Broken) || c.Advance(Proving, Broken)
}
