package actor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// BenchmarkSealedContextEnd is how late calls return with TLS, nsqd stopped by a signal: 100 callers whose contexts end, with
// small bodies and with such as fill the socket's buffers, and then the Shutdown whose context ends.
func BenchmarkSealedContextEnd(b *testing.B) {
	a := authority.New(b)
	for _, size := range []int{128, 200 << 10} {
		b.Run(fmt.Sprintf("nsqd-stopped/callers=100/body=%dB", size), func(b *testing.B) {
			const callers, rounds, wait = 100, 5, 50 * time.Millisecond
			body := make([]byte, size)
			var calls, shutdowns []float64
			late := make(chan float64, callers)
			for range b.N * rounds {
				nsqd := nsqdtest.Start(b, a.Flags("127.0.0.1", time.Hour)...)
				p := newProducer(b, nsqd.TCPAddr, encrypted(a))
				require.NoError(b, p.Ping())
				nsqd.Pause()
				for range callers {
					go func() {
						ctx, cancel := context.WithTimeout(context.Background(), wait)
						defer cancel()
						err := p.PublishContext(ctx, "topic", body)
						late <- lateBy(ctx)
						if !errors.Is(err, context.DeadlineExceeded) {
							b.Error(err)
						}
					}()
				}
				for range callers {
					calls = append(calls, <-late)
				}
				require.NoError(b, p.PublishAsync("topic", body, nil)) // so that Shutdown has something to wait for
				ctx, cancel := context.WithTimeout(context.Background(), wait)
				_, err := p.Shutdown(ctx)
				shutdowns = append(shutdowns, lateBy(ctx))
				cancel()
				require.ErrorIs(b, err, context.DeadlineExceeded)
				nsqd.Kill()
			}
			slices.Sort(calls)
			slices.Sort(shutdowns)
			b.ReportMetric(calls[len(calls)*99/100], "p99-ms-late")
			b.ReportMetric(calls[len(calls)-1], "max-ms-late")
			b.ReportMetric(shutdowns[len(shutdowns)-1], "shutdown-max-ms-late")
		})
	}
}

// lateBy returns how many milliseconds ago ctx ended.
func lateBy(ctx context.Context) float64 {
	end, _ := ctx.Deadline()
	return float64(time.Since(end).Microseconds()) / 1000
}
