package state

// readStep is what a reader does next.
type readStep uint8

const (
	readReceives readStep = iota
	readReleases
	readThrough
)

// reader is who receives the result of a publish and releases the transaction: the caller himself, who has nothing else to do
// by then, or somebody who reads an asynchronous result, maybe before the call that it belongs to has returned.
type reader struct {
	at readStep
	op operation
}

// reader lists what the reader of caller i's result can do next.
func (m *model) reader(w world, i uint8) {
	c, r := &w.callers[i], &w.readers[i]
	switch r.at {
	case readReceives:
		if c.results > 0 {
			c.results--
			w.receive(i)
			m.will(w, "receives")
		}

	case readReleases: // Release
		did, through := m.advance(&r.op, w.of(i), Done, Free)
		if through {
			if did {
				w.put(w.touch(i, Free))
			}
			r.at = readThrough
		}
		m.will(w, "Release: done -> free")
	}
}

// take is where a caller who waits receives his result from the transaction's done channel.
func (w *world) take(i uint8) {
	w.of(i).done--
	w.callers[i].at = callThrough
	w.receive(i)
}

// receive is what a reader does with a result before he releases it.
func (w *world) receive(i uint8) {
	w.tell(i, w.touch(i, Done).result)
	w.readers[i].at = readReleases
}
