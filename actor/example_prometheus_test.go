package actor_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

// writeMetrics writes the account in Prometheus's text format.
func writeMetrics(w io.Writer, s actor.Stats) {
	fmt.Fprintln(w, "# HELP nsq_publishes_total Publishes that have ended, by outcome.")
	fmt.Fprintln(w, "# TYPE nsq_publishes_total counter")
	fmt.Fprintf(w, "nsq_publishes_total{outcome=\"acked\"} %d\n", s.Acked)
	fmt.Fprintf(w, "nsq_publishes_total{outcome=\"refused\"} %d\n", s.Refused)
	fmt.Fprintf(w, "nsq_publishes_total{outcome=\"not_sent\"} %d\n", s.NotSent)
	fmt.Fprintf(w, "nsq_publishes_total{outcome=\"unknown\"} %d\n", s.Unknown)
	up := 0
	if s.Link == state.Up {
		up = 1
	}
	for _, m := range []struct {
		name, kind, help string
		value            uint64
	}{
		{"nsq_connections_total", "counter", "Handshakes that succeeded.", s.Connections},
		{"nsq_up", "gauge", "Whether there is a connection.", uint64(up)},
		{"nsq_pending", "gauge", "Publishes without an outcome yet.", s.Pending},
		{"nsq_pending_bytes", "gauge", "What they hold of MaxPendingBytes.", s.PendingBytes},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}

// metrics serves them.
func metrics(p *actor.Producer) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		writeMetrics(w, p.Stats())
	}
}

// The text format needs no library.
func ExampleProducer_Stats_prometheus() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()
	p.Publish("greetings", []byte("hello"))

	page := httptest.NewRecorder()
	metrics(p)(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	io.Copy(os.Stdout, page.Body)
	// Output:
	// # HELP nsq_publishes_total Publishes that have ended, by outcome.
	// # TYPE nsq_publishes_total counter
	// nsq_publishes_total{outcome="acked"} 1
	// nsq_publishes_total{outcome="refused"} 0
	// nsq_publishes_total{outcome="not_sent"} 0
	// nsq_publishes_total{outcome="unknown"} 0
	// # HELP nsq_connections_total Handshakes that succeeded.
	// # TYPE nsq_connections_total counter
	// nsq_connections_total 1
	// # HELP nsq_up Whether there is a connection.
	// # TYPE nsq_up gauge
	// nsq_up 1
	// # HELP nsq_pending Publishes without an outcome yet.
	// # TYPE nsq_pending gauge
	// nsq_pending 0
	// # HELP nsq_pending_bytes What they hold of MaxPendingBytes.
	// # TYPE nsq_pending_bytes gauge
	// nsq_pending_bytes 0
}
