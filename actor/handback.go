package actor

import (
	"context"
	"errors"
	"hash/maphash"
	"strings"

	"github.com/nsqactor/producer/wire"
)

// What one nsqd cannot take another may. Who has several producers, as package actor/pool has, sets Config.HandBack: a publish that
// is Movable then ends without an outcome in the producer's account. A synchronous call returns with its error all the same, and
// its caller decides. An asynchronous publish has nobody who waits for it: the producer hands it back instead of delivering its
// result, and another one adopts it, still encoded, with its done channel and args.

// Movable reports whether a publish that ended with err is one for another nsqd: it is certainly not stored, and that was not the
// publish's fault, nor its context's. That is so where no connection could be had or one was lost before the message was written
// whole (ErrNotConnected), where the producer was stopped (ErrStopped), and where nsqd refused it for troubles of its own
// (E_PUB_FAILED and others that [wire.RetryLater] stands for). With unknown, it is so too for what may be stored, since the
// connection was lost (ErrConnectionLost) or nsqd broke off within a batch (E_MPUB_FAILED): another nsqd would duplicate it then.
func Movable(err error, unknown bool) bool { return movable(OutcomeOf(err), err, unknown) }

func movable(outcome Outcome, cause error, unknown bool) bool {
	var refusal *wire.ReplyError
	trouble := errors.As(cause, &refusal) && refusal.Fact().Retry == wire.RetryLater
	switch outcome {
	case NotSent:
		return errors.Is(cause, ErrNotConnected) || errors.Is(cause, ErrStopped)
	case Refused:
		return trouble
	case Unknown:
		return unknown && (errors.Is(cause, ErrConnectionLost) || trouble)
	}
	return false
}

// HandedBack returns the channel on which asynchronous publishes come back under Config.HandBack, oldest first, and which is closed
// when the producer has ended; without it, nil. It must be read. Who receives a transaction has it adopted, by this or another
// producer, or delivered; until then it holds its place among what is pending and among the undelivered results.
func (p *Producer) HandedBack() <-chan []*Transaction { return p.returned }

// Adopt takes up a publish that another producer, or this one, has handed back: it is accepted here with its topic, bodies, done
// channel and args, and ends as any other. The two producers must have the same limits. It waits for room as PublishAsync does, until
// ctx ends; where this producer handed it back it does not, since the publish has its place already. Errors: ErrStopped, bare, or an
// [*Error] with ErrStopped or ctx's error, which the account may have as handed back once more; t is then still the caller's. After
// nil it is not.
func (p *Producer) Adopt(ctx context.Context, t *Transaction) error { return p.adopt(ctx, t, wait) }

// TryAdopt is Adopt that does not wait for room: it returns [ErrFull], bare, where Adopt would.
func (p *Producer) TryAdopt(t *Transaction) error { return p.adopt(context.Background(), t, try) }

func (p *Producer) adopt(ctx context.Context, t *Transaction, e entry) error {
	if !p.live() {
		return ErrStopped
	}
	if err := p.makePlaces(ctx, t, e); err != nil {
		return err
	}
	own := p.fresh(t.kind, t.size) // a transaction's memory belongs to its producer
	own.command, own.topic, own.size = append(own.command[:0], t.command...), t.topic, t.size
	own.hash = uint32(maphash.Bytes(p.seed, t.topicBytes()))
	own.dest, own.waits = t.dest, false
	own.Args = append(own.Args, t.Args...)
	own.moves, own.doubt = t.moves, t.doubt
	p.counts.adopted.Add(1)
	if _, outcome, err := p.post(ctx, own, wait); err != nil {
		p.unread.leave(1, 0)
		return p.booked(t.kind, t.topicName(), outcome, err, true)
	}
	t.home.leavePlaces(t.size)
	t.Release()
	return nil
}

// makePlaces takes the places that an adopted publish holds, beside those that it has where it comes from.
func (p *Producer) makePlaces(ctx context.Context, t *Transaction, e entry) error {
	if t.home == p { // it is about to leave as many here
		p.room.force(t.size)
		p.unread.force(0)
		return nil
	}
	err := e.enter(ctx, &p.unread, p.stopping, 0)
	if err == nil {
		if err = e.enter(ctx, &p.room, p.stopping, t.size); err != nil {
			p.unread.leave(1, 0)
		}
	}
	if err != nil {
		return p.fail(t.kind, t.topicName(), NotSent, err)
	}
	return nil
}

// Deliver ends a publish that was handed back with the Error that it has: it waits until its done channel has room, or ctx ends,
// and reports false if there was none. In any case the transaction is no longer the caller's.
func (t *Transaction) Deliver(ctx context.Context) bool {
	if errors.Is(t.Error, ErrStopped) && OutcomeOf(t.Error) == NotSent {
		t.Error = ErrStopped
	}
	home, size := t.home, t.size // the receiver may release t at once
	defer home.leavePlaces(size)
	if t.dest == nil {
		t.Release()
		return true
	}
	t.shed()
	select {
	case t.dest <- t: // first, so that room counts also where ctx is over
		return true
	default:
	}
	select {
	case t.dest <- t:
		return true
	case <-ctx.Done():
		return false
	}
}

// leavePlaces gives back what an asynchronous publish of this size that was handed back holds of the bounds.
func (p *Producer) leavePlaces(size int) {
	p.room.leave(1, size)
	p.unread.leave(1, 0)
}

// booked makes the error of a publish that was accepted, and has just been counted with that outcome by its caller. With back, under
// Config.HandBack, it is to count as handed back instead.
func (p *Producer) booked(k kind, topic string, outcome Outcome, cause error, back bool) error {
	if p.cfg.HandBack == 0 || cause == ErrFull {
		return p.fail(k, topic, outcome, cause)
	}
	e := &Error{Op: kinds[k].op, Topic: strings.Clone(topic), Addr: p.addr, Outcome: outcome, Err: cause, booked: byOutcome}
	if back {
		p.counts.outcomes[outcome].Add(^uint64(0)) // first: who reads both, in the other order, counts it once at most
		p.counts.handedBack.Add(1)
		e.booked = asHandedBack
	}
	return e
}

// handsBack reports whether a publish that ends so is handed back. One that finds the producer stopped is however often it was
// before: it did not get as far as an nsqd.
func (l *loop) handsBack(t *Transaction, outcome Outcome, cause error) bool {
	cfg := &l.p.cfg
	if cfg.HandBack == 0 || !t.kind.publishes() {
		return false
	}
	return cause == ErrStopped || t.moves < cfg.HandBack && movable(outcome, cause, cfg.RetryUnknown)
}

// handBack ends a transaction without an outcome. One that nobody waits for keeps its places, so that what is handed back stays
// within the bounds.
func (l *loop) handBack(t *Transaction, outcome Outcome, cause error) {
	t.Error = &Error{
		Op: kinds[t.kind].op, Topic: t.topicName(), Addr: l.p.addr, Outcome: outcome, Err: cause, booked: asHandedBack,
	}
	l.p.counts.handedBack.Add(1)
	if t.dest == t.done {
		l.p.room.leave(1, t.size)
		l.tellFlushes(t)
		l.deliver(t)
		return
	}
	t.moves++
	t.doubt = outcome == Unknown
	l.tellFlushes(t)
	var waiting []*Transaction
	select { // capacity 1 and merged by its one sender, like replies: so the loop never waits
	case waiting = <-l.p.returned:
	default:
	}
	l.p.returned <- append(waiting, t)
}
