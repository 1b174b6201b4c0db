package state

// replies lists what the connection can say, or the attempt to have one.
func (m *model) replies(w world) {
	w.loop.heard = true
	l := w.loop
	if l.up && l.written > 0 {
		m.acknowledge(w)
	}
	if l.up && (l.faults > 0 || l.isEnding()) {
		m.lose(w)
	}
	if l.up {
		return
	}
	if l.faults > 0 { // failed
		x := w
		x.loop.faults--
		m.proceed(&x, loopFails)
		m.may(x, "failed: the attempt has ended")
	}
	w.loop.up = true
	m.proceed(&w, l.after)
	m.can(w, "up: connected")
}

// isEnding reports whether the connection's end is sure to come, and no fault.
func (l *loop) isEnding() bool { return l.broken || l.at == loopDisconnects }

// acknowledge takes one OK. A reply may have more of them, which are heard behind it.
func (m *model) acknowledge(w world) {
	l := &w.loop
	next := loopHears
	if l.at == loopDisconnects {
		next = loopDisconnects
	}
	i := l.flight.pop()
	l.written--
	w.callers[i].stored++
	l.end(i, acked, next)
	m.can(w, "acknowledge: an OK")
}

// lose ends the connection: with an error frame, which answers the oldest in flight, or without. nsqd may have stored what it
// has not acknowledged by then, but nothing behind the frame.
func (m *model) lose(w world) {
	l := &w.loop
	framed, list := l.written > 0 && l.faults > 0, m.will
	if !l.isEnding() {
		l.faults--
		list = m.may
	}
	l.up, l.broken = false, false
	if framed {
		x := w
		x.loop.written = 0 // for the others it is as if nothing had been written
		x.loop.end(x.loop.flight.pop(), refused, loopWrecks)
		m.may(x, "lost: an error frame")
	}
	m.proceed(&w, loopWrecks)
	list(w, "lost: the connection has ended")
}

// wreck lets the loop settle the oldest that is in flight. What goes again goes before the backlog.
func (m *model) wreck(w *world) {
	l := &w.loop
	if l.flight.n == 0 {
		for l.backlog.n > 0 {
			l.again.push(l.backlog.pop())
		}
		l.backlog, l.again = l.again, line{}
		m.proceed(w, l.after)
		return
	}
	i, mayBeStored := l.flight.pop(), l.written > 0
	if mayBeStored {
		l.written--
		w.callers[i].stored++
	}
	if mayBeStored && !m.retryUnknown && m.planted != goesAgainInDoubt {
		l.end(i, unknown, loopWrecks)
		return
	}
	t := w.touch(i, Taken, Abandoned)
	t.doubt = t.doubt || mayBeStored
	l.at, l.hand, l.next = loopSurvives, i, loopWrecks
}

// survive is the rest of survives.
func (m *model) survive(w world) {
	l := &w.loop
	did, through := m.advance(&l.op, w.of(l.hand), Taken, Queued)
	switch {
	case !through:
	case did || m.planted == goesAgainUnclaimed:
		l.again.push(l.hand)
		m.proceed(&w, loopWrecks)
	default:
		l.at = loopForgets
	}
	m.will(w, "survives: taken -> queued")
}

// write gives the kernel all that is encoded, or breaks off.
func (m *model) write(w world) {
	l := &w.loop
	for whole := l.written; l.faults > 0 && whole < l.flight.n; whole++ {
		x := w
		x.loop.faults--
		x.loop.written, x.loop.broken = whole, true
		m.proceed(&x, loopTop)
		m.may(x, "write: fails")
	}
	l.written = l.flight.n
	m.proceed(&w, loopTop)
	m.will(w, "write")
}
