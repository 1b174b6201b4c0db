package actor_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest/link"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// BenchmarkPathChanges publishes with 64 callers over a path that becomes longer and shorter meanwhile. For each of its lengths it
// reports the median time of the calls in the first half second, when what the producer knows is of the path before, and in the
// last.
func BenchmarkPathChanges(b *testing.B) {
	const callers, share, shares = 64, 500 * time.Millisecond, 5
	nsqd := nsqdtest.Start(b, "-mem-queue-size=1000000")
	path := link.New(nsqd.TCPAddr)
	b.Cleanup(path.Close)
	p := newProducer(b, path.Addr, nil)
	require.NoError(b, p.Ping())
	body := make([]byte, 128)
	for range b.N {
		for i, trip := range []time.Duration{0, 5 * time.Millisecond, 0, time.Millisecond, 20 * time.Millisecond, time.Millisecond} {
			path.RoundTrip(trip)
			began := time.Now()
			var times [callers][shares][]time.Duration
			var running sync.WaitGroup
			for c := range callers {
				running.Add(1)
				go func() {
					defer running.Done()
					for start := began; start.Sub(began) < shares*share; {
						if err := p.Publish("path", body); err != nil {
							b.Error(err)
							return
						}
						end := time.Now()
						of := &times[c][start.Sub(began)/share]
						*of = append(*of, end.Sub(start))
						start = end
					}
				}()
			}
			running.Wait()
			for part, k := range map[string]int{"first": 0, "last": shares - 1} {
				var all []time.Duration
				for c := range times {
					all = append(all, times[c][k]...)
				}
				slices.Sort(all)
				b.ReportMetric(float64(all[len(all)/2].Microseconds()), fmt.Sprintf("%d:%v-%s-p50-µs", i, trip, part))
			}
		}
	}
}
