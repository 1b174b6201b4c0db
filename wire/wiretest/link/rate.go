package link

import "time"

// This file keeps a way to the link's rate. The reader waits before it reads, so that what is under way stays little.

// portion returns how much may be read at a time: under a rate, a hundredth of a second's.
func (w *way) portion() int {
	if rate := w.conn.link.rate; rate > 0 && w.direction == up {
		return min(room, max(rate/100, 1))
	}
	return room
}

// pause returns how long the reader has to wait to keep the rate.
func (w *way) pause() time.Duration {
	if w.free.IsZero() {
		return 0
	}
	return time.Until(w.free)
}

// late is how much time lost by waking up late a rate makes up for.
const late = 20 * time.Millisecond

// through returns when the last of n bytes, which have been read, is through at the link's rate; zero is at once. The next read
// waits until then.
func (w *way) through(n int) time.Time {
	rate := w.conn.link.rate
	if rate == 0 || w.direction != up {
		return time.Time{}
	}
	if now := time.Now(); w.free.Before(now.Add(-late)) {
		w.free = now
	}
	w.free = w.free.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	return w.free
}

func (w *way) wakeAfter(d time.Duration) {
	if w.timer != nil {
		w.timer.Reset(d)
		return
	}
	w.timer = time.AfterFunc(d, func() {
		w.conn.link.mu.Lock()
		defer w.conn.link.mu.Unlock()
		w.changed.Broadcast()
	})
}
