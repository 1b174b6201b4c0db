package actor_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// What may get lost, and piles up, has a producer of its own: then nothing that somebody waits for stands behind it. Here nsqd
// does not get on with what comes on the connection that brings hits.
func Example_apart() {
	nsqd := wiretest.NewInMemory(wiretest.OnPublish(1).Topic("hits").Stall())
	defer nsqd.Close()
	producer := func(maxPending int) *actor.Producer {
		p, err := actor.NewProducer(nsqd.Addr, &actor.Config{MaxPending: maxPending, Dial: nsqd.Dial})
		if err != nil {
			log.Fatal(err)
		}
		return p
	}
	orders, hits := producer(0), producer(64)
	defer orders.Stop()
	defer hits.Stop()

	dropped := 0
	for range 100 {
		if err := hits.TryPublishAsync("hits", []byte("/index.html"), nil); err == actor.ErrFull {
			dropped++
		}
	}
	order := func(p *actor.Producer) actor.Outcome {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return actor.OutcomeOf(p.PublishContext(ctx, "orders", []byte("apples")))
	}
	fmt.Println("hits dropped:", dropped)
	fmt.Println("behind the hits:", order(hits))
	fmt.Println("apart:", order(orders))
	nsqd.Resume()
	// Output:
	// hits dropped: 36
	// behind the hits: not sent
	// apart: acked
}
