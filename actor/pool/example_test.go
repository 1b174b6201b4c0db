package pool_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/wire/wiretest"
)

// nsqds are doubles of nsqd by their addresses, within the process: Dial connects to them.
type nsqds map[string]*wiretest.Server

func (n nsqds) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return n[addr].Dial(ctx, network, addr)
}

// Two nsqd, one of them gone: what it certainly did not store goes to the other, and nobody notices but Stats.
func Example() {
	one, other := wiretest.NewInMemory(), wiretest.NewInMemory()
	defer other.Close()
	one.Close()
	network := nsqds{"one.example:4150": one, "other.example:4150": other}

	p, err := pool.New([]string{"one.example:4150", "other.example:4150"}, &actor.Config{Dial: network.Dial},
		pool.WithMode(pool.Primary)) // the first, as long as it can be had
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	for range 10 {
		if err := p.Publish("orders", []byte("apples")); err != nil {
			fmt.Println(actor.OutcomeOf(err), err)
		}
	}
	s := p.Stats()
	fmt.Println("acked:", s.Acked, "not sent:", s.NotSent, "moved:", s.Moved)
	for _, node := range s.Nodes {
		fmt.Println(node.Addr, node.Breaker, node.Acked)
	}
	fmt.Println("arrived:", other.MessageCount("orders"))
	// Output:
	// acked: 10 not sent: 0 moved: 1
	// one.example:4150 broken 0
	// other.example:4150 trusted 10
	// arrived: 10
}

// What has one key goes to one nsqd, and so keeps its order.
func ExamplePool_ForKey() {
	one, other := wiretest.NewServer(), wiretest.NewServer()
	defer one.Close()
	defer other.Close()
	p, err := pool.New([]string{one.Addr, other.Addr}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	customer := p.ForKey("customer 7")
	for _, event := range []string{"came", "looked", "bought"} {
		if err := customer.Publish("events", []byte(event)); err != nil {
			log.Fatal(err)
		}
	}
	for _, m := range append(one.Messages(), other.Messages()...) {
		fmt.Println(string(m.Body))
	}
	fmt.Println(one.MessageCount("events") == 0 || other.MessageCount("events") == 0)
	// Output:
	// came
	// looked
	// bought
	// true
}

// Of a publish that was written when nsqd went, nobody knows whether it is stored. Who would rather have it twice than not at
// all says so.
func ExampleNew_retryUnknown() {
	first := wiretest.NewServer(
		wiretest.OnPublish(1).Silence(), // stored, not answered
		wiretest.OnPublish(1).Answered().Reset(),
	)
	second := wiretest.NewServer()
	defer first.Close()
	defer second.Close()
	p, err := pool.New([]string{first.Addr, second.Addr}, &actor.Config{RetryUnknown: true}, pool.WithMode(pool.Primary))
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	err = p.Publish("orders", []byte("apples"))
	fmt.Println(actor.OutcomeOf(err), first.MessageCount("orders"), second.MessageCount("orders"))
	// Output:
	// acked 1 1
}

// A resolver says which nsqd there are, here one and then another, and the pool follows: who leaves ends what it has.
func ExampleWithResolver() {
	one, other := wiretest.NewServer(), wiretest.NewServer()
	defer one.Close()
	defer other.Close()
	answers := make(chan []string, 1)
	resolve := func(ctx context.Context) ([]string, error) {
		select {
		case addrs := <-answers:
			return addrs, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	answers <- []string{one.Addr}
	p, err := pool.New(nil, nil, pool.WithResolver(resolve, 10*time.Millisecond)) // in a service every 15 s, say
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("apples"))))
	for range 3 { // when there is room for the third, the second has been asked for, and the first followed
		answers <- []string{other.Addr}
	}
	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("pears"))))
	fmt.Println(one.MessageCount("orders"), other.MessageCount("orders"))
	// Output:
	// acked
	// acked
	// 1 1
}

// A service that is ready when one of its nsqd is, and asks how its pool stands.
func ExamplePool_Connect() {
	one, other := wiretest.NewServer(), wiretest.NewServer()
	defer other.Close()
	one.Close()
	p, err := pool.New([]string{one.Addr, other.Addr}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(p.Connect(ctx), p.Stats().Link)
	// Output:
	// <nil> up
}
