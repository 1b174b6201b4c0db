package state

// inspect holds a world against the rules that are true of each. Others stand where they would be broken: touch, settle, tell,
// put, and what calls find besides.
//
//go:norace
func (m *model) inspect(w *world) {
	for i := range m.calls {
		c := &w.callers[i]
		if c.told != none && c.submitted && c.told != c.settled {
			find("caller %d's publish is counted as %v, and told as %v", i, c.settled, c.told)
		}
		if (c.settled == notSent || c.settled == refused) && c.stored > 0 {
			find("caller %d's publish is %v, and may be stored", i, c.settled)
		}
		if c.stored > 1 && !m.retryUnknown {
			find("caller %d's publish may be stored twice", i)
		}
	}
	m.walked.note(m, w)
}

// inspectAtRest holds a world against the rules that are true when nothing is sure to happen any more. If there is something
// that nsqd can answer, that excuses who waits for it.
func (m *model) inspectAtRest(w *world, answer bool) {
	waiting, left := false, answer && m.leavesMail(&w.loop) && w.hasMail()
	for i, call := range m.calls {
		c := &w.callers[i]
		held := answer && w.loop.has(uint8(i)) || left && w.mail.has(uint8(i))
		if held && c.settled == none && (c.at == callAwaits || c.at == callThrough) || left && c.at == callWaits {
			waiting = true
			continue
		}
		switch {
		case c.at != callThrough:
			find("caller %d waits for ever", i)
		case c.submitted && c.settled == none:
			find("caller %d's publish has no outcome", i)
		case c.told == none && call != forgetting:
			find("caller %d is never told", i)
		}
	}
	if w.shutdown != stopUncalled && w.shutdown != stopThrough && !waiting {
		find("Shutdown waits for its bound, or for ever")
	}
	if answer {
		return
	}
	if l := &w.loop; l.at == loopSleeps && l.backlog.n+l.flight.n > 0 {
		find("the loop sleeps over its work")
	}
	if w.hasMail() {
		find("a publish is left in the mailbox")
	}
	for k := range w.transactions {
		t := &w.transactions[k]
		switch {
		case t.done > 0:
			find("transaction %d lies there with a result in its done channel", k)
		case *t != transaction{} && !t.pooled && t.claim() != GivenUp:
			find("transaction %d is lost to the pool: it is %v", k, t.claim())
		}
	}
}

// hasMail reports whether the mailbox holds what is worth its place.
func (w *world) hasMail() bool {
	for _, i := range w.mail.at[:w.mail.n] {
		if w.of(i).claim() != GivenUp {
			return true
		}
	}
	return false
}

// walked is which steps were taken, and which outcomes came about.
type walked struct {
	calls [callThrough + 1]bool
	reads [readThrough + 1]bool
	loops [loopEnded + 1]bool
	stops [stopThrough + 1]bool
	left  [overtime + 1]bool
	ends  [trying + 1][unknown + 1]bool
}

//go:norace
func (k *walked) note(m *model, w *world) {
	for i, call := range m.calls {
		c := &w.callers[i]
		k.calls[c.at] = true
		k.left[c.why] = true
		k.reads[w.readers[i].at] = true
		if c.settled != accounted {
			k.ends[call][c.settled] = true
		}
	}
	k.loops[w.loop.at] = true
	k.stops[w.shutdown] = true
}
