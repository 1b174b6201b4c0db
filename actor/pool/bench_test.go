//go:build unix

package pool_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

const (
	rounds = 5
	turn   = 300 * time.Millisecond
)

// turns is one contestant: what it publishes with, and the time per publish of each round.
type turns struct {
	p     actor.Publisher
	acked uint64
	took  []float64 // nanoseconds
}

// take publishes by 256 callers for a turn.
func (c *turns) take(b *testing.B) {
	body := make([]byte, 128)
	var quit atomic.Bool
	var acked atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range 256 {
		all.Add(1)
		go func() {
			defer all.Done()
			n := int64(0)
			for ; !quit.Load(); n++ {
				if err := c.p.Publish("bench", body); err != nil {
					b.Error(err)
					break
				}
			}
			acked.Add(n)
		}()
	}
	time.Sleep(turn)
	quit.Store(true)
	all.Wait()
	c.acked += uint64(acked.Load())
	c.took = append(c.took, float64(time.Since(began))/float64(acked.Load()))
}

// check asks the nsqds for what they have taken, of all contestants that published there.
func check(b *testing.B, nsqds []*nsqdtest.Nsqd, acked uint64) {
	stored := uint64(0)
	for _, nsqd := range nsqds {
		stored += nsqd.MessageCount("bench")
	}
	require.Equal(b, acked, stored)
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// ratios are, round by round, one contestant's time per publish against another's.
func ratios(one, other *turns) (all []float64) {
	for i := range one.took {
		all = append(all, one.took[i]/other.took[i])
	}
	return all
}

func benchNsqds(b *testing.B, n int) (nsqds []*nsqdtest.Nsqd, addrs []string) {
	for range n {
		nsqd := nsqdtest.Start(b, "-mem-queue-size=100000000")
		nsqds, addrs = append(nsqds, nsqd), append(addrs, nsqd.TCPAddr)
	}
	return nsqds, addrs
}

// A pool with one address against a Producer, in turn, 256 callers, on one real nsqd: the median of the rounds' ratios, the lowest
// and the highest; five rounds, or five times as many as -benchtime says.
func BenchmarkOneAddress(b *testing.B) {
	nsqds, addrs := benchNsqds(b, 1)
	alone, err := actor.NewProducer(addrs[0], nil)
	require.NoError(b, err)
	producer, pool := &turns{p: alone}, &turns{p: newPool(b, addrs, nil)}
	for range rounds * b.N {
		producer.take(b)
		pool.take(b)
	}
	alone.Stop()
	check(b, nsqds, producer.acked+pool.acked)
	all := ratios(pool, producer)
	b.ReportMetric(median(producer.took), "producer-ns/publish")
	b.ReportMetric(median(pool.took), "pool-ns/publish")
	b.ReportMetric(median(all), "pool/producer")
	b.ReportMetric(slices.Min(all), "lowest")
	b.ReportMetric(slices.Max(all), "highest")
}

// The time per publish over one, two and three real nsqd, in turn, 256 callers. They share the machine's processors.
func BenchmarkSeveralNsqd(b *testing.B) {
	for range b.N {
		nsqds, addrs := benchNsqds(b, 3)
		var contestants [3]*turns
		for i := range contestants {
			contestants[i] = &turns{p: newPool(b, addrs[:i+1], nil)}
		}
		for range rounds {
			for _, c := range contestants {
				c.take(b)
			}
		}
		check(b, nsqds, contestants[0].acked+contestants[1].acked+contestants[2].acked)
		b.ReportMetric(median(contestants[0].took), "1-nsqd-ns/publish")
		b.ReportMetric(median(contestants[1].took), "2-nsqd-ns/publish")
		b.ReportMetric(median(contestants[2].took), "3-nsqd-ns/publish")
		b.ReportMetric(median(ratios(contestants[1], contestants[0])), "2/1")
		b.ReportMetric(median(ratios(contestants[2], contestants[0])), "3/1")
	}
}

// The 99th percentile over three real nsqd, 64 callers who publish 5,000 messages a second, counted from when each was due: before
// one of the three is stopped, and from then on.
func BenchmarkOneStopped(b *testing.B) {
	for range b.N {
		nsqds, addrs := benchNsqds(b, 3)
		var before, while, lost []float64
		for range rounds {
			p := newPool(b, addrs, nil)
			require.NoError(b, p.Ping())
			run(b, p, turn)
			p99, _ := run(b, p, 2*time.Second)
			before = append(before, p99)
			nsqds[0].Pause()
			p99, failed := run(b, p, 2*time.Second)
			while, lost = append(while, p99), append(lost, float64(failed))
			nsqds[0].Resume()
			require.Eventually(b, func() bool { return node(p.Stats(), addrs[0]).Breaker != state.Broken }, patience, time.Millisecond)
			p.Stop()
		}
		var all []float64
		for i := range while {
			all = append(all, while[i]/before[i])
		}
		b.ReportMetric(median(before), "before-p99-ns")
		b.ReportMetric(median(while), "stopped-p99-ns")
		b.ReportMetric(median(all), "stopped/before")
		b.ReportMetric(median(lost), "deadlines-missed")
	}
}

// run publishes for that long, and returns the 99th percentile in nanoseconds and how many calls missed their deadline of a second.
func run(b *testing.B, p *pool.Pool, d time.Duration) (p99 float64, failed int) {
	const callers, every = 64, time.Second / 5000
	body := make([]byte, 128)
	var next atomic.Int64 // who is free takes what is due next: a caller who waits holds up no other
	var mu sync.Mutex
	var took []float64
	var all sync.WaitGroup
	began := time.Now()
	for range callers {
		all.Add(1)
		go func() {
			defer all.Done()
			var own []float64
			missed := 0
			for {
				due := began.Add(every * time.Duration(next.Add(1)))
				if due.After(began.Add(d)) {
					break
				}
				time.Sleep(time.Until(due))
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				if p.PublishContext(ctx, "bench", body) != nil {
					missed++
				}
				cancel()
				own = append(own, float64(time.Since(due)))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
			failed += missed
		}()
	}
	all.Wait()
	slices.Sort(took)
	return took[len(took)*99/100], failed
}
