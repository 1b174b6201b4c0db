package wiretest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nsqactor/producer/wire"
)

const (
	defaultInterval = 30 * time.Second // nsqd's -client-timeout, halved
	maxLine         = 16 << 10         // nsqd's read buffer, which a command's line must fit
	readSize        = 128 << 10        // ours: a write of 64 KiB fits beside what an earlier one left over
)

// ending is how a connection goes on behind an exchange.
type ending uint8

const (
	goOn ending = iota
	closed
	resetting
	swallowing // reads on, to no effect
)

// conn is one connection. Its goroutine, serve, reads commands, executes them and writes the answers; pump writes what is not
// an answer to what was just read: heartbeats, and answers that were held.
type conn struct {
	server *Server
	number int
	nc     net.Conn
	reset  func() // closes nc with a reset
	seen   *seen

	// Owned by serve.
	r          *bufio.Reader // of commands
	input      io.Reader     // what r reads: the connection itself, or the topmost layer above it
	cmd        command
	out        []byte // answers not yet written or queued
	owing      bool   // the compression's first write is to bring bytes of the time before it
	opened     bool   // the magic was read
	strict     bool   // there are rules for a command's line; see forbids
	identified bool
	granted    upgrades
	shaking    bool // the TLS handshake is under way
	encrypted  bool
	authorized bool
	secret     string
	received   int // bytes of commands
	base       int // where in them IDENTIFY ended
	fresh      bool
	readBy     time.Time
	topic      string // the last one that was found valid
	ended      bool   // the client sends no more
	mute       bool   // the last read failed in a way after which nothing can be sent
	exchange   exchange

	interval atomic.Int64 // of heartbeats, a time.Duration; 0 for none
	pieces   atomic.Int64 // the length to which writes are split; 0 for none
	script   atomic.Pointer[[]*armed]

	turn  chan struct{}      // holds one while somebody writes. A channel, since waiting for a mutex stops a bubble's clock
	seal  *seal              // nil without upgrades. Whoever has the turn may use it
	wake  chan struct{}      // capacity 1: there is something for pump to look at
	beats chan time.Duration // capacity 1: tells pump the interval
	done  chan struct{}      // closed by shut

	mu      sync.Mutex // guards the rest
	changed sync.Cond
	held    hold
	reading bool // serve is in a read of the connection
	over    bool
	queue   []chunk
	urgent  []byte
}

// command is one command and its bodies, which may be the read buffer's memory.
type command struct {
	Command
	bodies [][]byte
}

func (c *conn) serve() {
	defer c.server.running.Done()
	c.converse()
	if c.ended {
		c.finish(closed) // a client that only half-closed gets the answers that are being held
	}
	c.shut(closed)
	c.server.forget(c)
	c.seen.ended()
}

// converse returns when the connection is to be closed.
func (c *conn) converse() {
	if !c.strike(atAccept) {
		return
	}
	var magic [len(wire.Magic)]byte
	if _, err := io.ReadFull(c.r, magic[:]); err != nil {
		return
	}
	if string(magic[:]) != wire.Magic {
		c.refuse(&wire.ReplyError{Code: wire.CodeBadProtocol}, 0)
		return
	}
	c.opened = true
	c.beats <- defaultInterval
	for {
		c.fresh = true
		line, err := c.line()
		if err != nil {
			return
		}
		c.await(holdWork)
		refused, err := c.next(line)
		if c.mute || !c.reach(c.received-c.r.Buffered()-1) {
			return
		}
		if refused != nil {
			c.seen.command(&command{})
			c.refuse(refused, 0)
			return
		}
		if err != nil || !c.execute(&c.cmd) || c.granted.any && !c.upgrade() {
			return
		}
	}
}

// line waits for the next command's line and returns its length, the newline included. A line that would not fit nsqd's
// buffer is an error.
func (c *conn) line() (int, error) {
	for searched := 0; ; {
		buffered, _ := c.r.Peek(c.r.Buffered())
		if i := bytes.IndexByte(buffered[searched:], '\n'); i >= 0 && searched+i < maxLine {
			return searched + i + 1, nil
		}
		searched = len(buffered)
		if searched >= maxLine {
			return 0, bufio.ErrBufferFull
		}
		if _, err := c.r.Peek(searched + 1); err != nil {
			return 0, err
		}
	}
}

// next reads the next command, the first line bytes of which are its line, into c.cmd.
func (c *conn) next(line int) (*wire.ReplyError, error) {
	if c.strict {
		if refused := c.forbids(line); refused != nil {
			return refused, refused
		}
	}
	if c.scan(line) {
		return nil, nil
	}
	cmd, err := wire.ReadCommand(c.r, c.server.limits)
	if err != nil {
		var refused *wire.ReplyError
		errors.As(err, &refused)
		return refused, err
	}
	c.cmd = command{Command{Name: cmd.Name, Topic: cmd.Topic, Delay: cmd.Delay}, cmd.Bodies}
	for _, body := range cmd.Bodies {
		c.cmd.Bytes += len(body)
	}
	if cmd.Topic != "" {
		c.cmd.Messages = len(cmd.Bodies)
	}
	return nil, nil
}

// execute carries out one command, faults and all, and reports whether the connection goes on.
func (c *conn) execute(cmd *command) bool {
	c.seen.command(cmd)
	if c.script.Load() == nil {
		return c.perform(cmd)
	}
	return c.performScripted(cmd)
}

// perform carries out a command without faults.
func (c *conn) perform(cmd *command) bool {
	answer, refused := c.obey(cmd)
	if refused != nil {
		c.refuse(refused, 0)
		return false
	}
	c.out = append(c.out, answer...)
	if c.server.cfg.AnswerEach {
		c.flush()
	}
	return true
}

func (c *conn) performScripted(cmd *command) bool {
	x := c.consult(atCommand, &cmd.Command, false)
	c.out = append(c.out, x.ahead...)
	var answer []byte
	if x.refuse == nil && x.end == goOn && !x.ignore {
		answer, x.refuse = c.obey(cmd)
	}
	return c.conclude(x, answer) && c.follow(c.consult(atCommand, &cmd.Command, true))
}

// conclude gives an exchange's answer, this one if the script has no other, and reports whether the connection goes on.
func (c *conn) conclude(x *exchange, answer []byte) bool {
	if x.refuse != nil {
		c.refuse(x.refuse, x.delay)
		return false
	}
	if x.end != goOn {
		c.finish(x.end)
		return false
	}
	if x.answer != nil {
		answer = x.answer
	}
	if !x.silent {
		c.emit(answer, x.delay)
	}
	if c.server.cfg.AnswerEach {
		c.flush()
	}
	return true
}

// strike lets a moment without a command take its course, and reports whether the connection goes on.
func (c *conn) strike(m moment) bool {
	return c.follow(c.consult(m, &Command{}, false))
}

// follow does what an exchange without an answer of its own came to, and reports whether the connection goes on.
func (c *conn) follow(x *exchange) bool {
	c.emit(append(x.ahead, x.answer...), x.delay)
	if x.refuse != nil {
		c.refuse(x.refuse, x.delay)
		return false
	}
	if x.end != goOn {
		c.finish(x.end)
		return false
	}
	return true
}

// consult asks the script what happens at a moment. What was answered before is written first, so that the moment is exact.
// The exchange is valid until the next one.
func (c *conn) consult(m moment, cmd *Command, answered bool) *exchange {
	x := &c.exchange
	*x = exchange{conn: c}
	script := c.script.Load()
	if script == nil {
		return x
	}
	for _, a := range *script {
		if a.strikes(m, cmd, answered) {
			c.suffer(a, x)
		}
	}
	return x
}

// suffer lets a fault have its effect on an exchange and on the connection.
func (c *conn) suffer(a *armed, x *exchange) {
	c.flush()
	a.act(x)
	c.seen.struck()
	if x.pause > 0 {
		c.sleep(x.pause)
		x.pause = 0
	}
	c.await(holdWork)
}

// reach lets the faults by bytes up to a position in what was received take their course, and reports whether the connection
// goes on.
func (c *conn) reach(position int) bool {
	script := c.script.Load()
	if script == nil || !c.identified {
		return true
	}
	x := &c.exchange
	*x = exchange{conn: c}
	for _, a := range *script {
		if a.when.moment == atByte && position-c.base >= a.when.from && a.count.CompareAndSwap(0, 1) {
			c.suffer(a, x)
		}
	}
	return c.follow(x)
}

// refuse sends an error frame and closes the connection, as nsqd does.
func (c *conn) refuse(e *wire.ReplyError, delay time.Duration) {
	c.seen.refused()
	data := e.Code
	if e.Text != "" {
		data += " " + e.Text
	}
	c.emit(wire.AppendFrame(nil, wire.FrameError, data), delay)
	c.finish(closed)
}

// sleep pauses serve for d, or until the connection ends.
func (c *conn) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.done:
	}
}
