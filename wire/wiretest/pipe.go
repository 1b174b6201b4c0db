package wiretest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const defaultBuffer = 64 << 10

// pipeConn is one end of an in-memory connection that behaves as TCP does on Linux.
type pipeConn struct {
	in, out *flow
	end     *pipeEnd
	other   *pipeEnd
}

// pipeEnd is what became of one end. The pipe's mutex guards it.
type pipeEnd struct {
	closed bool // by itself
	reset  bool // by the other end
	told   bool // of the reset, which one call reports: later reads return EOF, later writes EPIPE
}

// flow is one direction: a bounded buffer between a writing and a reading end. Deadlines stand with the flow that they concern.
type flow struct {
	mu             *sync.Mutex // of the pipe; guards the rest
	changed        sync.Cond
	reader, writer *pipeEnd
	limit          int
	ring           []byte // grows up to limit
	start          int
	filled         int
	most           int  // what a read returns at most, if not 0
	writes         int  // calls of Write that brought bytes
	finished       bool // the writing end will write no more
	swallowed      bool // a write after the reader had gone, which TCP does not yet notice

	readBy, writeBy       time.Time
	readTimer, writeTimer *time.Timer
}

// newPipe returns both ends of a connection that holds up to size bytes in each direction.
func newPipe(size int) (near, far *pipeConn) {
	if size <= 0 {
		size = defaultBuffer
	}
	mu := new(sync.Mutex)
	nearEnd, farEnd := new(pipeEnd), new(pipeEnd)
	up := &flow{mu: mu, limit: size, writer: nearEnd, reader: farEnd}
	down := &flow{mu: mu, limit: size, writer: farEnd, reader: nearEnd}
	up.changed.L, down.changed.L = mu, mu
	return &pipeConn{in: down, out: up, end: nearEnd, other: farEnd}, &pipeConn{in: up, out: down, end: farEnd, other: nearEnd}
}

var (
	errReadReset  = os.NewSyscallError("read", syscall.ECONNRESET)
	errWriteReset = os.NewSyscallError("write", syscall.ECONNRESET)
	errPipeBroken = os.NewSyscallError("write", syscall.EPIPE)
)

// Read returns what is there, waiting for at least one byte.
func (p *pipeConn) Read(b []byte) (int, error) {
	n, err := p.in.read(b)
	return n, p.wrap("read", err)
}

// Write returns once all of b is in the buffer, or with what fitted until the deadline.
func (p *pipeConn) Write(b []byte) (int, error) {
	n, err := p.out.write(b)
	return n, p.wrap("write", err)
}

func (p *pipeConn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: pipeAddr("").Network(), Source: p.LocalAddr(), Addr: p.RemoteAddr(), Err: err}
}

// Close ends both directions. The other end reads what is buffered and then EOF; or, as with TCP, finds the connection reset
// if this end leaves bytes unread.
func (p *pipeConn) Close() error { return p.close(false) }

// reset closes the connection so that the other end finds it reset, behind what is buffered for it.
func (p *pipeConn) reset() { p.close(true) }

func (p *pipeConn) close(reset bool) error {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	if p.end.closed {
		return p.wrap("close", net.ErrClosed)
	}
	p.end.closed = true
	p.out.finished = true
	if reset || p.in.filled > 0 {
		p.other.reset = true
	}
	p.in.changed.Broadcast()
	p.out.changed.Broadcast()
	return nil
}

// CloseWrite ends this end's sending: the other end reads what is buffered and then EOF.
func (p *pipeConn) CloseWrite() error {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	p.out.finished = true
	p.out.changed.Broadcast()
	return nil
}

func (p *pipeConn) SetDeadline(t time.Time) error {
	p.SetReadDeadline(t)
	return p.SetWriteDeadline(t)
}

func (p *pipeConn) SetReadDeadline(t time.Time) error {
	p.in.setDeadline(&p.in.readBy, t)
	return nil
}

func (p *pipeConn) SetWriteDeadline(t time.Time) error {
	p.out.setDeadline(&p.out.writeBy, t)
	return nil
}

func (p *pipeConn) LocalAddr() net.Addr  { return pipeAddr("in-memory") }
func (p *pipeConn) RemoteAddr() net.Addr { return pipeAddr("in-memory") }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }

func (f *flow) read(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.reader.closed:
			return 0, net.ErrClosed
		case over(f.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case f.filled > 0:
			if f.most > 0 && len(b) > f.most {
				b = b[:f.most]
			}
			n := f.take(b)
			f.changed.Broadcast()
			return n, nil
		case f.reader.reset && !f.reader.told:
			f.reader.told = true
			return 0, errReadReset
		case f.finished || f.reader.reset:
			return 0, io.EOF
		}
		f.wait(&f.readTimer, f.readBy)
	}
}

func (f *flow) write(b []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(b) > 0 {
		f.writes++
	}
	for {
		switch {
		case n > 0 && n == len(b):
			return n, nil
		case f.writer.closed:
			return n, net.ErrClosed
		case over(f.writeBy):
			return n, os.ErrDeadlineExceeded
		case f.writer.reset && !f.writer.told:
			f.writer.told = true
			return n, errWriteReset
		case f.writer.reset || f.finished || f.swallowed:
			return n, errPipeBroken
		case len(b) == 0:
			return 0, nil
		case f.reader.closed: // the kernel takes it; the reset that it causes is for the next write
			f.swallowed = true
			return len(b), nil
		}
		if put := f.put(b[n:]); put > 0 {
			n += put
			f.changed.Broadcast()
			continue
		}
		f.wait(&f.writeTimer, f.writeBy)
	}
}

// take moves the oldest bytes to b.
func (f *flow) take(b []byte) int {
	n := min(len(b), f.filled)
	first := copy(b[:n], f.ring[f.start:])
	copy(b[first:n], f.ring)
	f.filled -= n
	f.start = (f.start + n) % len(f.ring)
	if f.filled == 0 {
		f.start = 0
	}
	return n
}

// put appends as much of b as the limit lets it.
func (f *flow) put(b []byte) int {
	n := min(len(b), f.limit-f.filled)
	if n == 0 {
		return 0
	}
	if need := f.filled + n; need > len(f.ring) {
		grown := make([]byte, min(f.limit, max(need, 2*len(f.ring), 512)))
		filled := f.filled
		if filled > 0 {
			f.take(grown[:filled])
		}
		f.ring, f.start, f.filled = grown, 0, filled
	}
	end := (f.start + f.filled) % len(f.ring)
	first := copy(f.ring[end:], b[:n])
	copy(f.ring, b[first:n])
	f.filled += n
	return n
}

// wait waits for a change or the deadline. The timer of its direction is used by one waiter at a time in all sane programs;
// others are woken by its broadcast too, and look at the clock themselves.
func (f *flow) wait(timer **time.Timer, by time.Time) {
	if !by.IsZero() {
		if *timer == nil {
			*timer = time.AfterFunc(time.Until(by), func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.changed.Broadcast()
			})
		} else {
			(*timer).Reset(time.Until(by))
		}
		defer (*timer).Stop()
	}
	f.changed.Wait()
}

func over(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline)
}

func (f *flow) setDeadline(which *time.Time, t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*which = t
	f.changed.Broadcast()
}

// limitReads makes every read return at most n bytes.
func (f *flow) limitReads(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.most = n
}

func (f *flow) written() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}
