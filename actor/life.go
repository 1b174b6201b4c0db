package actor

import (
	"errors"
	"fmt"
	"time"

	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
)

// This file is what the loop knows of a connection's life: how it begins, what its replies mean, and how it ends. What follows
// an end is in retry.go.

var (
	errWriteStuck = errors.New("write made no progress within WriteTimeout")
	errNoResponse = errors.New("nsqd did not answer within ResponseTimeout")
	errSilent     = errors.New("nsqd was silent for longer than ReadTimeout")
)

// lastWords is how long a connection that is given up is still read: what nsqd has said by then decides outcomes, above all
// the error frame behind which it stopped reading, since it closes then with input unread, which fails our write first.
const lastWords = 100 * time.Millisecond

// connect begins an attempt.
func (l *loop) connect() {
	l.p.link.Advance(state.Unlinked, state.Connecting)
	l.retry.began = l.clock()
	l.conn = l.p.connect()
	l.replies = l.conn.replies
}

// reply takes what the connection's goroutine has to say.
func (l *loop) reply(r reply) {
	c := l.conn
	c.heard = l.clock()
	if r.up != nil {
		l.up(r.up)
	}
	err := l.acknowledge(r.oks)
	if r.beat {
		c.nop = true
	}
	switch {
	case r.end != nil:
		l.lost(r.end)
	case err != nil:
		l.breakOff(err)
		c.conn.SetReadDeadline(time.Now()) // its words are worth nothing any more
	}
}

func (l *loop) up(h *handshaken) {
	c := l.conn
	c.conn, c.nop, c.opened = h.conn, h.beat, c.heard
	l.p.link.Advance(l.p.link.Load(), state.Up)
	l.p.counts.connections.Add(1)
	l.cause = nil
	l.backlog.keep(func(t *Transaction) bool { // before publishes that may have to wait for nsqd
		if t.kind != ping {
			return true
		}
		l.end(t, Acked, nil)
		return false
	})
	if l.p.cfg.ReadTimeout > 0 {
		l.wakeBy(c.heard + int64(l.p.cfg.ReadTimeout))
	}
	l.p.log(connected, nil)
}

// acknowledge ends the oldest n commands as acked. It refuses an answer to a command that the kernel does not have yet.
func (l *loop) acknowledge(n int) error {
	for range n {
		if l.flight.len() == 0 || l.flight.commands.front().end > l.conn.written {
			return errUnasked
		}
		if c := l.flight.commands.front(); c.last {
			l.conn.window.answered(c.at, l.conn.heard)
		}
		l.flight.pop(func(t *Transaction) { l.end(t, Acked, nil) })
	}
	if n > 0 {
		l.conn.answered = l.conn.heard
		l.retry.acked(l.conn.heard - l.conn.opened)
	}
	return nil
}

// breakOff stops writing to the connection, which goes on to be read for lastWords at most; then its last reply comes.
func (l *loop) breakOff(cause error) {
	c := l.conn
	if c.broken != nil {
		return
	}
	c.broken = cause
	if err := c.conn.SetReadDeadline(time.Now().Add(lastWords)); err != nil {
		c.close()
	}
}

// lost follows the end of a connection, or of an attempt: it settles what was in flight, and decides what comes next.
func (l *loop) lost(end error) {
	c := l.conn
	cause := c.why(end)
	l.requeue(l.wreck(end))
	if c.conn == nil {
		l.failed(cause)
		return
	}
	l.p.log(disconnected, cause)
	refusal, _ := end.(*wire.ReplyError)
	l.after(refusal, cause)
}

// why returns why the connection ended: what nsqd said last, or else what was the matter before it ended.
func (c *connection) why(end error) error {
	if _, framed := end.(*wire.ReplyError); framed || c.broken == nil {
		return end
	}
	return c.broken
}

// wreck closes the connection and ends what was in flight on it, but for what goes again, which it returns, oldest first. All
// that nsqd said on it has been taken by now, since the end comes last.
func (l *loop) wreck(end error) (again []*Transaction) {
	c, cause := l.conn, l.conn.why(end)
	c.close()
	l.conn, l.replies = nil, nil
	l.out.reset()
	refusal, framed := end.(*wire.ReplyError)
	framed = framed && l.flight.len() > 0 && l.flight.commands.front().begin < c.written // else it answers nothing of ours
	if framed {
		l.flight.pop(func(t *Transaction) { l.refused(t, refusal) })
	}
	for l.flight.len() > 0 {
		whole := l.flight.commands.front().end <= c.written
		l.flight.pop(func(t *Transaction) {
			if l.survives(t, framed, whole, cause) {
				again = append(again, t)
			}
		})
	}
	return again
}

// requeue puts transactions before everything that is newer.
func (l *loop) requeue(again []*Transaction) {
	for i := len(again) - 1; i >= 0; i-- {
		l.backlog.pushFront(again[i])
	}
}

// refused ends the transaction that an error frame answers.
func (l *loop) refused(t *Transaction, refusal *wire.ReplyError) {
	if refusal.Fact().MayBeStored {
		l.end(t, Unknown, refusal)
		return
	}
	l.end(t, Refused, refusal)
}

// survives decides about a transaction whose connection ended without an answer to it: it goes again, or it is ended here.
//
// Behind an error frame, and where its last byte never went to the kernel, it is certainly not stored: nsqd executes nothing
// behind a refused command, and nothing that it does not have whole.
func (l *loop) survives(t *Transaction, framed, whole bool, cause error) bool {
	stored := whole && !framed
	if stored && !l.p.cfg.RetryUnknown {
		l.end(t, Unknown, because(ErrConnectionLost, cause))
		return false
	}
	if !framed {
		t.losses++
	}
	if t.losses >= l.p.cfg.MaxAttempts {
		t.doubt = t.doubt || stored
		l.end(t, NotSent, because(ErrNotConnected, fmt.Errorf("%d connections lost under it, the last: %w", t.losses, cause)))
		return false
	}
	t.doubt = t.doubt || stored
	if !t.claim.Advance(state.Taken, state.Queued) {
		t.forget()
		return false
	}
	return true
}

// wakeBy makes the bell ring and fire be called at that time of the loop's clock, or earlier.
func (l *loop) wakeBy(at int64) {
	if l.due == 0 || at < l.due {
		l.due = at
		l.timer.Reset(time.Duration(at - l.clock()))
	}
}

// fire looks at everything that time brings about. It is called too early now and then, since a deadline that has moved is not
// worth a timer's setting: what is due is judged here.
func (l *loop) fire() {
	l.due = 0
	now := l.clock()
	c := l.conn
	if c == nil {
		if now >= l.retry.at {
			l.connect()
		} else {
			l.wakeBy(l.retry.at)
		}
		return
	}
	if c.conn == nil || c.broken != nil {
		return
	}
	if l.flight.len() > 0 {
		by := max(l.flight.commands.front().at, c.answered) + int64(l.p.cfg.ResponseTimeout)
		if now >= by {
			l.breakOff(errNoResponse)
			return
		}
		l.wakeBy(by)
	}
	if silence := int64(l.p.cfg.ReadTimeout); silence > 0 {
		if now >= c.heard+silence {
			l.breakOff(errSilent)
			return
		}
		l.wakeBy(c.heard + silence)
	}
}
