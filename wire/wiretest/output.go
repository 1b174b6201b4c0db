package wiretest

import (
	"io"
	"time"

	"github.com/nsqactor/producer/wire"
)

// hold is what a connection is kept from doing.
type hold uint8

const (
	holdAnswers hold = 1 << iota
	holdReading
	holdBeats
	holdWork // executing commands

	holdAll = holdAnswers | holdReading | holdBeats | holdWork
)

// chunk is held output: bytes that are not to be written before a time, and then perhaps the connection's end.
type chunk struct {
	data []byte
	at   time.Time // zero for as soon as possible
	end  ending
}

// emit adds output. Only serve calls it.
func (c *conn) emit(data []byte, delay time.Duration) {
	if len(data) == 0 {
		return
	}
	if delay <= 0 {
		c.out = append(c.out, data...)
		return
	}
	c.flush()
	c.enqueue(chunk{data: append([]byte(nil), data...), at: time.Now().Add(delay)})
}

// flush writes the output so far, or lets pump do it if anything is being held. Only serve calls it.
func (c *conn) flush() {
	if len(c.out) == 0 && !c.owing {
		return
	}
	c.owing = false
	c.mu.Lock()
	direct := len(c.queue) == 0 && c.held&holdAnswers == 0
	c.mu.Unlock()
	if direct {
		c.write(c.out)
	} else {
		c.enqueue(chunk{data: append([]byte(nil), c.out...)})
	}
	c.out = c.out[:0]
}

func (c *conn) enqueue(next chunk) {
	c.mu.Lock()
	last := len(c.queue) - 1
	if last > 0 && c.queue[last].at.IsZero() && next.at.IsZero() && c.queue[last].end == goOn { // the first one may be under way
		c.queue[last].data = append(c.queue[last].data, next.data...)
		c.queue[last].end = next.end
	} else {
		c.queue = append(c.queue, next)
	}
	c.mu.Unlock()
	c.nudge()
}

// finish ends the connection behind all that is still to be written. Only serve calls it, last.
func (c *conn) finish(end ending) {
	if end == swallowing {
		c.swallow()
		return
	}
	c.flush()
	c.mu.Lock()
	direct := len(c.queue) == 0
	c.mu.Unlock()
	if direct {
		c.shut(end)
		return
	}
	c.enqueue(chunk{end: end})
	<-c.done
}

// swallow reads to no effect until the connection ends.
func (c *conn) swallow() {
	c.interval.Store(0)
	c.fresh = true
	dropped := make([]byte, readSize)
	for {
		if _, err := (gate{c}).Read(dropped); err == io.EOF {
			<-c.done // the client has half-closed; nobody answers that either
			return
		} else if err != nil {
			return
		}
	}
}

// write writes at once, whoever calls it, waiting for its turn. When it fails, the connection ends.
func (c *conn) write(data []byte) {
	if !c.take() {
		return
	}
	defer c.give()
	var by time.Time
	if interval := time.Duration(c.interval.Load()); interval > 0 {
		by = time.Now().Add(interval)
	}
	c.nc.SetWriteDeadline(by)
	var err error
	if c.seal == nil {
		err = c.put(data)
	} else {
		err = c.seal.write(data)
	}
	if err != nil {
		c.shut(closed)
	}
}

// take waits for the turn to write, and reports false if the connection has ended: from then on always, lest an answer be left
// out and a later one written.
func (c *conn) take() bool {
	select {
	case c.turn <- struct{}{}:
	case <-c.done:
		return false
	}
	select {
	case <-c.done:
		c.give()
		return false
	default:
		return true
	}
}

func (c *conn) give() { <-c.turn }

// put writes these bytes to the connection itself, in pieces if it is to.
func (c *conn) put(data []byte) error {
	for len(data) > 0 {
		piece := len(data)
		if most := int(c.pieces.Load()); most > 0 {
			piece = min(piece, most)
		}
		if _, err := c.nc.Write(data[:piece]); err != nil {
			return err
		}
		data = data[piece:]
	}
	return nil
}

// pump writes heartbeats and what was held, until the connection ends.
func (c *conn) pump() {
	defer c.server.running.Done()
	ticker := time.NewTicker(time.Hour)
	ticker.Stop()
	defer ticker.Stop()
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	for {
		select {
		case <-c.done:
			return
		case interval := <-c.beats:
			if ticker.Stop(); interval > 0 {
				ticker.Reset(interval)
			}
		case <-ticker.C:
			if c.free(holdBeats) {
				c.urge(wire.AppendHeartbeat(nil))
				c.seen.heartbeat()
			}
		case <-c.wake:
		case <-due.C:
		}
		if wait := c.drain(); wait > 0 {
			due.Reset(wait)
		}
	}
}

// drain writes what is due, and returns the time until more will be, 0 for no time that is known.
func (c *conn) drain() time.Duration {
	for {
		c.mu.Lock()
		urgent := c.urgent
		c.urgent = nil
		var first chunk
		var wait time.Duration
		ready := len(c.queue) > 0 && c.held&holdAnswers == 0
		if ready {
			first = c.queue[0]
			if !first.at.IsZero() {
				wait = time.Until(first.at)
			}
		}
		c.mu.Unlock()
		switch {
		case len(urgent) > 0:
			c.write(urgent)
			continue
		case !ready || wait > 0:
			return wait
		}
		c.write(first.data)
		if first.end != goOn {
			c.shut(first.end)
			return 0
		}
		c.mu.Lock()
		c.queue = c.queue[1:] // only now: while it was here, serve wrote nothing past it
		if len(c.queue) == 0 {
			c.changed.Broadcast() // settle waits for this
		}
		c.mu.Unlock()
	}
}

// urge adds output that pump writes before all that is held.
func (c *conn) urge(data []byte) {
	c.mu.Lock()
	c.urgent = append(c.urgent, data...)
	c.mu.Unlock()
	c.nudge()
}

func (c *conn) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// hold keeps the connection from doing what h says. A read that is under way has ended when it returns.
func (c *conn) hold(h hold) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held |= h
	if h&holdReading != 0 {
		c.nc.SetReadDeadline(time.Unix(1, 0)) // gets serve out of its read
		for c.reading && !c.over {
			c.changed.Wait()
		}
	}
}

func (c *conn) release() {
	c.mu.Lock()
	c.held = 0
	c.changed.Broadcast()
	c.mu.Unlock()
	c.nudge()
}

func (c *conn) free(h hold) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held&h == 0
}

// settle waits, while the connection lasts, until all that was queued has been written and answers are not being held.
func (c *conn) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for (len(c.queue) > 0 || c.held&holdAnswers != 0) && !c.over {
		c.changed.Wait()
	}
}

// await waits while h is held and the connection lasts.
func (c *conn) await(h hold) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.held&h != 0 && !c.over {
		c.changed.Wait()
	}
}

// split sets the length of the pieces that writes are cut to.
func (c *conn) split(n int) {
	c.pieces.Store(int64(n))
	if p, ok := c.nc.(*pipeConn); ok {
		p.out.limitReads(n)
	}
}

// shut ends the connection; whoever calls it first says how.
func (c *conn) shut(how ending) {
	c.mu.Lock()
	first := !c.over
	if first {
		c.over = true
		close(c.done)
		c.changed.Broadcast()
	}
	c.mu.Unlock()
	if !first {
		return
	}
	if how == resetting {
		c.reset()
	} else {
		c.nc.Close()
	}
}
