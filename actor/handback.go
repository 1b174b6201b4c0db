package actor

import (
	"context"
	"errors"
	"hash/maphash"

	"github.com/nsqactor/producer/wire"
)

// What one nsqd cannot take another may. Who has several producers, as package actor/pool has, decides about a synchronous call
// when it returns with its error. An asynchronous publish has nobody who waits for it: under Config.HandBack the producer hands it
// back instead of delivering its result, and another producer adopts it, still encoded, with its done channel and args.

// Movable reports whether a publish that ended with err is one for another nsqd: it is certainly not stored, and that was not the
// publish's fault, nor its context's. That is so where no connection could be had or one was lost before the message was written
// whole (ErrNotConnected), where the producer was stopped (ErrStopped), and where nsqd refused it for troubles of its own
// (E_PUB_FAILED and others that [wire.RetryLater] stands for). With unknown, it is so too for what may be stored, since the
// connection was lost (ErrConnectionLost) or nsqd broke off within a batch (E_MPUB_FAILED): another nsqd would duplicate it then.
func Movable(err error, unknown bool) bool {
	var refusal *wire.ReplyError
	trouble := errors.As(err, &refusal) && refusal.Fact().Retry == wire.RetryLater
	switch OutcomeOf(err) {
	case NotSent:
		return errors.Is(err, ErrNotConnected) || err == ErrStopped
	case Refused:
		return trouble
	case Unknown:
		return unknown && (errors.Is(err, ErrConnectionLost) || trouble)
	}
	return false
}

// HandedBack returns the channel on which publishes come back under Config.HandBack, oldest first, and which is closed when the
// producer has ended; without it, nil. It must be read. Who receives a transaction has it adopted, by this or another producer,
// or delivered; until then it holds a place among the undelivered results.
func (p *Producer) HandedBack() <-chan []*Transaction { return p.returned }

// Adopt takes up a publish that another producer, or this one, has handed back: it is accepted here with its topic, bodies, done
// channel and args, and ends as any other. The two producers must have the same limits. It waits for room as PublishAsync does.
// Errors: ErrStopped, bare; then t is still the caller's.
func (p *Producer) Adopt(t *Transaction) error { return p.adopt(t, wait) }

// TryAdopt is Adopt that never waits: it returns ErrFull, bare, where Adopt would.
func (p *Producer) TryAdopt(t *Transaction) error { return p.adopt(t, try) }

// adopt copies, as a publish does: a transaction's memory belongs to its producer. The place among the undelivered results goes
// with it and is not waited for: two full producers that hand back to each other would wait for ever.
func (p *Producer) adopt(t *Transaction, e entry) error {
	if !p.live() {
		return ErrStopped
	}
	if err := e.enter(context.Background(), &p.room, p.stopping, t.size); err != nil {
		return err
	}
	own := p.fresh(t.kind, t.size)
	own.command, own.topic, own.size = append(own.command[:0], t.command...), t.topic, t.size
	own.hash = uint32(maphash.Bytes(p.seed, t.topicBytes()))
	own.dest, own.waits = t.dest, false
	own.Args = append(own.Args, t.Args...)
	own.moves, own.doubt = t.moves, t.doubt
	p.unread.force()
	if _, outcome, err := p.post(context.Background(), own, e); err != nil {
		p.unread.leave(1, 0)
		t.doubt = t.doubt || outcome == Unknown
		return err
	}
	t.home.unread.leave(1, 0)
	t.Release()
	return nil
}

// Deliver ends a publish that was handed back with the Error that it has: it is offered to its done channel without waiting. It
// reports false if that has no room. In any case the transaction is no longer the caller's.
func (t *Transaction) Deliver() bool {
	t.home.unread.leave(1, 0)
	if t.dest == nil {
		t.Release()
		return true
	}
	select {
	case t.dest <- t:
		return true
	default:
		return false
	}
}

// handBack hands a publish back that has ended with t.Error, if it is asynchronous and such as another nsqd may take, and reports
// whether it did.
func (l *loop) handBack(t *Transaction) bool {
	cfg := &l.p.cfg
	if t.moves >= cfg.HandBack || t.dest == t.done || l.draining || !Movable(t.Error, cfg.RetryUnknown) {
		return false
	}
	t.moves++
	t.doubt = OutcomeOf(t.Error) == Unknown
	l.p.counts.handedBack.Add(1)
	l.p.room.leave(1, t.size)
	l.tellFlushes(t)
	var waiting []*Transaction
	select { // capacity 1 and merged by its one sender, like replies: so the loop never waits
	case waiting = <-l.p.returned:
	default:
	}
	l.p.returned <- append(waiting, t)
	return true
}
