package main

import (
	"slices"
	"time"
)

// paced is the open loop: messages are due at even intervals, whatever became of those before, and a pool of callers takes the
// instants in turn. A message's latency counts from its instant, however late a caller was free to publish it. Each caller's
// first message is not measured.
//
// The latencies go to the slice that it is given, which is the row's and serves every turn, or nowhere if that is nil.
func paced(t *turn, rate, callers int, latencies []time.Duration, publish func(topic string, body []byte) error) error {
	interval := time.Second / time.Duration(rate)
	messages := instants(rate, t.length)
	warm, due, ends := make(chan struct{}, callers), make(chan int, callers), make(chan error, callers)
	var start time.Time
	for first := range callers {
		go func() {
			err := publish(t.topics[first%len(t.topics)], t.body)
			warm <- struct{}{}
			for i := range due {
				if err != nil {
					continue // the turn has failed
				}
				err = publish(t.topics[i%len(t.topics)], t.body)
				if latencies != nil {
					latencies[i] = time.Since(start.Add(time.Duration(i) * interval))
				}
			}
			ends <- err
		}()
	}
	for range callers {
		<-warm
	}
	t.begin()
	start = time.Now()
	for i := range messages {
		if early := time.Until(start.Add(time.Duration(i) * interval)); early > 0 {
			sleep(early)
		}
		due <- i
	}
	close(due)
	var failed error
	for range callers {
		if err := <-ends; err != nil {
			failed = err
		}
	}
	t.end()
	if failed != nil {
		return failed
	}
	t.ack(0, callers, 0)
	t.ack(0, messages, messages)
	if latencies == nil {
		return nil
	}
	sorted := latencies[:messages]
	slices.Sort(sorted)
	for at, m := range map[float64]metric{50: p50, 99: p99, 99.9: p999} {
		t.figures[m] = percentile(sorted, at).Seconds() * 1e6
	}
	return nil
}

// pacedAlone is the open loop with nothing to publish: how late the schedule itself is, on this machine, at this hour.
func pacedAlone(t *turn, rate, callers int, latencies []time.Duration) error {
	err := paced(t, rate, callers, latencies, func(string, []byte) error { return nil })
	clear(t.acked)
	return err
}

// instants is how many messages a turn of that length has.
func instants(rate int, length time.Duration) int {
	return max(1, int(length/(time.Second/time.Duration(rate))))
}
