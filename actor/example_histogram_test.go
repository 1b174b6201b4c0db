package actor_test

import (
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// writeHistogram writes, in Prometheus's text format, how many acknowledgements came within each of the limits.
func writeHistogram(w io.Writer, name string, h actor.Histogram, limits ...time.Duration) {
	fmt.Fprintf(w, "# TYPE %s histogram\n", name)
	for _, limit := range limits {
		fmt.Fprintf(w, "%s_bucket{le=\"%g\"} %d\n", name, limit.Seconds(), h.Within(limit))
	}
	fmt.Fprintf(w, "%s_bucket{le=\"+Inf\"} %d\n%s_count %d\n%s_sum %g\n", name, h.Count(), name, h.Count(), name, h.Sum())
}

// Limits that are bounds of the Histogram's buckets, as every power of two nanoseconds is, are exact. The example leaves out the lower
// ones, which a service has too, and the sum: what comes of them depends on the machine.
func ExampleHistogram_Within() {
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

	var page strings.Builder
	times := p.AckTimes()
	writeHistogram(&page, "nsq_ack_seconds", times, 1<<33, 1<<34, 1<<35)
	metrics, _, _ := strings.Cut(page.String(), "nsq_ack_seconds_sum")
	fmt.Print(metrics)
	fmt.Println(times.Sum() > 0, times.Quantile(0.99) < 10*time.Second)
	// Output:
	// # TYPE nsq_ack_seconds histogram
	// nsq_ack_seconds_bucket{le="8.589934592"} 3
	// nsq_ack_seconds_bucket{le="17.179869184"} 3
	// nsq_ack_seconds_bucket{le="34.359738368"} 3
	// nsq_ack_seconds_bucket{le="+Inf"} 3
	// nsq_ack_seconds_count 3
	// true true
}
