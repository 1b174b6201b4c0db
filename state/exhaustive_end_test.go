package state

// end lets the loop end a publish and then go on: end in end.go.
func (l *loop) end(i uint8, o outcome, next loopStep) {
	l.at, l.hand, l.outcome, l.next = loopFinishes, i, o, next
}

// ends lists what the loop can do next while it ends a transaction, or forgets it.
func (m *model) ends(w world) {
	l := &w.loop
	i := l.hand
	switch l.at {
	case loopFinishes: // end
		if m.planted == sendsBeforeFinish && w.of(i).done == 0 {
			m.deliver(&w, i)
			m.will(w, "end: sends too early")
			return
		}
		if m.planted == countsBeforeFinish && l.op == (operation{}) {
			w.settle(i, l.outcome)
		}
		did, through := m.finish(&l.op, w.of(i))
		switch {
		case !through:
		case did:
			m.settleEnd(&w)
		default:
			l.at = loopForgets
		}
		m.will(w, "end: queued or taken -> done")

	case loopDelivers: // deliver
		if m.planted != sendsBeforeFinish {
			m.deliver(&w, i)
		}
		m.proceed(&w, l.next)
		m.will(w, "deliver: sends the result")

	case loopFrees: // deliver: Release
		did, through := m.advance(&l.op, w.of(i), Done, Free)
		if through {
			if !did {
				find("the loop cannot release what it has ended")
			}
			w.put(w.touch(i, Free))
			m.proceed(&w, l.next)
		}
		m.will(w, "Release: done -> free")

	case loopForgets: // forget
		from := Abandoned
		if m.planted == forgetsGivenUp {
			from = w.of(i).claim()
		}
		did, through := m.advance(&l.op, w.of(i), from, Free)
		if through {
			if did && m.planted != neverRecycles || m.planted == recyclesUnclaimed {
				w.put(w.touch(i, Free))
			}
			if did && m.planted == recyclesTwice {
				w.put(w.of(i))
			}
			m.proceed(&w, l.next)
		}
		m.will(w, "forget: abandoned -> free")
	}
}

// settleEnd is what end does with what it has won.
func (m *model) settleEnd(w *world) {
	l := &w.loop
	t := w.touch(l.hand, Done)
	if l.outcome != acked && t.doubt {
		l.outcome = unknown
	}
	t.result = l.outcome
	if m.planted != countsBeforeFinish {
		w.settle(l.hand, l.outcome)
	}
	if l.at = loopDelivers; m.calls[l.hand] == forgetting {
		l.at = loopFrees
	}
}

// deliver sends a result where it goes: deliver in end.go.
func (m *model) deliver(w *world, i uint8) {
	results := &w.of(i).done
	if !m.calls[i].waits() {
		results = &w.callers[i].results
	}
	if *results++; *results > 1 {
		find("caller %d has a second result, and the loop waits", i)
	}
}
