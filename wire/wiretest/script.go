package wiretest

import (
	"sync/atomic"
	"time"

	"github.com/nsqactor/producer/wire"
)

// Every in place of a number means each time.
const Every = 0

// Command is what a fault's condition sees of a command.
type Command struct {
	Name     string        // "IDENTIFY", "AUTH", "PUB", "MPUB", "DPUB" or "NOP"; "TLS" or "compression" for an upgrade
	Topic    string        // of the publishing ones
	Delay    time.Duration // of DPUB
	Messages int           // how many it carries; 0 for those that do not publish
	Bytes    int           // of its bodies
}

// publishes reports whether the command is PUB, MPUB or DPUB.
func (c *Command) publishes() bool { return c.Messages > 0 }

// When says at which moment a fault strikes. Its methods narrow it down or, the last one, say what then happens; each returns
// a new value.
type When struct {
	moment   moment
	name     string // of the command; "" for any
	from, to int    // both inclusive, from 1; from 0 for every
	conn     int    // 0 for every
	overall  bool
	answered bool
	only     []func(Command) bool
}

type moment uint8

const (
	atAccept moment = iota + 1
	atCommand
	atPublish
	atUpgrade
	atByte
)

// OnAccept is the moment at which a connection was accepted and no byte of it read.
func OnAccept() When { return When{moment: atAccept} }

// OnIdentify is the moment at which an IDENTIFY has been read. With [When.Answered] it is that behind its answer, in clear, and
// before the upgrades that the answer grants: the place for what a client may meet when it begins its TLS handshake.
func OnIdentify() When { return When{moment: atCommand, name: "IDENTIFY"} }

// OnTLS is the moment at which a TLS handshake has been done and nothing been sent behind it. The answer is the OK that confirms
// the upgrade.
func OnTLS() When { return When{moment: atUpgrade, name: "TLS"} }

// OnCompression is the moment at which deflate or snappy has been put to use and nothing been sent through it. The answer is
// the OK that confirms the upgrade.
func OnCompression() When { return When{moment: atUpgrade, name: "compression"} }

// OnAuth is the moment at which an AUTH has been read.
func OnAuth() When { return When{moment: atCommand, name: "AUTH"} }

// OnPublish is the moment at which the n-th PUB, MPUB or DPUB of a connection has been read and not yet executed, from 1, or
// each for [Every].
func OnPublish(n int) When { return When{moment: atPublish, from: n, to: n} }

// OnCommand is the moment at which the n-th command of a connection has been read and not yet executed, from 1, IDENTIFY and
// NOP counted, or each for [Every]. Commands that break nsqd's rules, and so are refused without a script, are not counted.
func OnCommand(n int) When { return When{moment: atCommand, from: n, to: n} }

// OnByte is the moment at which n bytes behind IDENTIFY have been read, as they are in clear and not compressed: those of
// commands, whatever upgrades make of them. Commands that are whole within these have been executed then, and their answers
// written; further ones have not. It comes once for a connection, and never on one that sent no IDENTIFY.
func OnByte(n int) When { return When{moment: atByte, from: n, to: n} }

// Through extends the moment from the n-th to the last-th time, both inclusive.
func (w When) Through(last int) When { w.to = last; return w }

// Conn narrows the moment down to the n-th connection of the server, from 1.
func (w When) Conn(n int) When { w.conn = n; return w }

// Overall counts over all connections together, not on each by itself.
func (w When) Overall() When { w.overall = true; return w }

// Answered moves the moment behind the command's answer, which has been written then unless answers are being held.
func (w When) Answered() When { w.answered = true; return w }

// Topic narrows the moment down to commands with this topic; others are not counted.
func (w When) Topic(topic string) When {
	return w.If(func(c Command) bool { return c.Topic == topic })
}

// If narrows the moment down to commands of which f reports true; others are not counted. f is called by the server's
// goroutines, by those of several connections at once, and holds up its connection.
func (w When) If(f func(Command) bool) When {
	w.only = append(w.only[:len(w.only):len(w.only)], f)
	return w
}

// Fault is a moment and what happens then. The methods of [When] make it.
type Fault struct {
	when When
	act  func(*exchange)
}

// exchange is what a moment comes to: acts change it before it takes its course.
type exchange struct {
	conn   *conn
	ahead  []byte           // sent before the answer
	refuse *wire.ReplyError // takes the place of execution and answer, and ends the connection
	answer []byte           // takes the place of the answer if not nil
	silent bool
	ignore bool
	delay  time.Duration
	pause  time.Duration // before anything else happens
	end    ending
}

// Do calls f at that moment, on the connection's goroutine, which goes on when f returns: then the fault counts as one that has
// struck. What the connection had to answer before has been written. f may call the server's methods, Close aside.
func (w When) Do(f func()) Fault { return Fault{w, func(*exchange) { f() }} }

// Error answers with an error frame, without executing the command, and closes the connection, as nsqd does.
func (w When) Error(code, text string) Fault {
	return Fault{w, func(x *exchange) { x.refuse = &wire.ReplyError{Code: code, Text: text} }}
}

// Answer executes the command and sends these bytes in place of its answer, as they are: a frame is [wire.AppendFrame]'s. With
// an error frame, and [When.Close] behind it, it is an error that comes although the messages were stored.
func (w When) Answer(raw []byte) Fault {
	return Fault{w, func(x *exchange) { x.answer = append([]byte{}, raw...) }}
}

// Send sends these bytes in addition, as they are, through the upgrades that are done: before the command's answer, or behind
// it with [When.Answered].
func (w When) Send(raw []byte) Fault {
	return Fault{w, func(x *exchange) { x.ahead = append(x.ahead, raw...) }}
}

// Heartbeat sends a heartbeat: before the command's answer, or behind it with [When.Answered].
func (w When) Heartbeat() Fault {
	return Fault{w, func(x *exchange) {
		x.ahead = wire.AppendHeartbeat(x.ahead)
		x.conn.seen.heartbeat()
	}}
}

// Silence executes the command and does not answer it: a message is stored, and the client cannot know.
func (w When) Silence() Fault { return Fault{w, func(x *exchange) { x.silent = true }} }

// Ignore neither executes nor answers the command, unless [When.Answer] gives an answer.
func (w When) Ignore() Fault { return Fault{w, func(x *exchange) { x.ignore = true }} }

// Delay holds the command's answer for d, and answers behind it until it has gone, in order. Reading and executing go on: it
// is a slow path, on which answers to many commands can be under way. For a slow server see [When.Busy].
func (w When) Delay(d time.Duration) Fault { return Fault{w, func(x *exchange) { x.delay += d }} }

// Busy does nothing on the connection for d, heartbeats aside: it is an nsqd that takes long over a command.
func (w When) Busy(d time.Duration) Fault {
	return Fault{w, func(x *exchange) { x.pause = d }}
}

// Stall holds the connection's answers, this command's being the first, until [Server.Resume]. Reading and executing go on,
// and so do heartbeats.
func (w When) Stall() Fault { return w.hold(holdAnswers) }

// StopReading stops reading from the connection until [Server.Resume]. Commands that were read with this one are still
// executed and answered.
func (w When) StopReading() Fault { return w.hold(holdReading) }

// Freeze stops all the connection does, heartbeats included, until [Server.Resume], as a stopped process does.
func (w When) Freeze() Fault { return w.hold(holdAll) }

// Blackhole reads and drops what comes from here on, this command first, and sends nothing any more.
func (w When) Blackhole() Fault {
	return Fault{w, func(x *exchange) {
		x.conn.hold(holdBeats)
		x.end = swallowing
	}}
}

func (w When) hold(h hold) Fault {
	return Fault{w, func(x *exchange) { x.conn.hold(h) }}
}

// Split writes everything from here on in pieces of at most n bytes, each by itself; 0 ends that. Over an in-memory
// connection no read of the client's returns more than n bytes. The bytes are those of the connection: encrypted or compressed
// ones, and those of the TLS handshake, where there are upgrades.
func (w When) Split(n int) Fault { return Fault{w, func(x *exchange) { x.conn.split(n) }} }

// Close closes the connection, as [net.Conn]'s Close does, without executing the command; with [When.Answered], behind the
// answer.
func (w When) Close() Fault { return Fault{w, func(x *exchange) { x.end = closed }} }

// Reset closes the connection with a TCP reset, without executing the command; with [When.Answered], behind the answer.
func (w When) Reset() Fault { return Fault{w, func(x *exchange) { x.end = resetting }} }

// scripted is a fault with the count that all connections share.
type scripted struct {
	Fault
	count atomic.Int64
}

// armed is a fault as one connection sees it.
type armed struct {
	*Fault
	count *atomic.Int64
}

// strikes counts the moment, if it is this fault's, and reports whether the fault strikes.
func (a *armed) strikes(m moment, cmd *Command, answered bool) bool {
	w := &a.when
	switch {
	case w.answered != answered:
		return false
	case w.moment != m && !(w.moment == atPublish && m == atCommand && cmd.publishes()):
		return false
	case w.name != "" && w.name != cmd.Name:
		return false
	}
	for _, ok := range w.only {
		if !ok(*cmd) {
			return false
		}
	}
	n := int(a.count.Add(1))
	return w.from == Every || w.from <= n && n <= w.to
}

// arm adds a fault to the connection, if it concerns it.
func (c *conn) arm(f *scripted) {
	if f.when.conn != 0 && f.when.conn != c.number {
		return
	}
	a := &armed{Fault: &f.Fault, count: new(atomic.Int64)}
	if f.when.overall {
		a.count = &f.count
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*armed
	if old := c.script.Load(); old != nil {
		all = append(all, *old...)
	}
	all = append(all, a)
	c.script.Store(&all)
}
