package peers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nsqio/go-nsq"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

const duelTopic = "duel"

// BenchmarkDuel lets go-nsq and this library publish in turn, round by round, to one server, and reports the medians of the
// time per publish and of the rounds' ratios. The server's own count shows that the work was done. One iteration is a whole
// duel: run it with -benchtime=1x.
func BenchmarkDuel(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("nsqd/callers=%d/body=128B", callers), func(b *testing.B) {
			nsqd := nsqdtest.Start(b, "-mem-queue-size=10000000")
			duel(b, nsqd.TCPAddr, callers, func() uint64 { return nsqd.MessageCount(duelTopic) })
		})
		b.Run(fmt.Sprintf("double/callers=%d/body=128B", callers), func(b *testing.B) {
			double := wiretest.Config{Discard: true}.NewServer()
			b.Cleanup(double.Close)
			duel(b, double.Addr, callers, func() uint64 { return uint64(double.MessageCount(duelTopic)) })
		})
	}
}

func duel(b *testing.B, addr string, callers int, count func() uint64) {
	rounds, calls := 9, 4000*min(callers, 16)
	if callers == 1 { // a lone caller's time is mostly the machine's: short turns see the same machine
		rounds, calls = 101, 300
	}

	rival, err := nsq.NewProducer(addr, nsq.NewConfig())
	require.NoError(b, err)
	rival.SetLoggerLevel(nsq.LogLevelError)
	defer rival.Stop()
	ours, err := actor.NewProducer(addr, nil)
	require.NoError(b, err)
	defer ours.Stop()

	body := make([]byte, 128)
	round := func(publish func(topic string, body []byte) error) float64 {
		ends := make(chan error, callers)
		start := time.Now()
		for i := range callers {
			go func() {
				var err error
				for n := i; n < calls && err == nil; n += callers {
					err = publish(duelTopic, body)
				}
				ends <- err
			}()
		}
		for range callers {
			require.NoError(b, <-ends)
		}
		return float64(time.Since(start).Nanoseconds()) / float64(calls)
	}
	round(rival.Publish) // warm
	round(ours.Publish)
	b.ResetTimer()
	var theirs, own, ratios []float64
	for range b.N * rounds {
		t, o := round(rival.Publish), round(ours.Publish)
		theirs, own, ratios = append(theirs, t), append(own, o), append(ratios, t/o)
	}
	b.StopTimer()
	require.EqualValues(b, 2*calls*(b.N*rounds+1), count())
	b.ReportMetric(median(theirs), "go-nsq-ns")
	b.ReportMetric(median(own), "ours-ns")
	b.ReportMetric(median(ratios), "go-nsq/ours")
	b.ReportMetric(slices.Min(ratios), "lowest-ratio")
	b.ReportMetric(slices.Max(ratios), "highest-ratio")
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
