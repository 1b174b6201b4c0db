package actor

import (
	"math/rand/v2"
	"time"

	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
)

// retry decides when the next attempt to connect may begin.
type retry struct {
	began int64 // when the last attempt began, on the loop's clock
	at    int64 // when the next one may begin, where it has to wait
	step  int   // failures in a row: the backoff's exponent
	row   int   // connections ended in a row, for whatever reason
}

const (
	provenAfter  = int64(time.Second)           // a connection with acknowledgements that far apart from its beginning has worked
	patientRow   = 10                           // from so many ended connections in a row on,
	patientPause = int64(50 * time.Millisecond) // attempts begin no closer together: twenty a second
)

// acked notes an acknowledgement on a connection of that age. A bare accept, or a handshake, proves nothing.
func (r *retry) acked(age int64) {
	if age >= provenAfter {
		r.step, r.row = 0, 0
	}
}

// backoff returns the next pause: its ceiling doubles from twice lowest to highest, and it is drawn from the ceiling's upper
// half, so that many producers do not come back at once.
func (r *retry) backoff(lowest, highest time.Duration) int64 {
	ceiling := lowest
	for doubled := 0; doubled <= r.step && ceiling < highest; doubled++ {
		ceiling *= 2
	}
	ceiling = min(ceiling, highest)
	r.step++
	floor := max(lowest, ceiling/2)
	return int64(floor + rand.N(ceiling-floor+1))
}

// failed follows an attempt that did not become a connection: the producer is down, what waits fails, and the next attempt
// comes by itself after a pause.
func (l *loop) failed(cause error) {
	l.p.gauges.failure.Store(&cause)
	l.p.tell(record{event: dialFailed, cause: cause})
	l.down(because(ErrNotConnected, cause))
}

// after follows a connection that was up. Where nsqd was alive or only this connection broke, the next attempt comes at once
// and publishes wait for it; only one connection after the other is slowed down. Where nsqd could not store or authorise, it
// needs a pause: publishes wait for the first, shortest one; if that was not enough the producer is down.
func (l *loop) after(refusal *wire.ReplyError, cause error) {
	l.retry.row++
	if refusal != nil && refusal.Fact().Retry == wire.RetryLater {
		if l.retry.step > 0 {
			l.down(because(ErrNotConnected, cause))
			return
		}
		l.moveLink(state.Connecting)
		l.pause(l.retry.backoff(l.p.cfg.BackoffMin, l.p.cfg.BackoffMax))
		return
	}
	l.moveLink(state.Connecting)
	if wait := l.retry.began + patientPause - l.clock(); l.retry.row >= patientRow && wait > 0 {
		l.pause(wait)
		return
	}
	l.connect()
}

// down fails what waits, but for calls that want to wait for a connection, and schedules the next attempt.
func (l *loop) down(cause error) {
	l.cause = cause
	l.moveLink(state.Down)
	l.pause(l.retry.backoff(l.p.cfg.BackoffMin, l.p.cfg.BackoffMax))
	for range l.backlog.len() {
		if t := l.backlog.popFront(); t.waits {
			l.backlog.pushBack(t)
		} else {
			l.end(t, NotSent, cause)
		}
	}
}

func (l *loop) pause(d int64) {
	l.retry.at = l.clock() + d
	l.wakeBy(l.retry.at)
}
