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
	if outcome != Acked {
		if t.doubt {
			outcome, cause = Unknown, doubtful(cause)
		}
		t.Error = l.p.fail(t.kind, t.topicName(), outcome, cause)
	}
	if t.kind.publishes() {
		l.p.settle(t.size, outcome)
		l.tellFlushes(t)
	}
	l.deliver(t)
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
		t.Release()
	case t.dest == t.done:
		t.done <- t // capacity 1, and a transaction ends once: never blocks
	default:
		t.shed()
		l.offer(t)
	}
}
