package actor

import (
	"errors"

	"github.com/nsqactor/producer/state"
)

// end is where every transaction ends that its caller has not left. The cause of an outcome other than Acked must not be nil.
func (l *loop) end(t *Transaction, outcome Outcome, cause error) {
	if !t.claim.Finish() {
		t.forget()
		return
	}
	back := outcome != Acked && l.handsBack(t, outcome, cause) // before doubt, which says nothing of what this nsqd would do
	if outcome != Acked {
		if t.doubt {
			outcome, cause = Unknown, doubtful(cause)
		}
		if back {
			l.handBack(t, outcome, cause)
			return
		}
		t.Error = l.p.booked(t.kind, t.topicName(), outcome, cause, false)
	}
	if t.kind.publishes() {
		l.p.settle(t.size, outcome)
		l.tellFlushes(t)
	}
	l.deliver(t)
}

// endAcked is end for all members of the oldest command, which nsqd has acknowledged. What they held of the bounds is given back
// in one step, before the first result is delivered: whoever has one finds room.
func (l *loop) endAcked() {
	members := l.flight.commands.popFront().members
	acked, bytes := 0, 0
	for i := range members {
		t := l.flight.members.at(i)
		if (*t).claim.Finish() {
			acked++
			bytes += (*t).size
		} else {
			(*t).forget()
			*t = nil
		}
	}
	l.p.counts.outcomes[Acked].Add(uint64(acked))
	l.p.room.leave(acked, bytes)
	l.acked += acked
	for range members {
		if t := l.flight.members.popFront(); t != nil {
			l.tellFlushes(t)
			l.deliver(t)
		}
	}
}

// doubtful returns the cause of an outcome that is unknown because of an earlier connection. A sentinel that implies not sent
// would be wrong about it, and stays as text.
func doubtful(cause error) error {
	if OutcomeOf(cause) == NotSent {
		cause = errors.New(cause.Error())
	}
	return because(ErrConnectionLost, cause)
}

// forget takes leave of a transaction whose caller has left.
func (t *Transaction) forget() {
	if t.claim.Advance(state.Abandoned, state.Free) {
		t.recycle()
	}
}

// deliver sends an ended transaction where its result goes. From then on it is the receiver's.
func (l *loop) deliver(t *Transaction) {
	switch {
	case t.dest == nil:
		if l.p.cfg.HandBack > 0 {
			l.p.unread.leave(1, 0)
		}
		t.Release()
	case t.dest == t.done:
		t.done <- t // capacity 1, and a transaction ends once: never blocks
	default:
		t.shed()
		l.offer(t)
	}
}
