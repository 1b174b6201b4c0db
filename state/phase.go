package state

import "sync/atomic"

// Phase is where a producer's life is. It only moves forward.
type Phase uint32

const (
	Idle     Phase = iota // made, not used yet: no goroutine, no connection
	Live                  // the loop runs
	Draining              // Shutdown has begun: nothing new is accepted, what was accepted goes on
	Closed                // terminal: the loop takes nothing more from its mailbox
)

var phaseMoves = moves{
	Idle:     to(Live, Closed),
	Live:     to(Draining),
	Draining: to(Closed),
	Closed:   to[Phase](),
}

// String returns the phase's name in lower case.
func (p Phase) String() string {
	return name([]string{"idle", "live", "draining", "closed"}, "Phase", uint32(p))
}

// MarshalText returns the name, as in JSON.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// PhaseCell holds a Phase, at first Idle. Whoever first uses the producer makes it Live, whoever first shuts it down makes it
// Draining (or Closed, where it was Idle), and the loop makes it Closed. Anyone may load it.
type PhaseCell struct{ v atomic.Uint32 }

// Load returns the phase.
func (c *PhaseCell) Load() Phase { return Phase(c.v.Load()) }

// Advance moves from one phase to another and reports whether this call did it; false means that the phase was another by
// then.
func (c *PhaseCell) Advance(from, to Phase) bool {
	return advance(&c.v, &phaseMoves, uint32(from), uint32(to))
}
