package actor_test

import (
	"context"
	"fmt"
	"log"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// PublishAsync returns at once, and the results come on a channel. One goroutine publishes and reads here, so that the channel
// has room for all results that can be outstanding.
func ExampleProducer_PublishAsync() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	orders := []string{"apples", "pears", "plums"}
	done := make(chan *actor.Transaction, len(orders))
	for i, order := range orders {
		if err := p.PublishAsync("orders", []byte(order), done, i, order); err != nil {
			log.Fatal(err) // and no result will come
		}
	}
	for range orders {
		t := <-done
		fmt.Println(t.Args[0], t.Args[1], actor.OutcomeOf(t.Error))
		t.Release() // not an obligation: it saves the next publish an allocation
	}
	// Output:
	// 0 apples acked
	// 1 pears acked
	// 2 plums acked
}

// Who has no use for the results gives no channel. They are counted all the same.
func ExampleProducer_PublishAsync_fireAndForget() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	for range 1000 {
		if err := p.PublishAsync("hits", []byte("/index.html"), nil); err != nil {
			log.Print(err)
		}
	}
	if err := p.Flush(context.Background()); err != nil { // all of them have their outcome
		log.Print(err)
	}
	s := p.Stats()
	fmt.Println("submitted:", s.Submitted, "acked:", s.Acked, "pending:", s.Pending)
	// Output:
	// submitted: 1000 acked: 1000 pending: 0
}

// A service that would rather lose a message than wait for room counts what it drops. Here nsqd answers nothing, and the
// producer may have two publishes pending.
func ExampleProducer_TryPublishAsync() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	nsqd.Stall()
	p, err := actor.NewProducer(nsqd.Addr, &actor.Config{MaxPending: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	dropped := 0
	for range 5 {
		if err := p.TryPublishAsync("hits", []byte("/index.html"), nil); err == actor.ErrFull {
			dropped++
		}
	}
	fmt.Println("dropped:", dropped)

	nsqd.Resume()
	p.Stop()
	fmt.Println("stored:", nsqd.MessageCount("hits"))
	// Output:
	// dropped: 3
	// stored: 2
}
