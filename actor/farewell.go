package actor

import (
	"errors"
	"time"

	"github.com/nsqactor/producer/state"
)

const (
	goodbye = 500 * time.Millisecond // given to nsqd to close its end, once everything is answered and ours is closed
	glance  = 2 * time.Millisecond   // given to what nsqd has just said, when the bound of the shutdown is over
)

var errCut = errors.New("the producer was stopped before nsqd answered")

// drained reports whether the producer is stopping and everything that was accepted has its outcome.
func (l *loop) drained() bool {
	return l.draining && len(l.p.mail) == 0 && l.backlog.len() == 0 && !l.flight.alive()
}

// severed reports whether the bound of the shutdown is over.
func (l *loop) severed() bool {
	if !l.draining {
		return false
	}
	select {
	case <-l.p.cut:
		return true
	default:
		return false
	}
}

// disconnect ends the connection or the attempt, and takes every reply until its last, which settles what is in flight.
func (l *loop) disconnect() {
	c, cut := l.conn, l.p.cut
	if c == nil {
		return
	}
	var giveUp <-chan time.Time
	if !l.severed() {
		l.sayGoodbye()
	}
	for l.conn != nil {
		select {
		case r := <-l.replies:
			l.answered(r)
			if r.end != nil {
				l.wreck(r.end)
			}
		case <-cut:
			cut = nil
			if c.broken == nil {
				c.broken = errCut
			}
			if c.conn != nil {
				c.limit(glance)
				continue
			}
			c.close()
			giveUp = time.After(glance)
		case <-giveUp:
			return // a Dial may ignore its context; what it may still bring is closed by run
		}
	}
}

// sayGoodbye closes our end, so that nsqd sees the stream end where a command ends, and waits a little for nsqd's end: to
// close with answers unread would reset the connection.
func (l *loop) sayGoodbye() {
	c := l.conn
	half, ok := c.conn.(halfCloser)
	if !ok || l.out.pending() || !c.finishSeal(l.clock()) || half.CloseWrite() != nil {
		c.close()
		return
	}
	c.limit(goodbye)
}

// farewell ends everything, in this order: the connection, whose last replies still count; the intake; what could not be sent;
// the couriers. Then nothing of the producer runs any more.
func (l *loop) farewell() {
	before := l.p.counts.tally()
	l.disconnect()
	l.moveLink(state.Unlinked)
	l.p.phase.Advance(state.Draining, state.Closed)
	l.collect() // see tooLate: from here on senders take back what they send
	for l.backlog.len() > 0 {
		l.end(l.backlog.popFront(), NotSent, ErrStopped)
	}
	l.recount = true // what was abandoned has no end that would tell the Flushes
	l.countFlushes()
	l.show()
	close(l.p.settled)
	if l.p.returned != nil {
		close(l.p.returned)
	}
	l.dismissCouriers()
	l.timer.Stop()
	cost := l.p.counts.tally().since(before)
	lost := cost.NotSent + cost.Unknown + l.p.counts.dropped.Load() // couriers drop as soon as the bound is over
	l.p.severed = l.severed() && lost > 0
}
