//go:build go1.25

package model

import (
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"

	"github.com/nsqactor/producer/wire"
)

// watched is a connection that tells the world when the client closes it, and which error frames the client has read.
type watched struct {
	net.Conn
	world  *world
	dial   int // which attempt made it, from 1
	closed atomic.Bool
	unread []byte // what was read of a frame that is not whole; who reads owns it
}

func (c *watched) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.world.conns.Add(-1)
	}
	return c.Conn.Close()
}

func (c *watched) CloseWrite() error { return c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

func (c *watched) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.unread = append(c.unread, p[:n]...)
	for len(c.unread) >= 8 {
		size := binary.BigEndian.Uint32(c.unread)
		if size < 4 || int(size) > len(c.unread)-4 {
			break // not whole, or nonsense: then nothing behind it counts
		}
		if binary.BigEndian.Uint32(c.unread[4:]) == uint32(wire.FrameError) {
			c.world.heard.add(frame{c.dial, wire.ParseError(c.unread[8 : 4+size])})
		}
		c.unread = c.unread[4+size:]
	}
	return n, err
}

// heard keeps the error frames.
type heard struct {
	mu     sync.Mutex
	frames []frame
}

func (h *heard) add(f frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.frames = append(h.frames, f)
}
