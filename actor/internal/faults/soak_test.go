//go:build unix

package faults

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest/link"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

var (
	soak = flag.Duration("soak", 4*time.Second, "how long TestSoak publishes")
	seed = flag.Uint64("soak-seed", 0, "of TestSoak's choices; 0 draws one")
)

// round is how long TestSoak publishes before it stops to hold the accounts against what nsqd has stored.
const round = 20 * time.Second

// TestSoak is mixed load with faults, drawn at random, on one producer that lives through all of it.
func TestSoak(t *testing.T) {
	leak.Check(t)
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-soak-seed=%d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	nsqd := nsqdtest.Start(t, "-mem-queue-size=0", "-sync-every=1", "-max-msg-size=1000000")
	path := link.New(nsqd.TCPAddr)
	t.Cleanup(path.Close)
	cfg := config(t)
	cfg.ResponseTimeout, cfg.HandshakeTimeout, cfg.BackoffMax = 2*time.Second, 2*time.Second, 500*time.Millisecond
	p, err := actor.NewProducer(path.Addr, &cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	require.NoError(t, p.Ping())

	var heaps []uint64
	total := map[actor.Outcome]int{}
	for end, i := time.Now().Add(*soak), 0; time.Now().Before(end); i++ {
		topic := fmt.Sprint("soak", i)
		nsqd.CreateTopic(topic)
		nsqd.Restart() // so that it knows the topic for good
		requireUp(t, p)
		l := loadOn(t, p, topic)
		before := p.Stats()
		mix(l, random)
		struck := strike(t, l, nsqd, path, random, min(round, time.Until(end)))
		l.rest(t)
		requireUp(t, p)
		after := p.Stats()
		l.book.check(t, nsqd.ReadBack(topic), cfg.RetryUnknown)
		nsqd.DeleteTopic(topic)
		counts := l.book.counts()
		for outcome, n := range counts {
			total[outcome] += n
		}
		connections, cut := int(after.Connections-before.Connections), l.book.cut()
		require.LessOrEqual(t, cut, connections*l.most, "only what was in flight at a cut")

		goroutines := leak.Goroutines()
		require.LessOrEqual(t, len(goroutines), 16, "the producer's two, its nsqd's and the path's: %v", goroutines)
		l.book = nil                   // the load itself stays until the test's clean-up
		log := uint64(len(nsqd.Log())) // which grows, and is the test's
		heaps = append(heaps, heap()-log)
		t.Logf("round %d: %v, %d of the unknown at cuts, %d connections; %s", i, counts, cut, connections, strings.Join(struck, ", "))
		t.Logf("heap at rest %d KiB without nsqd's log, %d goroutines", heaps[i]>>10, len(goroutines))
		require.False(t, t.Failed())
	}
	t.Logf("%v in all, %d connections", total, p.Stats().Connections)
	if n := len(heaps) / 3; n > 1 {
		first, last := median(heaps[1:1+n]), median(heaps[len(heaps)-n:])
		t.Logf("heap at rest: median of the first rounds %d KiB, of the last %d KiB", first>>10, last>>10)
		require.Less(t, last, first+2<<20, "the heap is flat: %v", heaps)
	}
}

// mix adds publishers of every kind, among them some that nsqd refuses and some whose contexts end early.
func mix(l *load, random *rand.Rand) {
	l.size = []int{1, 100, 10_000}[random.IntN(3)]
	l.callers(1+random.IntN(64), l.publish)
	l.callers(8, l.publishWithin(time.Millisecond))
	l.callers(8, l.publishWithin(time.Second))
	l.callers(4, func(body []byte) error { return l.DeferredPublish(l.topic, 0, body) })
	l.batches(2, 1+random.IntN(20))
	l.async(1+random.IntN(500), random.IntN(500))
	l.async(100, 0)
	l.publisher("large", func(name string) {
		l.book.begin(name, 1)
		l.end(name, l.Publish(l.topic, append(l.body(name), make([]byte, 300_000)...)))
	})
	l.publisher("refused", func(name string) {
		l.book.begin(name, 1)
		l.end(name, l.Publish(l.topic, make([]byte, 1_000_001)))
		time.Sleep(100 * time.Millisecond)
	})
}

// strike lets one fault after the other happen for so long, and requires progress behind each. It returns their names.
func strike(t *testing.T, l *load, nsqd *nsqdtest.Nsqd, path *link.Link, random *rand.Rand, d time.Duration) (struck []string) {
	t.Helper()
	pause := func(most time.Duration) { time.Sleep(time.Duration(random.Int64N(int64(most)))) }
	faults := []struct {
		name  string
		cause func()
	}{
		{"kill -9", func() { nsqd.Kill(); pause(200 * time.Millisecond); nsqd.Restart() }},
		{"SIGTERM", func() { nsqd.Terminate(); pause(200 * time.Millisecond); nsqd.Restart() }},
		{"SIGSTOP", func() { nsqd.Pause(); pause(3 * time.Second); nsqd.Resume() }},
		{"reset", path.ResetAll},
		{"close", path.CloseAll},
		{"stalled path", func() { path.Stall(); pause(3 * time.Second); path.Resume() }},
		{"dead path", func() { path.Swallow(); pause(3 * time.Second); path.Resume() }},
		{"long path", func() { path.RoundTrip(5 * time.Millisecond); pause(time.Second); path.RoundTrip(0) }},
		{"garbage collections", func() {
			for range 20 {
				runtime.GC()
			}
		}},
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		l.progress(t, 20)
		pause(300 * time.Millisecond)
		f := faults[random.IntN(len(faults))]
		f.cause()
		struck = append(struck, f.name)
	}
	l.progress(t, 20)
	return struck
}

func median(values []uint64) uint64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
