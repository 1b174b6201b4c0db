//go:build go1.25

package model

import (
	"testing/synctest"
	"time"

	"github.com/nsqactor/producer/actor"
)

// end follows the last step: it brings the play to its end, and the book with it. What takes longer than it ever may is
// reported from here; all else is for the rules.
func (w *world) end() {
	switch {
	case w.stoppedAt != never: // by a step
	case w.ending == cut:
		w.stopQuietly(w.give)
	default:
		w.mend()
		w.within(time.Minute+2*w.recovery(), "callers, although nsqd is back", func() { <-w.idle })
		w.progress()
		w.refill()
		w.unlearn()
		w.stopQuietly(time.Minute)
	}
	w.within(2*time.Minute, "Shutdown", w.halts.Wait)
	synctest.Wait()
	select {
	case <-w.idle:
	default:
		w.fail("calls go on behind the end of Shutdown")
	}
	w.cleanUp()
	w.fill()
}

// stopQuietly begins Shutdown while nothing moves, so that what its Tally must be is known.
func (w *world) stopQuietly(give time.Duration) {
	w.settle()
	w.before = w.p.Stats()
	w.halt(give)
}

// within does f, which must be over in time.
func (w *world) within(bound time.Duration, what string, f func()) {
	over := make(chan struct{})
	go func() {
		f()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(bound):
		w.fail("%s: still under way after %v", what, bound)
	}
}

// mend brings nsqd back: the next connection has no faults. In foul weather the present one ends, or goes silent for good.
func (w *world) mend() {
	w.mendedAt = w.now()
	w.current.Store(w.well)
	if w.weather == foul && w.ending == vanished {
		w.nsqd.Freeze()
	} else if w.weather == foul {
		w.nsqd.CloseAll()
	}
	w.hurry.Store(true)
	w.readers.Add(1)
	go w.read(w.done[kept], 0)
}

// progress publishes until one publish is acked, and waits for all that is under way.
func (w *world) progress() {
	for began := w.now(); ; time.Sleep(w.recovery() / 20) {
		e := w.act(step{act: publish, topic: topics[0], size: 20, count: 1, give: w.recovery()})
		if e.err == nil {
			break
		}
		if w.now()-began > w.recovery() {
			w.fail("no publish is acked, although nsqd has been back for %v", w.now()-w.mendedAt)
		}
	}
	if e := w.act(step{act: flush, count: 1, give: w.recovery()}); e.err != nil {
		w.fail("Flush, although nsqd is back: %v", e.err)
	}
}

// act does a step that is not the plan's, as one more caller.
func (w *world) act(s step) *entry {
	s.caller = w.plan.callers
	e := &entry{step: s, number: len(w.entries)}
	w.entries = append(w.entries, e)
	new(caller).do(w, e)
	return e
}

// refill shows that everything has given back what it held: as many results as ever may lie unread, and no more.
func (w *world) refill() {
	time.Sleep(w.late)
	w.settle()
	if s := w.p.Stats(); s.Pending != 0 || s.PendingBytes != 0 || s.Undelivered != 0 {
		w.fail("something is left, although all has ended: %+v", s)
	}
	if w.cfg.MaxPending > 8 {
		return
	}
	one := step{act: publish, how: try, topic: topics[0], size: 4, count: 1, give: unbounded, done: spare}
	for range w.cfg.MaxPending {
		if e := w.act(one); e.err != nil {
			w.fail("no room, although all has ended: %v", e.err)
		}
		w.settle()
	}
	if e := w.act(one); e.err != actor.ErrFull {
		w.fail("%v where MaxPending results are unread", e.err)
	}
	for range w.cfg.MaxPending {
		w.note(<-w.done[spare])
	}
}

// unlearn shows that what an nsqd with a lower limit has taught is forgotten when its connection ends without an error frame.
func (w *world) unlearn() {
	large := step{act: publish, topic: topics[0], size: w.largest + 1, count: 1, give: w.recovery()}
	if w.largest == 0 || large.size > w.cfg.MaxPendingBytes {
		return
	}
	w.nsqd.CloseAll()
	w.well.CloseAll()
	w.settle()
	if e := w.act(large); e.err != nil {
		w.fail("what the present nsqd takes is not acked: %v", e.err)
	}
}

// cleanUp ends everything but the producer, which has ended.
func (w *world) cleanUp() {
	w.hurry.Store(true)
	close(w.quit)
	w.readers.Wait()
	for _, done := range w.done {
		for len(done) > 0 {
			w.note(<-done)
		}
	}
	w.nsqd.Resume()
	time.Sleep(w.cfg.DialTimeout + longestDial) // a Dial that is deaf still brings a connection
	w.nsqd.Close()
	w.well.Close()
	synctest.Wait()
}
