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
	if err := p.post(ctx, t, wait); err != nil {
		return p.fail(r.kind, r.topic, NotSent, err)
	}
	return p.await(ctx, t, &r)
}

// ask posts a question to the loop, which holds none of the bounds, and waits for the answer.
func (p *Producer) ask(ctx context.Context, k kind) error {
	if err := ctx.Err(); err != nil {
		return p.fail(k, "", kinds[k].unheard, err)
	}
	if k == ping && !p.live() {
		return ErrStopped
	}
	t := p.fresh(k)
	t.dest = t.done
	t.waits = p.cfg.WaitConnected && ctx.Done() != nil
	if err := p.post(ctx, t, wait); err != nil {
		return p.fail(k, "", kinds[k].unheard, err)
	}
	return p.await(ctx, t, &request{kind: k})
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
	t := p.fresh(r.kind)
	if err := t.encode(r); err != nil {
		p.room.leave(size)
		t.recycle()
		return nil, p.fail(r.kind, r.topic, NotSent, err)
	}
	t.size = size
	return t, nil
}

// post puts the transaction into the mailbox. On an error, which is ctx's, ErrStopped or, for a try, ErrFull, the transaction
// has ended as not sent and is nobody's; otherwise a result will come.
//
// Invariant: no transaction is left in the mailbox of an ended loop. The loop stores Closed and then empties the mailbox; we
// send and then load the phase. Either the loop meets the transaction, or we see Closed and take it back; if the claim says
// that both happened, the loop's result is on its way.
func (p *Producer) post(ctx context.Context, t *Transaction, e entry) error {
	t.claim.Advance(state.Free, state.Queued)
	if t.kind.publishes() {
		p.counts.submitted.Add(1)
	}
	select {
	case p.mail <- t:
	default:
		if e == try {
			p.leave(t)
			return ErrFull
		}
		select {
		case p.mail <- t:
		case <-ctx.Done():
			p.leave(t)
			return ctx.Err()
		case <-p.stopping:
			p.leave(t)
			return ErrStopped
		}
	}
	if p.phase.Load() == state.Closed && p.leave(t) != 0 {
		return ErrStopped
	}
	return nil
}

// await receives the transaction's result, unless ctx ends first. A result that is there wins over ctx.
func (p *Producer) await(ctx context.Context, t *Transaction, r *request) error {
	if ctx.Done() == nil {
		<-t.done // a plain receive is cheaper than a select
	} else {
		select {
		case <-t.done:
		case <-ctx.Done():
			if outcome := p.leave(t); outcome != 0 {
				return p.fail(r.kind, r.topic, outcome, ctx.Err())
			}
			<-t.done
		}
	}
	err := t.Error
	t.Release()
	return err
}

// leave is how a caller ends a transaction whose result he cannot wait for. It returns the outcome, or 0 if the loop was
// faster, and a result is on its way. The caller touches the transaction no more.
func (p *Producer) leave(t *Transaction) Outcome {
	k, size := t.kind, t.size // read before the claim: an abandoned transaction may be recycled at once
	var outcome Outcome
	switch t.claim.Leave() {
	case state.GivenUp:
		outcome = kinds[k].unheard
		if t.doubt {
			outcome = Unknown
		}
		// The loop still meets the transaction, and lets it lie. Its memory goes now, so that the bounds stay true however
		// many are given up before the loop comes by.
		t.command = nil
	case state.Abandoned:
		outcome = Unknown
	default:
		return 0
	}
	if !k.publishes() {
		return outcome
	}
	p.settle(size, outcome)
	if p.watched.IsSet() {
		p.ring()
	}
	return outcome
}

// settle counts an outcome and gives back what the publish held of the bounds.
func (p *Producer) settle(size int, outcome Outcome) {
	p.counts.outcomes[outcome].Add(1)
	p.room.leave(size)
}

// ring tells the loop that something lies for it outside of its mailbox. The one token in bell says "look", not what for: who
// rings has put the thing where the loop will find it first.
func (p *Producer) ring() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}
