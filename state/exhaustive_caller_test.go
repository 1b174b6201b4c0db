package state

// call is how a caller publishes.
type call uint8

const (
	publishing   call = iota // Publish
	withContext              // PublishContext
	asynchronous             // PublishAsync, and somebody reads done
	forgetting               // PublishAsync with a nil done
	trying                   // TryPublishAsync, and somebody reads done
)

// waits reports whether the caller himself waits for the result.
func (c call) waits() bool { return c == publishing || c == withContext }

// callStep is what a caller does next.
type callStep uint8

const (
	callArrives callStep = iota
	callWakes
	callAsks
	callFills
	callQueues
	callSends
	callWaits
	callLooks
	callLeaves
	callHeeds
	callRings
	callAwaits
	callReceives
	callThrough
)

// reason is why a caller leaves his transaction.
type reason uint8

const (
	noRoom   reason = iota + 1 // the mailbox is full, and he does not wait
	noTime                     // his context ended before he could send
	stopped                    // Shutdown began before he could send
	tooLate                    // he has sent to a loop that may have ended
	overtime                   // his context ended before the result came
)

// caller is one goroutine that publishes once.
type caller struct {
	at  callStep
	why reason
	op  operation

	t    uint8 // what he knows of what he has sent: the transaction,
	turn uint8 // and its turn

	results uint8   // in his own done channel
	told    outcome // by what was returned, or by a result

	// For the rules.
	submitted bool
	settled   outcome // as it is counted
	stored    uint8   // how often nsqd may have stored it
}

// caller lists what a caller can do next.
func (m *model) caller(w world, i uint8) {
	c, call := &w.callers[i], m.calls[i]
	switch c.at {
	case callArrives: // live
		if c.at = callAsks; Phase(w.phase) == Idle {
			c.at = callWakes
		}
		m.will(w, "live: looks whether the producer is idle")

	case callWakes: // live
		if m.advancePhase(&w, Idle, Live) {
			m.start(&w)
		}
		c.at = callAsks
		m.will(w, "live: starts the loop if nobody has")

	case callAsks: // live
		if c.at = callFills; Phase(w.phase) != Live {
			c.at = callThrough
			w.tell(i, notSent)
		}
		m.will(w, "live: looks whether the producer takes requests")

	case callFills:
		m.fill(w, i)

	case callQueues: // post
		did, through := m.advance(&c.op, w.of(i), Free, Queued)
		if through {
			if !did {
				find("a transaction from the pool is not free")
			}
			c.at, c.submitted = callSends, true
		}
		m.will(w, "post: free -> queued")

	case callSends: // post
		switch {
		case w.mail.n < m.mailbox:
			w.send(i)
			m.will(w, "post: sends")
		case call == trying:
			c.leave(noRoom)
			m.will(w, "post: finds no room")
		default:
			c.at = callWaits
			m.will(w, "post: waits for room")
		}

	case callWaits: // post
		if w.mail.n < m.mailbox {
			x := w
			x.send(i)
			m.will(x, "post: sends")
		}
		if call == withContext {
			x := w
			x.callers[i].leave(noTime)
			m.may(x, "post: its context ends")
		}
		if w.stopping && m.planted != waitsForRoomAlone {
			c.leave(stopped)
			m.will(w, "post: sees stopping closed")
		}

	case callLooks: // tooLate
		if m.planted == looksAtTurnLate {
			c.turn = m.turn(w.of(i))
		}
		if Phase(w.phase) == Closed && m.planted != looksOnce {
			c.leave(tooLate)
		} else {
			c.goOn(call)
		}
		m.will(w, "tooLate: looks whether the producer is closed")

	case callLeaves:
		m.leaves(w, i)

	case callHeeds: // leave
		if c.at = callThrough; w.watched && m.planted != leavesInSilence {
			c.at = callRings
		}
		m.will(w, "leave: looks whether the loop watches")

	case callRings: // ring
		w.bell = true
		c.at = callThrough
		m.will(w, "leave: rings")

	case callAwaits: // await
		if w.of(i).done > 0 {
			x := w
			x.take(i)
			m.will(x, "await: receives")
		}
		if call == withContext {
			c.leave(overtime)
			m.may(w, "await: its context ends")
		}

	case callReceives: // await
		if w.of(i).done > 0 {
			w.take(i)
			m.will(w, "await: receives what was on its way")
		}
	}
}

// fill lets a caller take a transaction, from the pool or, since a sync.Pool keeps what it likes, a new one. Then it has a turn.
func (m *model) fill(w world, i uint8) {
	take := func(w world, k uint8, what string) {
		c, t := &w.callers[i], &w.transactions[k]
		t.pooled, t.serves = false, i+1
		c.at, c.t, c.turn = callQueues, k, m.turn(t)
		w.touch(i, Free)
		m.will(w, what)
	}
	take(w, i, "admit: makes a transaction") // his own place for one is empty: he makes no other
	for k := range w.transactions {
		if w.transactions[k].pooled {
			take(w, uint8(k), "admit: takes a transaction from the pool")
		}
	}
}

// send puts a transaction into the mailbox.
func (w *world) send(i uint8) {
	w.mail.push(i)
	w.callers[i].at = callLooks
}

// goOn is what follows post.
func (c *caller) goOn(call call) {
	if c.at = callThrough; call.waits() {
		c.at = callAwaits
	}
}

func (c *caller) leave(why reason) { c.at, c.why = callLeaves, why }

// leaves is leave, up to ring, and what its result means to those who call it.
func (m *model) leaves(w world, i uint8) {
	c, t := &w.callers[i], w.of(i)
	turn := c.turn
	if m.planted == leavesAnyTurn {
		turn = m.turn(t)
	}
	left, won, through := Free, false, true
	if m.planted != leavesOnlyQueued || t.claim() != Taken {
		left, won, through = m.leave(&c.op, t, turn)
	}
	switch {
	case !through:
	case won:
		m.keep(&w, i, left)
		if c.at = callHeeds; left == GivenUp && m.planted != givesUpInSilence && m.planted != leavesInSilence {
			c.at = callRings
		}
	case m.planted == clearsUnclaimed:
		w.touch(i, GivenUp)
	case c.why == tooLate:
		c.goOn(m.calls[i])
	case c.why == overtime && m.planted == contextWins:
		w.tell(i, unknown)
		c.at = callThrough
	case c.why == overtime:
		w.touch(i, Done)
		c.at = callReceives
	default:
		find("caller %d cannot take back what he has not sent", i)
	}
	m.will(w, "leave: queued -> given up, or taken -> abandoned")
}

// keep is what leave does with what it has won.
func (m *model) keep(w *world, i uint8, left Claim) {
	c, t := &w.callers[i], w.of(i)
	if t.serves != i+1 {
		find("caller %d takes back the publish of another", i)
	}
	if left == Abandoned && c.why != overtime {
		find("caller %d abandons what he can only have given up", i)
	}
	o := unknown
	if left == GivenUp && (!w.touch(i, GivenUp).doubt || m.planted == forgetsDoubt) || m.planted == leavesAsNotSent {
		o = notSent
	}
	w.settle(i, o)
	if c.why == tooLate && m.planted == saysStopped {
		o = notSent
	}
	w.tell(i, o)
	if left == Abandoned && m.planted == recyclesAbandoned {
		m.lend(t, func(c *ClaimCell) { c.Advance(Abandoned, Free) })
		w.put(t)
	}
}
