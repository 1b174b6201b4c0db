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
}

// newPipe returns both ends of a connection that holds up to size bytes in each direction.
func newPipe(size int) (near, far *pipeConn) {
	if size <= 0 {
		size = defaultBuffer
	}
	up, down := newFlow(size), newFlow(size)
	return &pipeConn{in: down, out: up}, &pipeConn{in: up, out: down}
}

// flow is one direction: a bounded buffer between a writing and a reading end. Deadlines stand with the flow that they concern.
type flow struct {
	mu      sync.Mutex // guards the rest
	changed sync.Cond
	limit   int
	ring    []byte // grows up to limit
	start   int
	filled  int
	mostly  int // a read returns no more than this, if not 0
	writes  int // calls of Write that brought bytes

	readBy, writeBy         time.Time
	readTimer, writeTimer   *time.Timer
	readerLeft, writerLeft  bool // that end was closed
	ended                   bool // the writing end will write no more
	readFailed, writeFailed error
	swallowed               bool // a write after the reader had left, which TCP does not yet notice
}

func newFlow(limit int) *flow {
	f := &flow{limit: limit}
	f.changed.L = &f.mu
	return f
}

var (
	errConnReset  = os.NewSyscallError("read", syscall.ECONNRESET)
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
func (p *pipeConn) Close() error {
	if !p.in.leaveReading() {
		return p.wrap("close", net.ErrClosed)
	}
	if p.in.unread() {
		p.abort()
	}
	p.out.leaveWriting()
	return nil
}

// CloseWrite ends this end's sending: the other end reads what is buffered and then EOF.
func (p *pipeConn) CloseWrite() error {
	p.out.finish()
	return nil
}

// reset closes the connection so that the other end finds it reset, behind what is buffered for it.
func (p *pipeConn) reset() {
	p.abort()
	p.Close()
}

// abort makes the other end's reads and writes fail.
func (p *pipeConn) abort() {
	p.out.fail(&p.out.readFailed, errConnReset)
	p.in.fail(&p.in.writeFailed, errWriteReset)
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

func (pipeAddr) Network() string  { return "wiretest" }
func (a pipeAddr) String() string { return string(a) }

func (f *flow) read(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.readerLeft:
			return 0, net.ErrClosed
		case over(f.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case f.filled > 0:
			if f.mostly > 0 && len(b) > f.mostly {
				b = b[:f.mostly]
			}
			n := f.take(b)
			f.changed.Broadcast()
			return n, nil
		case f.readFailed != nil:
			return 0, f.readFailed
		case f.ended:
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
		case f.writerLeft:
			return n, net.ErrClosed
		case over(f.writeBy):
			return n, os.ErrDeadlineExceeded
		case f.writeFailed != nil:
			return n, f.writeFailed
		case f.ended || f.readerLeft && f.swallowed:
			return n, errPipeBroken
		case f.readerLeft: // the kernel takes it; the reset that it causes is for the next write
			f.swallowed = true
			return len(b), nil
		case len(b) == 0:
			return 0, nil
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

func (f *flow) fail(which *error, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if *which == nil {
		*which = err
	}
	f.changed.Broadcast()
}

// leaveReading reports whether this call closed the reading end.
func (f *flow) leaveReading() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := !f.readerLeft
	f.readerLeft = true
	f.changed.Broadcast()
	return first
}

func (f *flow) leaveWriting() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writerLeft, f.ended = true, true
	f.changed.Broadcast()
}

func (f *flow) finish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.changed.Broadcast()
}

func (f *flow) unread() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.filled > 0
}

// limitReads makes every read return at most n bytes.
func (f *flow) limitReads(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mostly = n
}

func (f *flow) written() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}
