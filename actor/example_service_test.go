package actor_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// orders takes orders over HTTP and publishes them, and a line for the statistics, which may get lost.
type orders struct{ queue actor.Publisher }

func (o orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil || len(body) == 0 {
		http.Error(w, "not an order", http.StatusBadRequest)
		return
	}
	o.queue.TryPublishAsync("visits", []byte(r.RemoteAddr), nil)

	err = o.queue.PublishContext(r.Context(), "orders", body) // ends when the client hangs up
	switch actor.OutcomeOf(err) {
	case actor.Acked:
		w.WriteHeader(http.StatusAccepted)
	case actor.Unknown:
		http.Error(w, "the order may have been taken", http.StatusGatewayTimeout)
	default:
		http.Error(w, "the order was not taken", http.StatusServiceUnavailable)
	}
}

// A service ends in this order: no new requests, those under way to their end, then the producer, which still sends what nobody
// has waited for. Both halves have a bound.
func Example_service() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	web := httptest.NewServer(orders{p})

	for _, order := range []string{"apples", "pears", ""} {
		answer, err := http.Post(web.URL, "text/plain", strings.NewReader(order))
		if err != nil {
			log.Fatal(err)
		}
		answer.Body.Close()
		fmt.Println(answer.Status)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	web.Config.Shutdown(ctx) // http.Server.Shutdown
	tally, err := p.Shutdown(ctx)
	fmt.Println("lost:", tally.NotSent+tally.Refused, "in doubt:", tally.Unknown, err)
	fmt.Println(nsqd.MessageCount("orders"), "orders,", nsqd.MessageCount("visits"), "visits")
	// Output:
	// 202 Accepted
	// 202 Accepted
	// 400 Bad Request
	// lost: 0 in doubt: 0 <nil>
	// 2 orders, 2 visits
}
