package actor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkTrace is what the loop pays for each batch: to nobody, to a trace that wants other events, and to one that wants batches.
func BenchmarkTrace(b *testing.B) {
	batches := 0
	for _, c := range []struct {
		name  string
		trace *Trace
	}{
		{"none", nil},
		{"others", &Trace{Connected: func(time.Time) {}}},
		{"batches", &Trace{Batch: func(time.Time, Batch) { batches++ }}},
	} {
		b.Run(c.name, func(b *testing.B) {
			p, err := NewProducer("127.0.0.1:4150", &Config{Trace: c.trace})
			require.NoError(b, err)
			b.ReportAllocs()
			for range b.N {
				p.tell(record{event: batchEncoded, batch: Batch{Publishes: 256, Commands: 1, Bytes: 32 << 10}})
			}
			b.StopTimer()
			for p.scribing.IsSet() {
				time.Sleep(time.Millisecond)
			}
		})
	}
}
