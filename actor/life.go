package actor

import (
	"errors"
	"fmt"
	"net"
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
	if l.p.link.Load() == state.Unlinked { // else it stands so, or the producer is down, and stays so meanwhile
		l.moveLink(state.Connecting)
	}
	l.p.tell(record{event: connecting})
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
	c.nop = c.nop || r.beat
	l.answered(r)
	if r.end != nil {
		l.lost(r.end)
	}
}

// answered takes the acknowledgements of a reply. If there is one too many, the stream is out of step, and what is said on it
// is worth nothing any more.
func (l *loop) answered(r reply) {
	if err := l.acknowledge(r.oks); err != nil {
		l.conn.broken = err
		l.conn.close()
	}
}

func (l *loop) up(h *handshaken) {
	c := l.conn
	c.conn, c.seal, c.nop, c.opened = h.conn, h.seal, h.beat, c.heard
	l.moveLink(state.Up)
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
	l.p.tell(record{event: connected})
}

// acknowledge ends the oldest n commands as acked. It refuses an answer to a command that the kernel cannot have yet.
func (l *loop) acknowledge(n int) error {
	for range n {
		if l.flight.len() == 0 || l.flight.commands.front().end > l.conn.written {
			return errUnasked
		}
		c := l.flight.commands.front()
		if c.last {
			l.conn.window.answered(c.at, l.conn.heard)
		}
		l.p.acks.add(l.conn.heard-c.at, c.members)
		l.endAcked()
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
	c.limit(lastWords)
}

// lost follows the end of a connection, or of an attempt: it settles what was in flight, and decides what comes next.
func (l *loop) lost(end error) {
	c := l.conn
	refusal, cause := c.why(end)
	answered := l.wreck(end)
	if c.conn == nil {
		l.failed(cause)
		return
	}
	l.p.gauges.failure.Store(&cause)
	l.p.tell(record{event: disconnected, cause: cause})
	if !answered {
		l.wearOut(cause)
	}
	l.after(refusal, cause)
}

// why returns why the connection ended, and, if that is an error frame, the frame: what nsqd said last, or else what was the
// matter before it ended. On a stream that was out of step nothing counts that was said behind it.
func (c *connection) why(end error) (*wire.ReplyError, error) {
	if refusal, framed := end.(*wire.ReplyError); framed && c.broken != errUnasked {
		return refusal, end
	}
	if c.broken != nil && !errors.Is(c.broken, net.ErrClosed) { // else its goroutine closed it, and end says why
		return nil, c.broken
	}
	return nil, end
}

// wreck closes the connection and ends what was in flight on it, but for what goes again, which it puts before everything that
// is newer. All that nsqd said on it has been taken by now, since the end comes last. It reports whether the end was an error
// frame that answered a command.
func (l *loop) wreck(end error) (answered bool) {
	c := l.conn
	refusal, cause := c.why(end)
	c.close()
	l.conn, l.replies = nil, nil
	l.out.reset()
	if l.flight.len() == 0 || l.flight.commands.front().begin >= c.written {
		refusal = nil // it answers nothing of ours
	}
	var again []*Transaction
	if refusal != nil {
		again = l.refused(refusal)
	} else {
		l.unlearn()
	}
	for l.flight.len() > 0 {
		// nsqd executes nothing behind a command that it refuses, and nothing that it does not have whole.
		mayBeStored := refusal == nil && l.flight.commands.front().end <= c.written
		l.flight.pop(func(t *Transaction) {
			if l.survives(t, mayBeStored, cause) {
				again = append(again, t)
			}
		})
	}
	for i := len(again) - 1; i >= 0; i-- {
		l.backlog.pushFront(again[i])
	}
	return refusal != nil
}

// survives decides about a transaction whose connection ended without an answer to it: it goes again, or it is ended here.
func (l *loop) survives(t *Transaction, mayBeStored bool, cause error) bool {
	if mayBeStored && !l.p.cfg.RetryUnknown {
		l.end(t, Unknown, because(ErrConnectionLost, cause))
		return false
	}
	t.doubt = t.doubt || mayBeStored
	if !t.claim.Advance(state.Taken, state.Queued) {
		t.forget()
		return false
	}
	return true
}

// wearOut counts the loss of a connection against all that waits for the next, so that nothing waits without end for an nsqd
// that takes connections and drops them. Calls that want to wait for a connection have their context.
func (l *loop) wearOut(cause error) {
	l.backlog.keep(func(t *Transaction) bool {
		t.losses++
		if t.waits || t.losses < l.p.cfg.MaxAttempts {
			return true
		}
		l.end(t, NotSent, because(ErrNotConnected, fmt.Errorf("%d connections lost under it, the last: %w", t.losses, cause)))
		return false
	})
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
	late := l.clock()-l.due > int64(lastWords)
	l.due = 0
	select { // what nsqd has said counts before what it has not
	case r := <-l.replies:
		l.reply(r)
	default:
	}
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
	if late && !c.late {
		// It is this process that was stopped for a while: its reader must read first what nsqd has said meanwhile.
		c.late = true
		l.wakeBy(now + int64(lastWords))
		return
	}
	c.late = false
	if l.flight.len() > 0 {
		// What is still being written is the affair of WriteTimeout.
		by := max(l.flight.commands.front().at, c.whole, c.answered) + int64(l.p.cfg.ResponseTimeout)
		if now >= by && l.flight.commands.front().end <= c.through {
			l.breakOff(errNoResponse)
			return
		}
		if now >= by {
			by = now + int64(l.p.cfg.ResponseTimeout)/4
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
