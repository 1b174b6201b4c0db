package state

// bid is where farewell begins. Without a connection nothing is in flight.
func (m *model) bid(w *world) {
	w.loop.rest()
	if w.loop.at = loopDisconnects; !w.loop.up {
		m.shut(w)
	}
}

// shut is farewell behind disconnect.
func (m *model) shut(w *world) {
	if w.loop.at = loopCloses; m.planted == closesAfterCollect {
		m.collect(w, loopCloses)
	}
}

// farewell lists what the loop can do next at its end.
func (m *model) farewell(w world) {
	l := &w.loop
	switch l.at {
	case loopDisconnects: // disconnect: every reply until the last
		l.after = loopShuts
		m.replies(w)

	case loopCloses:
		if !m.advancePhase(&w, Draining, Closed) {
			find("the loop ends before Shutdown has begun")
		}
		if m.planted == closesAfterCollect || m.planted == collectsNoMore {
			m.proceed(&w, loopBuries)
		} else {
			m.collect(&w, loopBuries)
		}
		m.will(w, "farewell: draining -> closed")

	case loopDeparts: // run: the deferred close
		w.ended = true
		l.at = loopEnded
		m.will(w, "run: closes ended")
	}
}
