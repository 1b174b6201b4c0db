package state

import "sync/atomic"

// Link is how a producer stands with its nsqd.
type Link uint32

const (
	Unlinked   Link = iota // no connection, and none wanted: before the first use, and after the end
	Connecting             // an attempt is under way or close: publishes wait for it
	Up                     // through the handshake
	Down                   // the last attempt failed: publishes fail at once, attempts go on behind a growing pause
)

var linkMoves = moves{
	Unlinked:   to(Connecting),
	Connecting: to(Up, Down, Unlinked),
	Up:         to(Connecting, Down, Unlinked),
	Down:       to(Up, Unlinked),
}

// String returns the link's name in lower case.
func (l Link) String() string {
	return name([]string{"unlinked", "connecting", "up", "down"}, "Link", uint32(l))
}

// MarshalText returns the name, as in JSON.
func (l Link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// LinkCell holds a Link, at first Unlinked. Only the loop moves it; anyone may load it.
type LinkCell struct{ v atomic.Uint32 }

// Load returns the link.
func (c *LinkCell) Load() Link { return Link(c.v.Load()) }

// Advance moves from one link to another and reports whether this call did it.
func (c *LinkCell) Advance(from, to Link) bool {
	return advance(&c.v, &linkMoves, uint32(from), uint32(to))
}
