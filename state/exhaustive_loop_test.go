package state

// loopStep is what the loop does next.
type loopStep uint8

const (
	loopUnborn loopStep = iota
	loopIsDrained
	loopIsAlive
	loopIsSevered
	loopCounts
	loopCollects
	loopHears
	loopLooks
	loopWatches
	loopSweeps
	loopWrites
	loopSleeps
	loopAdmits // from here on, with a transaction in hand
	loopClaims
	loopSurvives
	loopFinishes
	loopDelivers
	loopFrees
	loopForgets
	loopDisconnects // from here on, without
	loopCloses
	loopDeparts
	loopEnded
	// The following touch nothing that is shared, so that the loop never stands at them: see proceed.
	loopTop
	loopListens
	loopDecides
	loopFills
	loopWrecks
	loopFails
	loopShuts
	loopBuries
)

// loop is the actor, with its connection.
type loop struct {
	at    loopStep
	next  loopStep // behind end and forget
	after loopStep // behind the mailbox, a reply, or the bell

	backlog line
	flight  line
	again   line  // what goes again, while the rest is settled
	written uint8 // how many in flight the kernel has whole

	up     bool // through the handshake; otherwise there is an attempt
	broken bool // nothing more is written, and the end will be heard
	faults uint8

	heard    bool
	draining bool
	left     uint8 // how many are still to be looked at
	hand     uint8 // the publish that is looked at
	outcome  outcome
	op       operation
}

// has reports whether the loop knows of caller i's publish.
func (l *loop) has(i uint8) bool {
	inHand := l.hand == i && loopAdmits <= l.at && l.at < loopDisconnects
	return inHand || l.backlog.has(i) || l.flight.has(i) || l.again.has(i)
}

// rest drops what the loop knows of its last turn.
func (l *loop) rest() {
	l.next, l.after, l.heard, l.left, l.hand, l.outcome = 0, 0, false, 0, 0, none
}

// start is the go statement in live.
func (m *model) start(w *world) {
	if w.loop.at != loopUnborn {
		find("a second loop is started")
	}
	m.proceed(w, loopTop)
}

// proceed lets the loop go on to a step, through those that touch nothing shared.
func (m *model) proceed(w *world, to loopStep) {
	l := &w.loop
	l.at, l.next, l.hand, l.outcome = to, 0, 0, none
	switch to {
	case loopTop: // run: the condition
		l.rest()
		if l.at = loopIsDrained; !l.draining {
			m.collect(w, loopListens)
		}

	case loopListens: // listen
		l.at, l.after = loopHears, loopDecides

	case loopDecides: // run: the switch
		switch {
		case m.mayTake(l):
			m.proceed(w, loopFills)
		case l.heard && m.planted != sleepsUnheard:
			m.proceed(w, loopTop)
		default:
			l.rest()
			l.at = loopSleeps
		}

	case loopFills: // fill
		switch {
		case m.mayTake(l):
			l.at, l.hand = loopClaims, l.backlog.pop()
		case l.written < l.flight.n:
			l.at = loopWrites
		default:
			m.proceed(w, loopTop)
		}

	case loopWrecks: // wreck
		m.wreck(w)

	case loopFails: // down
		if l.backlog.n > 0 {
			l.end(l.backlog.pop(), notSent, loopFails)
		} else {
			m.proceed(w, l.after)
		}

	case loopShuts: // farewell
		m.shut(w)

	case loopBuries: // farewell
		if l.backlog.n > 0 {
			l.end(l.backlog.pop(), notSent, loopBuries)
		} else {
			l.rest()
			l.at = loopDeparts
		}
	}
}

// mayTake is mayTake, and of hasWork what the model has: a batch is written, or its connection broken, before the next begins.
func (m *model) mayTake(l *loop) bool {
	return l.up && !l.broken && l.backlog.n > 0 && l.flight.n < m.inFlight
}

// collect lets the loop collect, and then go on.
func (m *model) collect(w *world, after loopStep) { w.loop.at, w.loop.after = loopCounts, after }

// loop lists what the loop can do next.
func (m *model) loop(w world) {
	l := &w.loop
	switch l.at {
	case loopIsDrained: // drained
		switch {
		case w.mail.n > 0 || l.backlog.n > 0:
			l.at = loopIsSevered
		case l.flight.n > 0:
			l.at = loopIsAlive
		default:
			m.bid(&w)
		}
		m.will(w, "drained: looks into the mailbox")

	case loopIsAlive: // alive
		alive := w.of(l.flight.at[l.left]).claim() == Taken
		l.left++
		switch {
		case alive:
			l.at, l.left = loopIsSevered, 0
		case l.left == l.flight.n:
			m.bid(&w)
		}
		m.will(w, "alive: looks whether somebody waits for an answer")

	case loopIsSevered: // severed
		x := w
		m.bid(&x)
		m.may(x, "severed: the bound is over")
		m.collect(&w, loopListens)
		m.will(w, "severed: the bound is not over")

	case loopCounts: // collect
		if l.left = w.mail.n; l.left > 0 {
			l.at = loopCollects
		} else {
			m.proceed(&w, l.after)
		}
		m.will(w, "collect: counts the mail")

	case loopCollects: // collect
		l.at, l.hand, l.heard = loopAdmits, w.mail.pop(), true
		l.left--
		m.will(w, "collect: receives")

	case loopAdmits: // receive
		if w.of(l.hand).claim() == Queued {
			w.touch(l.hand, Queued)
			l.backlog.push(l.hand)
		}
		if l.at = loopCollects; l.left == 0 {
			m.proceed(&w, l.after)
		}
		m.will(w, "receive: looks whether it was given up")

	case loopHears: // listen; also sleep, where a reply has more than one OK
		m.replies(w)
		switch {
		case l.after == loopTop:
			m.proceed(&w, loopTop)
		case w.bell:
			w.bell, l.heard = false, true
			m.answer(&w)
		default:
			m.proceed(&w, loopDecides)
		}
		m.will(w, "listen: has heard the replies, looks for the bell")

	case loopLooks: // answerBell
		if l.draining = w.stopping; l.draining {
			m.watch(&w)
		} else {
			m.proceed(&w, l.after)
		}
		m.will(w, "answerBell: looks whether stopping is closed")

	case loopWatches: // answerBell
		w.watched = true
		m.sweep(&w, l.backlog.n)
		m.will(w, "answerBell: watches")

	case loopSweeps: // sweep
		if i := l.backlog.pop(); w.of(i).claim() == Queued {
			l.backlog.push(i)
		}
		m.sweep(&w, l.left-1)
		m.will(w, "sweep: looks whether it was given up")

	case loopClaims: // fill
		did, through := m.advance(&l.op, w.of(l.hand), Queued, Taken)
		if through {
			if did || m.planted == encodesUnclaimed {
				w.touch(l.hand, Taken, Abandoned)
				l.flight.push(l.hand)
			}
			m.proceed(&w, loopFills)
		}
		m.will(w, "fill: queued -> taken")

	case loopWrites:
		m.write(w)

	case loopSleeps:
		m.sleep(w)

	case loopSurvives:
		m.survive(w)

	default:
		m.ends(w)
		m.farewell(w)
	}
}

// sleep lists what the loop can wake up by. The end of Shutdown's bound rings, too.
func (m *model) sleep(w world) {
	w.loop.after = loopTop
	if w.mail.n > 0 && !m.leavesMail(&w.loop) {
		x := w
		x.loop.at, x.loop.hand = loopAdmits, x.mail.pop()
		m.will(x, "sleep: receives")
	}
	if w.bell {
		x := w
		x.bell = false
		m.answer(&x)
		m.will(x, "sleep: hears the bell")
	}
	if w.loop.draining {
		x := w
		m.bid(&x)
		m.may(x, "sleep: hears the bell, the bound is over")
	}
	m.replies(w)
}

// leavesMail reports whether the window is closed, for as long as the loop has the publishes in flight that close it.
func (m *model) leavesMail(l *loop) bool { return m.windowed && l.up && !l.broken && l.flight.n > 0 }

// answer is where answerBell begins. What has been seen closed is not looked at again.
func (m *model) answer(w *world) {
	if w.loop.at = loopLooks; w.loop.draining {
		m.watch(w)
	}
}

// watch lets the loop watch, where that changes anything, and then sweep.
func (m *model) watch(w *world) {
	if w.loop.at = loopWatches; w.watched || m.planted == watchesNothing {
		m.sweep(w, w.loop.backlog.n)
	}
}

// sweep lets the loop look at that many of the backlog, and then go on.
func (m *model) sweep(w *world, left uint8) {
	l := &w.loop
	if l.left = left; left > 0 {
		l.at = loopSweeps
	} else {
		m.proceed(w, l.after)
	}
}
