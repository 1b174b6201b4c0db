package actor_test

import (
	"context"
	"fmt"
	"log"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// shop is what is to be tested: it tells the warehouse of each order.
type shop struct{ queue actor.Publisher }

func (s shop) order(ctx context.Context, what string) error {
	if err := s.queue.PublishContext(ctx, "warehouse", []byte(what)); err != nil {
		return fmt.Errorf("%s not ordered: %w", what, err)
	}
	return nil
}

// Tests of a program that publishes need no nsqd: wiretest is one, within the process, here without sockets. It keeps what
// arrived, and misbehaves on request.
func Example_testing() {
	nsqd := wiretest.NewInMemory(wiretest.OnPublish(3).Error(wire.CodePubFailed, "exiting"))
	defer nsqd.Close()
	p, err := actor.NewProducer("nsqd.example:4150", &actor.Config{Dial: nsqd.Dial})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()
	s := shop{p}

	for _, what := range []string{"apples", "pears", "plums"} {
		if err := s.order(context.Background(), what); err != nil {
			fmt.Println(err)
		}
	}
	for _, m := range nsqd.Messages() {
		fmt.Printf("%s: %s\n", m.Topic, m.Body)
	}
	// Output:
	// plums not ordered: Publish to "warehouse" at nsqd.example:4150: refused: nsqd: E_PUB_FAILED exiting
	// warehouse: apples
	// warehouse: pears
}
