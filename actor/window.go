package actor

import "time"

// window says how many writes may be unanswered at a time. What cannot be written waits in the backlog, and goes out together
// as soon as an answer arrives: so batches form by themselves, without a timer, and with nothing unanswered a publish is
// written at once.
//
// nsqd on the same machine is best served by few large writes: each wake-up of either side costs more than a publish. On a
// longer path that would make publishes wait for answers that are still travelling, so that more writes may be under way
// there: windowBase, and one more for each windowStep of the path's round trip. The smallest recent round trip stands for the
// path; a mean would open the window for an nsqd that is merely busy.
type window struct {
	unanswered int
	recent     [2]int64 // smallest round trip of the period that runs, and of the one before; 0: none seen
	began      int64    // when the period began
}

const (
	windowBase   = 2
	windowStep   = int64(100 * time.Microsecond)
	windowPeriod = int64(time.Second)
)

// open reports whether another write may go out.
func (w *window) open() bool {
	return w.unanswered < windowBase || int64(w.unanswered-windowBase) < w.path()/windowStep
}

func (w *window) path() int64 {
	if w.recent[0] == 0 || w.recent[1] != 0 && w.recent[1] < w.recent[0] {
		return w.recent[1]
	}
	return w.recent[0]
}

// answered notes the answer to the last command of a write.
func (w *window) answered(at, now int64) {
	w.unanswered--
	if now-w.began > windowPeriod {
		w.recent[1], w.recent[0], w.began = w.recent[0], 0, now
	}
	if trip := now - at; w.recent[0] == 0 || trip < w.recent[0] {
		w.recent[0] = trip
	}
}
