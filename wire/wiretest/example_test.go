package wiretest_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// Start an nsqd, point the program under test at it, look at what came.
func Example() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()

	p, _ := actor.NewProducer(nsqd.Addr, nil) // of the program under test
	defer p.Stop()
	p.Publish("orders", []byte("apples"))
	p.DeferredPublish("orders", time.Second, []byte("pears"))

	for _, m := range nsqd.Messages() {
		fmt.Printf("%s %s: %s, after %v\n", m.Command, m.Topic, m.Body, m.Delay)
	}
	// Output:
	// PUB orders: apples, after 0s
	// DPUB orders: pears, after 1s
}

// A fault says when, and then what. There may be any number of them.
func ExampleNewServer() {
	nsqd := wiretest.NewServer(
		wiretest.OnPublish(wiretest.Every).Topic("archive").Error(wire.CodePubFailed, "the disk is full"),
		wiretest.OnPublish(2).Topic("orders").Overall().Delay(time.Millisecond),
	)
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	for _, topic := range []string{"orders", "archive", "orders"} {
		fmt.Println(topic, actor.OutcomeOf(p.Publish(topic, []byte("apples"))))
	}
	fmt.Println(nsqd.Stats().Struck, "faults struck")
	// Output:
	// orders acked
	// archive refused
	// orders acked
	// 2 faults struck
}

// Without sockets: the server's Dial is the client's dial hook.
func ExampleNewInMemory() {
	nsqd := wiretest.NewInMemory()
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, &actor.Config{Dial: nsqd.Dial})
	defer p.Stop()

	nsqd.CloseListener() // nsqd is down
	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("apples"))))

	nsqd.Listen() // and up
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println("connected:", p.Connect(ctx) == nil)
	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("apples"))))
	// Output:
	// not sent
	// connected: true
	// acked
}

// Each server in memory has an Addr of its own, so that a hook can tell several apart. Here one of the two is down.
func ExampleServer_Dial() {
	one, other := wiretest.NewInMemory(), wiretest.NewInMemory()
	defer one.Close()
	defer other.Close()
	one.CloseListener()

	nsqds := map[string]*wiretest.Server{one.Addr: one, other.Addr: other}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		return nsqds[addr].Dial(ctx, network, addr)
	}
	p, _ := pool.New([]string{one.Addr, other.Addr}, &actor.Config{Dial: dial})
	defer p.Stop()

	for range 10 {
		if err := p.Publish("orders", []byte("apples")); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(one.MessageCount("orders"), other.MessageCount("orders"))
	// Output:
	// 0 10
}

// Upgrades and permissions are granted as by an nsqd that is set up for them.
func ExampleConfig() {
	nsqd := wiretest.Config{
		Deflate:   true,
		Authorize: func(secret, topic string) bool { return secret == "sesame" && topic != "secrets" },
	}.NewServer()
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, &actor.Config{Deflate: true, DeflateLevel: 3, AuthSecret: "sesame"})
	defer p.Stop()

	for _, topic := range []string{"orders", "secrets"} {
		fmt.Println(topic, actor.OutcomeOf(p.Publish(topic, []byte("apples"))))
	}
	c := nsqd.Conns()[0]
	fmt.Printf("deflate %d, secret %q\n", c.Deflate, c.Auth)
	// Output:
	// orders acked
	// secrets refused
	// deflate 3, secret "sesame"
}

// What a client says of itself, and how it uses its connection. A batch is one command, and was one write.
func ExampleServer_Conns() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	p.MultiPublish("orders", [][]byte{[]byte("apples"), []byte("pears"), []byte("plums")})

	c := nsqd.Conns()[0]
	fmt.Println("open:", c.Open, "- commands with IDENTIFY:", c.Commands, "- messages:", c.Messages, "- reads:", c.Reads)
	// Output:
	// open: true - commands with IDENTIFY: 2 - messages: 3 - reads: 2
}
