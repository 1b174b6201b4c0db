package link

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

type direction int

const (
	up   direction = iota // from client to server
	down                  // from server to client
)

// way is one direction of a connection: one goroutine reads, another writes, and between them lies what is under way. The
// link's mutex guards its fields.
type way struct {
	conn      *conn
	direction direction
	from, to  *net.TCPConn // set before the goroutines start
	changed   sync.Cond    // anything that the goroutines wait for

	queue bytes.Buffer // read and not written
	marks []mark       // how queue is made up, oldest first
	limit *limit       // not reached yet; nil: none
	left  int          // bytes that may pass until it is
	under *limit       // which the present write was made small for; one that was set since does not count its bytes

	free  time.Time   // when the next byte may be read under a rate
	timer *time.Timer // wakes the reader then
	alarm *alarm      // wakes the writer when a byte is due

	readCut  bool // from's read deadline is over
	writeCut bool // to's write deadline is over
	over     bool // from has ended
	told     bool // so was to
	dead     bool // to takes no more
}

// mark stands for bytes that were read together, or for the end.
type mark struct {
	due   time.Time // when they may leave; zero: at once
	bytes int
	end   bool
	reset bool // the end was no FIN
}

// room is how many bytes that are due may wait to be written until the reader waits, too; and how much is read or written at a
// time.
const room = 64 << 10

func (w *way) read() {
	defer w.conn.running.Done()
	buf := make([]byte, room)
	var data []byte
	var err error
	for {
		most := w.admit()
		if most == 0 {
			return
		}
		if len(data) == 0 {
			var n int
			n, err = w.from.Read(buf[:most])
			data = buf[:n]
		}
		n, more := w.take(data, err)
		if !more {
			return
		}
		data = data[n:]
	}
}

// admit waits until something may be read, and returns how much at most; 0 if nothing ever.
func (w *way) admit() int {
	c := w.conn
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	for !c.shutting {
		pause := w.pause()
		switch {
		case w.drops():
		case c.halted(), w.full():
			w.changed.Wait()
			continue
		case pause > 0:
			w.wakeAfter(pause)
			w.changed.Wait()
			continue
		}
		if w.readCut {
			w.readCut = false
			w.from.SetReadDeadline(time.Time{})
		}
		return w.portion()
	}
	return 0
}

// drops reports whether what is read is dropped.
func (w *way) drops() bool { return w.conn.dropping || w.dead }

// full reports whether too much waits that could be written.
func (w *way) full() bool { return w.queue.Len() >= room && !w.marks[0].due.After(time.Now()) }

// take puts on the way what has been read, or, if the rate was lowered meanwhile, as much of it as may be read now, and returns
// how much. Behind all of it comes the end, if there is one. It reports whether to go on.
func (w *way) take(data []byte, err error) (taken int, more bool) {
	c := w.conn
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.shutting {
		return 0, false
	}
	ended := err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
	if w.drops() {
		w.over = ended
		c.endIfOver()
		return len(data), !ended
	}
	taken = min(len(data), w.portion())
	w.over = ended && taken == len(data)
	due := w.through(taken)
	if oneWay := c.link.oneWay; oneWay > 0 {
		if due.IsZero() {
			due = time.Now()
		}
		due = due.Add(oneWay)
	}
	if taken > 0 {
		w.queue.Write(data[:taken])
		w.marks = append(w.marks, mark{due: due, bytes: taken})
	}
	if w.over {
		w.marks = append(w.marks, mark{due: due, end: true, reset: err != io.EOF})
	}
	w.changed.Broadcast()
	return taken, !w.over
}

func (w *way) write() {
	defer w.conn.running.Done()
	buf := make([]byte, room)
	for {
		n := w.next(buf)
		if n == 0 {
			return
		}
		n, err := w.to.Write(buf[:n])
		w.written(n, err)
	}
}

// next waits until bytes are due, copies as many as may be written, and returns how many; 0 if there is nothing more to write.
func (w *way) next(buf []byte) int {
	l, c := w.conn.link, w.conn
	l.mu.Lock()
	defer l.mu.Unlock()
	for !c.shutting && !w.drops() {
		if c.halted() || len(w.marks) == 0 {
			w.changed.Wait()
			continue
		}
		if wait := w.marks[0].wait(); wait > 0 {
			w.sleep(wait)
			continue
		}
		if w.marks[0].end {
			w.pass(w.marks[0].reset)
			return 0
		}
		if w.writeCut {
			w.writeCut = false
			w.to.SetWriteDeadline(time.Time{})
		}
		w.under = w.limit
		return copy(buf[:w.due()], w.queue.Bytes())
	}
	return 0
}

func (m *mark) wait() time.Duration {
	if m.due.IsZero() {
		return 0
	}
	return time.Until(m.due)
}

// sleep lets the writer sleep, with the link unlocked.
func (w *way) sleep(d time.Duration) {
	l := w.conn.link
	if w.alarm == nil {
		var err error
		if w.alarm, err = newAlarm(); err != nil { // out of descriptors
			w.conn.shut(true)
			return
		}
	}
	alarm := w.alarm
	l.mu.Unlock()
	alarm.sleep(d)
	l.mu.Lock()
}

// due returns how many bytes may be written now. Those at the head of the queue are known to be due.
func (w *way) due() int {
	most := room
	if w.limit != nil {
		most = min(most, w.left)
	}
	n := 0
	for i := range w.marks {
		m := &w.marks[i]
		if n >= most || m.end || i > 0 && m.wait() > 0 {
			break
		}
		n += m.bytes
	}
	return min(n, most)
}

// pass passes the end on.
func (w *way) pass(reset bool) {
	c := w.conn
	if reset || c.ways[1-w.direction].dead {
		c.shut(true)
		return
	}
	w.to.CloseWrite()
	w.told = true
	c.endIfOver()
}

// written notes that n bytes have gone, and that they were the last if there was an error.
func (w *way) written(n int, err error) {
	c := w.conn
	l := c.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.direction == up {
		l.stats.Up += int64(n)
	} else {
		l.stats.Down += int64(n)
	}
	l.tell()
	w.queue.Next(n)
	for rest := n; rest > 0; {
		m := &w.marks[0]
		if rest < m.bytes {
			m.bytes -= rest
			break
		}
		rest -= m.bytes
		w.marks = w.marks[1:]
	}
	w.changed.Broadcast()
	if c.shutting {
		return
	}
	if w.limit != nil && w.limit == w.under {
		if w.left -= n; w.left == 0 {
			l.strike(w)
			return
		}
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		// What to has still sent, and its end, come the other way.
		w.dead = true
		if c.ways[1-w.direction].told {
			c.shut(true)
		}
	}
}

// bound puts a limit on what passes from now on.
func (w *way) bound(limit *limit) {
	if limit == nil || w.conn.shutting || w.conn.dropping {
		return
	}
	w.limit, w.left = limit, max(limit.bytes, 0)
	if w.left == 0 {
		w.conn.link.strike(w)
	}
}

// silence ends what would wake the way.
func (w *way) silence() {
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.alarm != nil {
		w.alarm.close()
	}
}
