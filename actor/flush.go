package actor

import (
	"sort"

	"github.com/nsqactor/producer/state"
)

// flushWait is a Flush that waits, or one whose caller has left.
type flushWait struct {
	t    *Transaction
	left int // publishes between the Flush before it and itself that have not ended
}

// flush begins one. Publishes reach the loop in the order in which they were accepted, so that a Flush stands behind those
// that were accepted before it: in seq.
//
// Invariant: watched is set before the claims are counted, and a caller who leaves a transaction moves the claim before he
// looks at watched. So either the transaction is not counted, or the caller rings and all is counted again.
func (l *loop) flush(t *Transaction) {
	if l.flushes.full() { // before it grows: those whose callers have left need no place
		l.flushes.keep(func(f flushWait) bool { return f.t.claim.Load() == state.Queued })
	}
	l.flushes.pushBack(flushWait{t: t})
	l.p.watched.Set()
	l.recount = true
}

// gap returns the first Flush that waits for a publish with that seq, as an index; flushes.len() if none does.
func (l *loop) gap(seq uint64) int {
	return sort.Search(l.flushes.len(), func(i int) bool { return seq < l.flushes.at(i).t.seq })
}

// tellFlushes notes that a publish has ended, its result not yet delivered.
func (l *loop) tellFlushes(t *Transaction) {
	if l.recount {
		return // what is counted now does not hold anyway
	}
	if i := l.gap(t.seq); i < l.flushes.len() {
		l.flushes.at(i).left--
		l.endFlushes()
	}
}

// countFlushes counts what the Flushes wait for, if there is a new one, or something may have ended without the loop. It goes
// through all that is pending, so that the loop calls it once for all that came in together.
func (l *loop) countFlushes() {
	if !l.recount {
		return
	}
	l.recount = false
	for i := range l.flushes.len() {
		l.flushes.at(i).left = 0
	}
	for _, queue := range []*ring[*Transaction]{&l.flight.members, &l.backlog} {
		for i := range queue.len() {
			t := *queue.at(i)
			if claim := t.claim.Load(); !t.kind.publishes() || claim != state.Queued && claim != state.Taken {
				continue
			}
			if i := l.gap(t.seq); i < l.flushes.len() {
				l.flushes.at(i).left++
			}
		}
	}
	l.endFlushes()
}

// endFlushes ends, oldest first, those that wait for nothing.
func (l *loop) endFlushes() {
	for l.flushes.len() > 0 && l.flushes.front().left == 0 {
		l.end(l.flushes.popFront().t, Acked, nil)
	}
	if l.flushes.len() == 0 && !l.draining {
		l.p.watched.Clear()
	}
}
