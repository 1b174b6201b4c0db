package state

// stopStep is what the goroutine that calls Shutdown does next.
type stopStep uint8

const (
	stopUncalled stopStep = iota
	stopDrains
	stopCloses
	stopRings
	stopWaits
	stopThrough
)

// shutdown lists what Shutdown can do next. The end of its bound is in the loop, which is all that it concerns: see
// loopIsSevered.
func (m *model) shutdown(w world) {
	switch w.shutdown {
	case stopUncalled:
		if w.shutdown = stopDrains; m.advancePhase(&w, Idle, Closed) {
			w.stopping, w.ended = true, true
			w.shutdown = stopThrough
		}
		m.may(w, "idle -> closed")

	case stopDrains:
		if !m.advancePhase(&w, Live, Draining) {
			find("the producer is neither idle nor live before the first Shutdown")
		}
		if w.shutdown = stopCloses; m.planted == ringsBeforeClosing {
			w.bell = true
		}
		m.will(w, "live -> draining")

	case stopCloses:
		w.stopping = true
		if w.shutdown = stopRings; m.planted == ringsBeforeClosing {
			w.shutdown = stopWaits
		}
		m.will(w, "closes stopping")

	case stopRings:
		w.bell = true
		w.shutdown = stopWaits
		m.will(w, "rings")

	case stopWaits:
		if w.ended {
			w.shutdown = stopThrough
			m.will(w, "sees ended closed")
		}
	}
}
