//go:build !race

package actor_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// TestWarmFoldAllocatesNothing is TestWarmPublishAllocatesNothing with folding on. So few are pending that a write is a single
// read of the double's, who would allocate for a command that comes in pieces.
func TestWarmFoldAllocatesNothing(t *testing.T) {
	const calls, callers, outstanding = 20_000, 64, 4
	body := make([]byte, 128)
	for name, form := range map[string]func(p *actor.Producer) func() error{
		"Publish": func(p *actor.Producer) func() error {
			return func() error { return p.Publish("topic", body) }
		},
		"PublishAsync": func(p *actor.Producer) func() error { // of each caller, some are outstanding all the time
			done, under := make(doneChan, outstanding), 0
			return func() error {
				if under == outstanding {
					result := <-done
					if result.Error != nil {
						return result.Error
					}
					result.Release()
					under--
				}
				under++
				return p.PublishAsync("topic", body, done)
			}
		},
		"fire and forget": func(p *actor.Producer) func() error {
			return func() error { return p.PublishAsync("topic", body, nil) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			double := wiretest.Config{Discard: true}.NewServer()
			t.Cleanup(double.Close)
			p := newProducer(t, double.Addr, &actor.Config{MaxPending: callers * outstanding, FoldMessages: 256})
			each := make([]func() error, callers)
			for i := range each {
				each[i] = form(p)
			}
			crowd := newCrowd(each)
			defer close(crowd.rounds)
			defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties pools, and is not what is counted here
			double.Stall()
			for p.TryPublishAsync("topic", make([]byte, 512), nil) != actor.ErrFull { // as many transactions as there can be
			}
			double.Resume()
			require.NoError(t, p.Flush(testContext(t)))
			require.NoError(t, crowd.run(calls)) // warm
			require.NoError(t, p.Flush(testContext(t)))

			from, least := double.Stats(), uint64(calls)
			for range 5 { // places are given back before transactions, so that there are more of these at times, a few more each time
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := crowd.run(calls)
				runtime.ReadMemStats(&after)
				require.NoError(t, err)
				least = min(least, after.Mallocs-before.Mallocs)
			}
			require.NoError(t, p.Flush(testContext(t)))
			to := double.Stats()
			assert.Less(t, 2*(to.Publishes-from.Publishes), to.Messages-from.Messages, "there was folding")
			assert.Less(t, least, uint64(calls/100), "allocations in %d calls", calls)
		})
	}
}
