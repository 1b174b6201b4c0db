//go:build !race

package actor_test

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// TestSealedPublishAllocatesNothing counts the whole process's allocations. crypto/tls makes one for each record that it reads,
// and nsqd's answer to a command is one; compress/flate makes none.
func TestSealedPublishAllocatesNothing(t *testing.T) {
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, append(a.Flags(here, time.Hour), "-mem-queue-size=10")...)
	for name, cfg := range seals(a) {
		t.Run(name, func(t *testing.T) {
			cfg.FoldMessages, cfg.MaxPending = 256, 256
			p := newProducer(t, nsqd.TCPAddr, cfg)
			const calls = 1000
			body, large := make([]byte, 128), noise(100_000)
			done := make(doneChan, 256)
			for _, form := range []struct {
				name string
				most float64 // beside one for each answer
				run  func() error
			}{
				{"alone", 0.9, func() error { return p.Publish("topic#ephemeral", body) }},
				{"large", 0.9, func() error { return p.Publish("topic#ephemeral", large) }},
				{"many", 5, func() error {
					for range cap(done) {
						if err := p.PublishAsync("topic#ephemeral", body, done); err != nil {
							return err
						}
					}
					for range cap(done) {
						result := <-done
						if result.Error != nil {
							return result.Error
						}
						result.Release()
					}
					return nil
				}},
			} {
				rounds := calls
				if form.name != "alone" {
					rounds /= 10
				}
				measure := func() uint64 {
					for range rounds / 5 {
						require.NoError(t, form.run())
					}
					runtime.GC()
					defer debug.SetGCPercent(debug.SetGCPercent(-1))
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					for range rounds {
						if err := form.run(); err != nil {
							require.NoError(t, err)
						}
					}
					runtime.ReadMemStats(&after)
					return after.Mallocs - before.Mallocs
				}
				least := measure()
				for range 3 {
					least = min(least, measure())
				}
				got := float64(least) / float64(rounds)
				t.Logf("%s: %.3f allocations", form.name, got)
				if cfg.TlsV1 {
					got--
				}
				assert.LessOrEqual(t, got, form.most, form.name)
			}
		})
	}
}
