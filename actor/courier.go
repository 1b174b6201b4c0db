package actor

import (
	"sync/atomic"

	"github.com/nsqactor/producer/state"
)

// A done channel that has no room when a result is offered is behind: from then on its results go through a box to a courier,
// a goroutine that waits for the reader, so that nobody else does. When the courier has delivered all there is, the channel is
// no longer behind, and the courier ends.

// box is where the loop leaves results for one done channel that is behind.
type box struct {
	dest  chan<- *Transaction
	in    chan []*Transaction // capacity 1, merged by its one sender, the loop, like replies: so the loop never waits
	given uint64              // how many results the loop has put in; the loop's own
	taken atomic.Uint64       // how many of them the courier has done with
	idle  state.Flag          // it lies in idle: the courier has found itself with nothing to do
}

// offer gives an ended asynchronous transaction to its channel if that has room, and to the channel's courier otherwise.
//
// Invariant: results reach a channel in the order in which they ended. While there is a courier, all go through it.
func (l *loop) offer(t *Transaction) {
	b := l.boxes[t.dest]
	if b == nil {
		select {
		case t.dest <- t:
			l.p.unread.leave(1, 0)
			return
		default:
		}
		b = &box{dest: t.dest, in: make(chan []*Transaction, 1)}
		if l.boxes == nil {
			l.boxes = make(map[chan<- *Transaction]*box)
			l.idle = make(chan *box, l.p.cfg.MaxPending) // no more boxes than results can be undelivered
		}
		l.boxes[t.dest] = b
		go l.p.courier(b, l.idle)
	}
	b.given++
	l.p.counts.boxed.Add(1)
	var results []*Transaction
	select {
	case results = <-b.in:
	default:
	}
	b.in <- append(results, t)
}

// retireCouriers ends those couriers that have done with all they were given. A courier counts, lays its box into idle, and
// rings the bell, in this order, so that none is forgotten. A box may lie there once more behind the time that ends it, when
// its courier counts between our Clear and our look.
func (l *loop) retireCouriers() {
	for {
		select {
		case b := <-l.idle:
			b.idle.Clear()
			if l.boxes[b.dest] == b && b.taken.Load() == b.given {
				delete(l.boxes, b.dest)
				close(b.in)
			}
		default:
			return
		}
	}
}

// dismissCouriers gives readers until the shutdown's bound is over, and returns when no courier has anything left.
func (l *loop) dismissCouriers() {
	for l.retireCouriers(); len(l.boxes) > 0; l.retireCouriers() {
		<-l.p.bell
	}
}

// courier delivers what comes into the box, in order, until the loop closes it. When the shutdown's bound is over it drops
// what is left and what still comes, and counts it.
func (p *Producer) courier(b *box, idle chan<- *box) {
	var queue ring[*Transaction]
	cut := p.cut
	for {
		var dest chan<- *Transaction // nil while there is nothing to deliver
		var oldest *Transaction
		if queue.len() > 0 {
			dest, oldest = b.dest, *queue.front()
		}
		select {
		case results, open := <-b.in:
			if !open {
				return
			}
			for _, t := range results {
				queue.pushBack(t)
			}
		case dest <- oldest:
			queue.popFront()
			p.done(b, idle, queue.len())
		case <-cut:
			cut = nil
		}
		for cut == nil && queue.len() > 0 {
			queue.popFront()
			p.counts.dropped.Add(1)
			p.done(b, idle, queue.len())
		}
	}
}

// done notes that the courier is done with one more result.
func (p *Producer) done(b *box, idle chan<- *box, left int) {
	p.unread.leave(1, 0)
	p.counts.boxed.Add(-1)
	b.taken.Add(1)
	if left == 0 {
		if b.idle.Set() {
			select {
			case idle <- b: // has room for every box once
			case <-p.ended: // the loop looks no more
			}
		}
		p.ring()
	}
}
