package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nsqactor/producer/actor"
)

// account is what is known of the lines so far: each that was read gets one outcome. Anyone may count and look.
type account struct {
	read     atomic.Uint64
	outcomes [actor.Unknown + 1]atomic.Uint64

	mu    sync.Mutex
	first [actor.Unknown + 1]string // the first line with that outcome, and why; guarded by mu

	times histogram // of whoever calls acked; to be read when that has ended
}

// failures are the outcomes but acked, in the order of the summary.
var failures = [...]actor.Outcome{actor.Refused, actor.NotSent, actor.Unknown}

func (a *account) acked(after time.Duration) {
	a.outcomes[actor.Acked].Add(1)
	a.times.add(after)
}

func (a *account) failed(number uint64, outcome actor.Outcome, cause error) {
	if a.outcomes[outcome].Add(1) > 1 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.first[outcome] = fmt.Sprintf("first %v: line %d: %v", outcome, number, cause)
}

func (a *account) count(outcome actor.Outcome) uint64 { return a.outcomes[outcome].Load() }

func (a *account) lost() (n uint64) {
	for _, outcome := range failures {
		n += a.count(outcome)
	}
	return n
}

// summarize writes the summary, at the end.
func (a *account) summarize(w io.Writer, took time.Duration) {
	fmt.Fprintf(w, "read %d  acked %d  refused %d  not sent %d  unknown %d\n", a.read.Load(),
		a.count(actor.Acked), a.count(actor.Refused), a.count(actor.NotSent), a.count(actor.Unknown))
	fmt.Fprintf(w, "time %.3f s  messages/s %.0f  acknowledgement p50 %s  p99 %s\n",
		took.Seconds(), a.rate(took), a.quantile(0.5), a.quantile(0.99))
	for _, outcome := range failures {
		if a.first[outcome] != "" {
			fmt.Fprintln(w, a.first[outcome])
		}
	}
}

// rate returns how many messages were acked in a second.
func (a *account) rate(took time.Duration) float64 {
	return float64(a.count(actor.Acked)) / max(took, 1).Seconds()
}

func (a *account) quantile(q float64) string {
	if a.times.n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f ms", milliseconds(a.times.quantile(q)))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
