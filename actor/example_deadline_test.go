package actor_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A deadline bounds the whole call. Here nsqd takes the connection and then says nothing, as a stopped process does: when
// the time is over, no byte of the message has left, and to publish it elsewhere cannot duplicate it.
func ExampleProducer_PublishContext() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	nsqd.Freeze()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err = p.PublishContext(ctx, "orders", []byte("one"))
	fmt.Println(actor.OutcomeOf(err), errors.Is(err, context.DeadlineExceeded))
	// Output:
	// not sent true
}

// A context that ends when the message was written leaves the outcome open. Here nsqd has stored it, and the caller goes
// away before the answer: to publish it again would duplicate it.
func ExampleProducer_PublishContext_unknown() {
	ctx, hangUp := context.WithCancel(context.Background())
	nsqd := wiretest.NewServer(
		wiretest.OnPublish(1).Do(hangUp), // nsqd has read the publish
		wiretest.OnPublish(1).Silence(),
	)
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	err = p.PublishContext(ctx, "orders", []byte("one"))
	fmt.Println(actor.OutcomeOf(err), errors.Is(err, context.Canceled))

	nsqd.WaitMessages(context.Background(), 1)
	fmt.Println("stored:", nsqd.MessageCount("orders"))
	// Output:
	// unknown true
	// stored: 1
}
