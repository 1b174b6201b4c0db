package actor_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// ready is a service's readiness: nsqd is connected, and leaves no publish without an answer for longer than limit.
func ready(p *actor.Producer, limit time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := p.PingContext(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		} else if p.Stats().Oldest > limit {
			http.Error(w, "nsqd does not answer", http.StatusServiceUnavailable)
		}
	}
}

// Ping knows of a connection, not of an nsqd that stands still behind it: that shows in Stats.
func ExampleProducer_PingContext() {
	nsqd := wiretest.NewInMemory()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, &actor.Config{Dial: nsqd.Dial})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	const limit = 10 * time.Millisecond // a second, in a service
	ask := func() {
		page := httptest.NewRecorder()
		ready(p, limit)(page, httptest.NewRequest(http.MethodGet, "/ready", nil))
		fmt.Println(page.Code)
	}
	ask()

	nsqd.Stall() // takes what comes, answers nothing
	p.PublishAsync("orders", []byte("apples"), nil)
	nsqd.WaitMessages(context.Background(), 1)
	time.Sleep(2 * limit)
	fmt.Println(p.Ping())
	ask()
	nsqd.Resume()
	// Output:
	// 200
	// <nil>
	// 503
}
