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
	const calls, callers, outstanding = 20_000, 64, 2
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
			p := newProducer(t, double.Addr, &actor.Config{MaxPending: callers, FoldMessages: 256})
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
			for range 10 { // warm: room is given back a moment before the transaction, so that there are more of them in time
				require.NoError(t, crowd.run(calls))
				require.NoError(t, p.Flush(testContext(t)))
			}

			var before, after runtime.MemStats
			from := double.Stats()
			runtime.ReadMemStats(&before)
			err := crowd.run(calls)
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			require.NoError(t, p.Flush(testContext(t)))
			to := double.Stats()
			folds, messages := to.Publishes-from.Publishes, to.Messages-from.Messages
			assert.Less(t, 2*folds, messages, "there was folding")
			assert.Less(t, after.Mallocs-before.Mallocs, uint64(calls/100), "allocations in %d calls", calls)
			t.Logf("%d messages in %d commands, %d allocations", messages, folds, after.Mallocs-before.Mallocs)
		})
	}
}
