//go:build !race

package actor_test

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// TestWarmPublishAllocatesNothing counts the whole process's allocations, so that it guards the loop and the reader as well as
// the caller. The double counts messages and keeps none; a run with nothing but its own work shows what is its share.
func TestWarmPublishAllocatesNothing(t *testing.T) {
	double := wiretest.Config{Discard: true}.NewServer()
	t.Cleanup(double.Close)
	p := newProducer(t, double.Addr, &actor.Config{MaxPending: 256})

	const calls = 20_000
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	large := make([]byte, 64<<10)
	body, bodies := make([]byte, 128), [][]byte{make([]byte, 128), make([]byte, 64), {1}}
	arg := any("args are copied into the transaction's own slice")
	args := []any{arg, arg}
	async := func(publish func(done chan *actor.Transaction) error) func() func() error {
		return func() func() error {
			done := make(chan *actor.Transaction, 1)
			return func() error {
				if err := publish(done); err != nil {
					return err
				}
				result := <-done
				err := result.Error
				result.Release()
				return err
			}
		}
	}
	same := func(call func() error) func() func() error { return func() func() error { return call } }
	forms := []struct {
		name string
		make func() func() error // a call for one goroutine
	}{
		{"Publish", same(func() error { return p.Publish("topic", body) })},
		{"Publish of 32 KiB", same(func() error { return p.Publish("topic", large[:32<<10]) })},
		{"PublishAsync of 8,000 bytes", async(func(done chan *actor.Transaction) error { return p.PublishAsync("topic", large[:8000], done) })},
		{"PublishContext", same(func() error { return p.PublishContext(ctx, "topic", body) })},
		{"MultiPublish", same(func() error { return p.MultiPublish("topic", bodies) })},
		{"MultiPublishContext", same(func() error { return p.MultiPublishContext(ctx, "topic", bodies) })},
		{"DeferredPublish", same(func() error { return p.DeferredPublish("topic", time.Second, body) })},
		{"DeferredPublishContext", same(func() error { return p.DeferredPublishContext(ctx, "topic", time.Second, body) })},
		{"PublishAsync", async(func(done chan *actor.Transaction) error { return p.PublishAsync("topic", body, done, args...) })},
		{"MultiPublishAsync", async(func(done chan *actor.Transaction) error { return p.MultiPublishAsync("topic", bodies, done) })},
		{"DeferredPublishAsync", async(func(done chan *actor.Transaction) error {
			return p.DeferredPublishAsync("topic", time.Second, body, done)
		})},
		{"TryPublishAsync", async(func(done chan *actor.Transaction) error { return p.TryPublishAsync("topic", body, done) })},
		{"fire and forget", same(func() error { return p.PublishAsync("topic", body, nil) })},
		{"Stats", same(func() error { p.Stats(); return nil })},
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties pools, and is not what is counted here
	double.Stall()
	for p.TryPublishAsync("topic", make([]byte, 512), nil) != actor.ErrFull { // as many transactions as there can be
	}
	double.Resume()
	for _, callers := range []int{1, 64} {
		for _, form := range forms {
			if callers > 1 && strings.Contains(form.name, " of ") {
				continue // large commands that come in pieces make the double allocate
			}
			t.Run(fmt.Sprintf("%s/callers=%d", form.name, callers), func(t *testing.T) {
				each := make([]func() error, callers)
				for i := range each {
					each[i] = form.make()
				}
				crowd := newCrowd(each)
				defer close(crowd.rounds)
				require.NoError(t, crowd.run(calls)) // warm
				require.NoError(t, p.Flush(ctx))

				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := crowd.run(calls)
				runtime.ReadMemStats(&after)
				require.NoError(t, err)
				require.NoError(t, p.Flush(ctx))
				// What is left are the runtime's caches, which fill as goroutines move between processors: entries in
				// channels' wait queues and segments of sync.Pool, some dozens in a run and none per call.
				assert.Less(t, after.Mallocs-before.Mallocs, uint64(calls/100), "allocations in %d calls", calls)
			})
		}
	}
}

// crowd is a set of goroutines that are there before anything is counted.
type crowd struct {
	rounds chan int
	ends   chan error
	size   int
}

func newCrowd(calls []func() error) *crowd {
	c := &crowd{rounds: make(chan int, len(calls)), ends: make(chan error, len(calls)), size: len(calls)}
	for _, call := range calls {
		go func() {
			for n := range c.rounds {
				var err error
				for range n {
					if err = call(); err != nil {
						break
					}
				}
				c.ends <- err
			}
		}()
	}
	return c
}

func (c *crowd) run(calls int) (err error) {
	for range c.size {
		c.rounds <- calls / c.size
	}
	for range c.size {
		if end := <-c.ends; end != nil {
			err = end
		}
	}
	return err
}

// Who looks at the figures does not pay for it with memory.
func TestFiguresAllocateNothing(t *testing.T) {
	p := newProducer(t, newDouble(t).Addr, nil)
	require.NoError(t, p.Publish("topic", []byte("body")))
	var figures uint64
	require.Zero(t, testing.AllocsPerRun(100, func() {
		h := p.AckTimes()
		h.Add(p.AckTimes())
		figures += p.Stats().Acked + h.Count() + h.Within(time.Second) + uint64(h.Sum()+1) + uint64(h.Quantile(0.99)) + uint64(p.Pending())
		h.Buckets(func(_ time.Duration, count uint64) { figures += count })
	}))
	require.NotZero(t, figures)
}
