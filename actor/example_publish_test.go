package actor_test

import (
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

func Example() {
	nsqd := wiretest.NewServer() // stands for a real one
	defer nsqd.Close()

	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	err = p.Publish("greetings", []byte("hello"))
	fmt.Println(actor.OutcomeOf(err), err)
	// Output:
	// acked <nil>
}

// What nsqd would refuse is refused before a byte is written, so that it cannot cut the connection that others share.
func ExampleProducer_Publish() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	body := []byte("hello")
	err = p.Publish("greetings", body)
	clear(body) // it is the caller's again
	fmt.Println(actor.OutcomeOf(err))

	err = p.Publish("no spaces, please", []byte("hello"))
	fmt.Println(actor.OutcomeOf(err), errors.Is(err, wire.ErrTopic))

	for _, m := range nsqd.Messages() {
		fmt.Printf("%s: %s\n", m.Topic, m.Body)
	}
	// Output:
	// acked
	// not sent true
	// greetings: hello
}

// Several messages in one command: nsqd takes all of them or none, unless its disk fails, and there is one outcome.
func ExampleProducer_MultiPublish() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	err = p.MultiPublish("readings", [][]byte{[]byte("20.1"), []byte("20.3"), []byte("20.2")})
	fmt.Println(actor.OutcomeOf(err))

	err = p.MultiPublish("readings", nil) // in go-nsq this costs the connection
	fmt.Println(actor.OutcomeOf(err), errors.Is(err, wire.ErrEmpty))

	for _, m := range nsqd.Messages() {
		fmt.Printf("%s %d: %s\n", m.Command, m.Index, m.Body)
	}
	// Output:
	// acked
	// not sent true
	// MPUB 0: 20.1
	// MPUB 1: 20.3
	// MPUB 2: 20.2
}

// A batch is one command with one outcome, of at most MaxBodySize bytes, so that many messages go in several: an error tells what is
// known of one of them.
func ExampleProducer_MultiPublish_batches() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	var readings [][]byte
	for i := range 2500 {
		readings = append(readings, fmt.Appendf(nil, "reading %d", i))
	}
	for batch := range slices.Chunk(readings, 1000) {
		err := p.MultiPublish("readings", batch)
		fmt.Println(len(batch), actor.OutcomeOf(err))
	}
	fmt.Println("stored:", nsqd.MessageCount("readings"))
	// Output:
	// 1000 acked
	// 1000 acked
	// 500 acked
	// stored: 2500
}

// OK means that nsqd has the message, not that it was delivered: it keeps the message back for the delay.
func ExampleProducer_DeferredPublish() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	err = p.DeferredPublish("reminders", 10*time.Minute, []byte("tea"))
	fmt.Println(actor.OutcomeOf(err))

	err = p.DeferredPublish("reminders", 2*time.Hour, []byte("more tea")) // nsqd takes an hour at most
	fmt.Println(actor.OutcomeOf(err), errors.Is(err, wire.ErrDelay))

	for _, m := range nsqd.Messages() {
		fmt.Println(m.Command, m.Delay, string(m.Body))
	}
	// Output:
	// acked
	// not sent true
	// DPUB 10m0s tea
}
