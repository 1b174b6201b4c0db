package actor

import (
	"context"

	"github.com/nsqactor/producer/state"
)

// This file is the caller's side of the mailbox: every function in it runs on the goroutine of whoever publishes.

// publish accepts a request, posts it, and waits for its result.
func (p *Producer) publish(ctx context.Context, r request) error {
	size, err := r.check(&p.cfg)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return p.fail(r.kind, r.topic, NotSent, err)
	}
	if !p.live() {
		return ErrStopped
	}
	if err := p.room.enter(ctx, p.stopping, size); err != nil {
		return p.fail(r.kind, r.topic, NotSent, err)
	}
	t, err := p.admit(&r, size)
	if err != nil {
		return err
	}
	t.dest = t.done
	t.waits = p.cfg.WaitConnected && ctx.Done() != nil
	s, outcome, err := p.post(ctx, t, wait)
	if err != nil {
		return p.fail(r.kind, r.topic, outcome, err)
	}
	return p.await(ctx, s, &r)
}

// ask posts a question to the loop, which holds none of the bounds, and waits for the answer.
func (p *Producer) ask(ctx context.Context, k kind, waits bool) error {
	if err := ctx.Err(); err != nil {
		return p.fail(k, "", kinds[k].unheard, err)
	}
	if k == ping && !p.live() {
		return ErrStopped
	}
	t := p.fresh(k, 0)
	t.dest = t.done
	t.waits = waits
	s, outcome, err := p.post(ctx, t, wait)
	if err != nil {
		return p.fail(k, "", outcome, err)
	}
	p.ring()
	return p.await(ctx, s, &request{kind: k})
}

// live starts the loop if nobody has, and reports whether the producer takes requests.
func (p *Producer) live() bool {
	if p.phase.Load() == state.Idle && p.phase.Advance(state.Idle, state.Live) {
		go newLoop(p).run()
	}
	return p.phase.Load() == state.Live
}

// admit makes the transaction of a publish that is within the bounds; its dest is not set.
func (p *Producer) admit(r *request, size int) (*Transaction, error) {
	t := p.fresh(r.kind, size)
	if err := t.encode(r); err != nil {
		p.room.leave(1, size)
		t.recycle()
		return nil, p.fail(r.kind, r.topic, NotSent, err)
	}
	t.size = size
	return t, nil
}

// sent is what a caller knows of a transaction that he has posted. He may read nothing more of the transaction itself unless
// he wins the claim for that turn: it may have ended, and serve another caller by now.
type sent struct {
	t    *Transaction
	turn state.Turn
	kind kind
	size int
}

// post puts the transaction into the mailbox. On an error, which is ctx's, ErrStopped or, for a try, ErrFull, the transaction
// has ended with that outcome; otherwise a result will come.
func (p *Producer) post(ctx context.Context, t *Transaction, e entry) (sent, Outcome, error) {
	s := sent{t, t.claim.Turn(), t.kind, t.size}
	t.claim.Advance(state.Free, state.Queued)
	if s.kind.publishes() {
		p.counts.submitted.Add(1)
	}
	select {
	case p.mail <- t:
	default:
		if e == try {
			outcome, _ := p.leave(s)
			return s, outcome, ErrFull
		}
		p.ring() // the loop does not empty its mailbox while it waits for an answer, and this may be a question
		select {
		case p.mail <- t:
		case <-ctx.Done():
			outcome, _ := p.leave(s)
			return s, outcome, ctx.Err()
		case <-p.stopping:
			outcome, _ := p.leave(s)
			return s, outcome, ErrStopped
		}
	}
	if outcome, late := p.tooLate(s); late {
		if s.kind.publishes() && outcome == Unknown {
			return s, outcome, doubtful(ErrStopped)
		}
		return s, outcome, ErrStopped
	}
	return s, 0, nil
}

// tooLate takes back a transaction that may have been sent to an ended loop, and reports whether it did. The outcome need not be
// not sent: while its sender slept it may have been written, under RetryUnknown, on a connection that was lost.
//
// Invariant: no transaction is left in the mailbox of an ended loop. The loop stores Closed and then empties the mailbox; a
// caller sends and then loads the phase. Either the loop meets the transaction, or the caller sees Closed and takes it back; if
// the claim says that both happened, the loop's result is on its way.
func (p *Producer) tooLate(s sent) (Outcome, bool) {
	if p.phase.Load() != state.Closed {
		return 0, false
	}
	return p.leave(s)
}

// await receives the transaction's result, unless ctx ends first. A result that is there wins over ctx.
func (p *Producer) await(ctx context.Context, s sent, r *request) error {
	if ctx.Done() == nil {
		<-s.t.done // a plain receive is cheaper than a select
	} else {
		select {
		case <-s.t.done:
		case <-ctx.Done():
			if outcome, left := p.leave(s); left {
				return p.fail(r.kind, r.topic, outcome, ctx.Err())
			}
			<-s.t.done
		}
	}
	err := s.t.Error
	s.t.Release()
	return err
}

// leave is how a caller ends a transaction whose result he cannot wait for. It returns the outcome, or reports false if the
// loop was faster, and a result is on its way.
func (p *Producer) leave(s sent) (Outcome, bool) {
	claim, left := s.t.claim.Leave(s.turn)
	if !left {
		return 0, false
	}
	outcome := Unknown
	if claim == state.GivenUp {
		if !s.t.doubt {
			outcome = kinds[s.kind].unheard
		}
		// The loop still meets the transaction, and lets it lie. Its memory goes now, so that the bounds stay true however
		// many are given up before the loop comes by.
		s.t.command = nil
	}
	if s.kind.publishes() {
		p.settle(s.size, outcome)
	}
	if claim == state.GivenUp || p.watched.IsSet() {
		p.ring()
	}
	return outcome, true
}

// settle counts an outcome and gives back what the publish held of the bounds.
func (p *Producer) settle(size int, outcome Outcome) {
	p.counts.outcomes[outcome].Add(1)
	p.room.leave(1, size)
}

// ring tells the loop that something lies for it outside of its mailbox. The one token in bell says "look", not what for: who
// rings has put the thing where the loop will find it first.
func (p *Producer) ring() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}
