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

// Shutdown gives what is pending until its context ends, and then tells what became of it. Here nsqd has taken a publish and
// does not answer, so that nobody can know.
func ExampleProducer_Shutdown() {
	nsqd := wiretest.NewServer(wiretest.OnPublish(1).Silence())
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := p.PublishAsync("orders", []byte("one"), nil); err != nil {
		log.Fatal(err)
	}
	nsqd.WaitMessages(context.Background(), 1)

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	tally, err := p.Shutdown(ctx)
	fmt.Println("acked:", tally.Acked, "unknown:", tally.Unknown, "in time:", err == nil)

	err = p.Publish("orders", []byte("two"))
	fmt.Println(err, errors.Is(err, actor.ErrStopped))
	// Output:
	// acked: 0 unknown: 1 in time: false
	// producer is stopped true
}
