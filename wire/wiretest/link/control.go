package link

import (
	"slices"
	"time"
)

// RoundTrip makes the path longer: each byte that is read from now on leaves d/2 later than it came, in either direction. Any
// number of bytes can be under way; 0, as at first, is no delay. Bytes that are under way keep their time.
func (l *Link) RoundTrip(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.oneWay = d / 2
}

// Rate bounds what passes up, on each connection, to that many bytes a second; 0, as at first, is no bound. Bytes are read
// from the client no faster than that, so that the client's writes block when its kernel's send buffer is full.
func (l *Link) Rate(bytesPerSecond int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = max(bytesPerSecond, 0)
	for c := range l.conns {
		c.sizeIntake()
	}
}

// Stall stops reading and forwarding in both directions, until [Link.Resume]. When it returns, no byte is forwarded any more,
// but for those that a write has just handed to the kernel. New connections are accepted, and stalled too.
func (l *Link) Stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = true
	for c := range l.conns {
		c.interrupt()
	}
}

// Swallow makes both peers vanish for each other: from now on all that comes is read and dropped, what is under way too, and
// no end of a connection is passed on. New connections are accepted and swallowed, without one to the server. [Link.Resume]
// ends this for connections that come later; one that was swallowed remains so until the link closes it.
func (l *Link) Swallow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.swallowing = true
	for c := range l.conns {
		c.swallow()
	}
}

// Resume ends [Link.Stall], and limits' stalls, on every connection; [Link.Swallow] for connections to come; and all limits
// that have not been reached. RoundTrip and Rate stay.
func (l *Link) Resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled, l.swallowing = false, false
	l.limits = [2]*limit{}
	for c := range l.conns {
		c.stalled = false
		for i := range c.ways {
			c.ways[i].limit = nil
			c.ways[i].changed.Broadcast()
		}
	}
}

// ResetAll ends all open connections, swallowed ones too, with a TCP reset at both ends. What is under way is lost.
func (l *Link) ResetAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.shut(true)
	}
}

// CloseAll ends all open connections, swallowed ones too, with a FIN at both ends. What is under way is lost, and what still
// comes is read and dropped, so that no reset follows; a connection is closed when both peers have closed it.
func (l *Link) CloseAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.finish()
	}
}

// Fate is what becomes of a connection whose limit is reached.
type Fate uint8

const (
	Reset   Fate = iota + 1 // as [Link.ResetAll]
	Stall                   // as [Link.Stall]
	Swallow                 // as [Link.Swallow]

	once Fate = 1 << 7
)

// Once makes the limit one that strikes a single connection: when it is reached on one, it is lifted from all others and from
// those to come, before the client can notice anything.
func (f Fate) Once() Fate { return f | once }

// limit is what LimitUp and LimitDown have set.
type limit struct {
	bytes int
	then  Fate
}

// LimitUp lets n bytes pass up on each connection, counted from now on one that is open and from the beginning on one that
// comes later; what a write has just handed to the kernel does not count. As soon as the kernel has them for the server, the
// connection meets its fate, both ways; an answer to them may have been faster, and a reset overtakes what a server that does
// not read has no room for. With 0 it is at once. It takes the place of an earlier LimitUp; [Link.Resume] lifts it.
func (l *Link) LimitUp(n int, then Fate) { l.limit(up, n, then) }

// LimitDown is LimitUp for bytes from the server.
func (l *Link) LimitDown(n int, then Fate) { l.limit(down, n, then) }

func (l *Link) limit(d direction, n int, then Fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits[d] = &limit{n, then}
	for c := range l.conns {
		c.interrupt()
		c.ways[d].bound(l.limits[d])
	}
}

// strike executes the limit of a connection's way. The link is locked.
func (l *Link) strike(w *way) {
	reached := w.limit
	w.limit = nil
	if reached.then&once != 0 {
		if i := slices.Index(l.limits[:], reached); i >= 0 {
			l.limits[i] = nil
		}
		for c := range l.conns {
			for i := range c.ways {
				if c.ways[i].limit == reached {
					c.ways[i].limit = nil
				}
			}
		}
	}
	l.stats.Struck++
	l.tell()
	switch c := w.conn; reached.then &^ once {
	case Reset:
		c.shut(true)
	case Stall:
		c.stalled = true
		c.interrupt()
	case Swallow:
		c.swallow()
	}
}
