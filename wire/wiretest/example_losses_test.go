package wiretest_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// Nothing behind the first publish is read. A message that finds no room in the buffers on the way cannot be stored, and so the
// producer sends it again by itself, on another connection. In memory the buffers are small enough to be filled by one message.
func ExampleWhen_StopReading() {
	nsqd := wiretest.NewInMemory(wiretest.OnPublish(1).Conn(1).StopReading())
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, &actor.Config{Dial: nsqd.Dial, WriteTimeout: 200 * time.Millisecond})
	defer p.Stop()

	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("apples"))))
	fmt.Println(actor.OutcomeOf(p.Publish("orders", make([]byte, 500_000))))
	second := nsqd.Messages()[1]
	fmt.Println(len(second.Body), "bytes stored, by another connection:", second.Conn > 1)
	// Output:
	// acked
	// acked
	// 500000 bytes stored, by another connection: true
}

// A reset on the third command of the first connection, IDENTIFY counted: it was read and not executed, which the client cannot
// know. With Answered it comes behind the answer.
func ExampleWhen_Reset() {
	nsqd := wiretest.NewServer(wiretest.OnCommand(3).Conn(1).Reset())
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	for _, what := range []string{"apples", "pears", "plums"} {
		err := p.Publish("orders", []byte(what))
		fmt.Println(what, actor.OutcomeOf(err))
	}
	fmt.Println(nsqd.MessageCount("orders"), "stored")
	// Output:
	// apples acked
	// pears unknown
	// plums acked
	// 2 stored
}

// A reset on each connection after 100,000 bytes behind IDENTIFY: a larger message never gets through whole, and is certainly not
// stored. (By TCP the system may have taken all of it, and then the producer could not know.)
func ExampleOnByte() {
	nsqd := wiretest.NewInMemory(wiretest.OnByte(100_000).Reset())
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, &actor.Config{Dial: nsqd.Dial, MaxAttempts: 2})
	defer p.Stop()

	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("apples"))))
	fmt.Println(actor.OutcomeOf(p.Publish("orders", make([]byte, 500_000))))
	fmt.Println(nsqd.MessageCount("orders"), "stored")
	// Output:
	// acked
	// not sent
	// 1 stored
}

// An nsqd that refuses IDENTIFY cannot be connected to, and nothing is sent to it.
func ExampleOnIdentify() {
	nsqd := wiretest.NewServer(wiretest.OnIdentify().Error(wire.CodeBadBody, "IDENTIFY heartbeat interval (30000) is invalid"))
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	err := p.Publish("orders", []byte("apples"))
	var reply *wire.ReplyError
	fmt.Println(actor.OutcomeOf(err), errors.Is(err, actor.ErrNotConnected), errors.As(err, &reply))
	fmt.Println(reply)
	// Output:
	// not sent true true
	// nsqd: E_BAD_BODY IDENTIFY heartbeat interval (30000) is invalid
}
