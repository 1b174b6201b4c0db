package wiretest_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A program that publishes in the background is waited for, until there is what the test wants to see: here a message of
// one topic.
func ExampleServer_Wait() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	p.PublishAsync("orders", []byte("apples"), nil)
	p.PublishAsync("audit", []byte("someone ordered apples"), nil)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := nsqd.Wait(ctx, func(wiretest.Stats) bool { return nsqd.MessageCount("audit") == 1 }); err != nil {
		log.Fatal(err) // says what there was instead
	}
	for _, m := range nsqd.Messages() {
		if m.Topic == "audit" {
			fmt.Printf("%s\n", m.Body)
		}
	}
	// Output:
	// someone ordered apples
}

// A test that wants to see what a program does while nsqd stands still waits until it does.
func ExampleServer_Wait_fault() {
	nsqd := wiretest.NewServer(wiretest.OnPublish(1).Freeze())
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	done := make(chan *actor.Transaction, 1)
	p.PublishAsync("orders", []byte("apples"), done)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := nsqd.Wait(ctx, func(s wiretest.Stats) bool { return s.Struck == 1 }); err != nil {
		log.Fatal(err)
	}
	fmt.Println("pending:", p.Pending(), "- stored:", nsqd.MessageCount("orders"))
	nsqd.Resume()
	fmt.Println(actor.OutcomeOf((<-done).Error))
	// Output:
	// pending: 1 - stored: 0
	// acked
}

// A program that has been stopped leaves no connection behind.
func ExampleServer_Wait_gone() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)

	p.Publish("orders", []byte("apples"))
	p.Stop()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := nsqd.Wait(ctx, func(s wiretest.Stats) bool { return s.Conns == 1 && s.Open == 0 })
	fmt.Println("gone:", err == nil)
	// Output:
	// gone: true
}

// Three messages, of whatever topic.
func ExampleServer_WaitMessages() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	for _, what := range []string{"apples", "pears", "plums"} {
		p.PublishAsync("orders", []byte(what), nil)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := nsqd.WaitMessages(ctx, 3); err != nil {
		log.Fatal(err)
	}
	for _, m := range nsqd.Messages() {
		fmt.Printf("%s\n", m.Body)
	}
	// Output:
	// apples
	// pears
	// plums
}

// The first command, IDENTIFY, is a program's introduction: a test of how it starts needs no publish.
func ExampleServer_WaitCommands() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, &actor.Config{ClientID: "shop"})
	defer p.Stop()

	go p.Ping() // when the program starts

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := nsqd.WaitCommands(ctx, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.Contains(nsqd.Conns()[0].Identify, []byte(`"client_id":"shop"`)))
	// Output:
	// true
}

// A program that loses its connection comes back by itself.
func ExampleServer_WaitConns() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	p.Ping()
	nsqd.ResetAll()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println("back:", nsqd.WaitConns(ctx, 2) == nil)
	// Output:
	// back: true
}
