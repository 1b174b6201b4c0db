package wiretest

import (
	"errors"
	"io"
	"os"
	"time"
)

// source is what the buffered reader of commands reads: the input, as far as the faults by bytes let it.
type source struct{ *conn }

func (c source) Read(p []byte) (int, error) {
	if !c.reach(c.received) {
		c.mute = true
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.input.Read(p)
	c.received += n
	c.ended = c.ended || err == io.EOF
	return n, err
}

// gate reads the connection itself, as far as it is to be read. Above it may be the layers of upgrades: they never see a read
// that failed only because reading was stopped for a while.
type gate struct{ *conn }

// Read writes the answers to what was read before, and then reads once.
func (c gate) Read(p []byte) (int, error) {
	for {
		c.flush()
		c.mayRead()
		n, err := c.nc.Read(p)
		c.hasRead()
		if n > 0 {
			c.seen.read(n)
			return n, nil
		}
		overdue := errors.Is(err, os.ErrDeadlineExceeded)
		if !overdue || c.late() {
			c.ended = err == io.EOF
			c.mute = !overdue && !c.ended
			return 0, err
		}
	}
}

// mayRead waits while reading is held, and then sets nsqd's deadline: for a command, two heartbeat intervals from the moment at
// which it began to wait for it; for a TLS handshake, a time of its own.
func (c *conn) mayRead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.held&holdReading != 0 && !c.over {
		c.fresh = true
		c.changed.Wait()
	}
	if c.fresh {
		c.fresh = false
		c.readBy = time.Time{}
		interval := time.Duration(c.interval.Load())
		switch {
		case c.shaking:
			c.readBy = time.Now().Add(handshakeTimeout)
		case interval > 0 && c.opened:
			c.readBy = time.Now().Add(2 * interval)
		}
	}
	c.nc.SetReadDeadline(c.readBy)
	c.reading = true
}

func (c *conn) hasRead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = false
	if c.held&holdReading != 0 {
		c.changed.Broadcast() // hold waits for this
	}
}

// late reports whether a read failed by nsqd's deadline and not because reading was stopped meanwhile.
func (c *conn) late() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held&holdReading == 0 && !c.readBy.IsZero() && !time.Now().Before(c.readBy)
}
