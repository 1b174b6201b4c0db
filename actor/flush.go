package actor

import "github.com/nsqactor/producer/state"

// flushWait is a Flush that waits.
type flushWait struct {
	t    *Transaction
	left int // publishes accepted before it, that is, with a lower seq, and not ended
}

// flush begins one. Publishes reach the loop in the order in which they were accepted, so that a Flush stands behind those
// that were accepted before it.
//
// Invariant: watched is set before the claims are counted, and a caller who leaves a transaction moves the claim before he
// looks at watched. So either the transaction is not counted, or the caller rings and all is counted again.
func (l *loop) flush(t *Transaction) {
	l.flushes = append(l.flushes, flushWait{t: t})
	l.p.watched.Set()
	l.recountFlushes()
}

// tellFlushes notes that a publish has ended, its result not yet delivered.
func (l *loop) tellFlushes(t *Transaction) {
	for i := range l.flushes {
		if t.seq < l.flushes[i].t.seq {
			l.flushes[i].left--
		}
	}
	if len(l.flushes) > 0 {
		l.endFlushes()
	}
}

// recountFlushes counts what each Flush waits for, since some of it may have ended without the loop.
func (l *loop) recountFlushes() {
	for i := range l.flushes {
		f := &l.flushes[i]
		f.left = 0
		for _, queue := range []*ring[*Transaction]{&l.flight.members, &l.backlog} {
			for j := range queue.len() {
				t := *queue.at(j)
				if claim := t.claim.Load(); t.kind.publishes() && t.seq < f.t.seq && (claim == state.Queued || claim == state.Taken) {
					f.left++
				}
			}
		}
	}
	l.endFlushes()
}

// endFlushes ends those that wait for nothing, and drops those whose caller has left.
func (l *loop) endFlushes() {
	waiting := l.flushes[:0]
	for _, f := range l.flushes {
		switch {
		case f.left <= 0:
			l.end(f.t, Acked, nil)
		case f.t.claim.Load() == state.Queued:
			waiting = append(waiting, f)
		}
	}
	clear(l.flushes[len(waiting):])
	l.flushes = waiting
	if len(waiting) == 0 && !l.draining {
		l.p.watched.Clear()
	}
}
