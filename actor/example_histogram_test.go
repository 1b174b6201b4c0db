package actor_test

import (
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// writeHistogram writes, in Prometheus's text format, how many acknowledgements came within each of the limits.
func writeHistogram(w io.Writer, name string, h actor.Histogram, limits ...time.Duration) {
	fmt.Fprintf(w, "# TYPE %s histogram\n", name)
	for _, limit := range limits {
		within := uint64(0)
		h.Buckets(func(bound time.Duration, count uint64) {
			if 0 < bound && bound <= limit {
				within += count
			}
		})
		fmt.Fprintf(w, "%s_bucket{le=\"%g\"} %d\n", name, limit.Seconds(), within)
	}
	fmt.Fprintf(w, "%s_bucket{le=\"+Inf\"} %d\n%s_count %d\n", name, h.Count(), name, h.Count())
}

// A service has lower limits, too; what comes within them depends on the machine.
func ExampleHistogram_Buckets() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()
	for range 3 {
		p.Publish("greetings", []byte("hello"))
	}

	times := p.AckTimes()
	fmt.Println(times.Quantile(0.99) < 10*time.Second)
	writeHistogram(os.Stdout, "nsq_ack_seconds", times, 10*time.Second, 30*time.Second)
	// Output:
	// true
	// # TYPE nsq_ack_seconds histogram
	// nsq_ack_seconds_bucket{le="10"} 3
	// nsq_ack_seconds_bucket{le="30"} 3
	// nsq_ack_seconds_bucket{le="+Inf"} 3
	// nsq_ack_seconds_count 3
}
