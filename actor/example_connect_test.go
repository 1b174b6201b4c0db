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

// A service that is ready when its nsqd is waits for it without asking again and again. Here nsqd is down at first.
func ExampleProducer_Connect() {
	nsqd := wiretest.NewInMemory()
	defer nsqd.Close()
	nsqd.CloseListener()
	p, err := actor.NewProducer(nsqd.Addr, &actor.Config{Dial: nsqd.Dial})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	fmt.Println("in time:", !errors.Is(p.Connect(ctx), context.DeadlineExceeded))

	nsqd.Listen()
	fmt.Println(p.Connect(context.Background()), p.Stats().Link)
	// Output:
	// in time: false
	// <nil> up
}
