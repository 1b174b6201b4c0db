package wiretest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// The second publish of each connection is refused: it is not stored, and nsqd closes the connection. The next one goes out on
// another.
func ExampleWhen_Error() {
	nsqd := wiretest.NewServer(wiretest.OnPublish(2).Error(wire.CodePubFailed, "the disk is full"))
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	for _, what := range []string{"apples", "pears", "plums"} {
		err := p.Publish("orders", []byte(what))
		fmt.Println(what, actor.OutcomeOf(err))
	}
	for _, m := range nsqd.Messages() {
		fmt.Printf("%s stored by connection %d\n", m.Body, m.Conn)
	}
	// Output:
	// apples acked
	// pears refused
	// plums acked
	// apples stored by connection 1
	// plums stored by connection 2
}

// A long path, or a disk that is synced for each message: the answer comes late, and the caller waits for it.
func ExampleWhen_Delay() {
	const delay = 20 * time.Millisecond
	nsqd := wiretest.NewServer(wiretest.OnPublish(wiretest.Every).Delay(delay))
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	began := time.Now()
	err := p.Publish("orders", []byte("apples"))
	fmt.Println(actor.OutcomeOf(err), time.Since(began) >= delay)
	// Output:
	// acked true
}

// The second publish is stored and its answer held, until the caller gives up: it may be stored, and he cannot know. Heartbeats
// go on meanwhile. Until Resume, nothing behind it on its connection is answered either.
func ExampleWhen_Stall() {
	nsqd := wiretest.NewServer(wiretest.OnPublish(2).Stall())
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	ctx, giveUp := context.WithTimeout(context.Background(), 10*time.Second)
	defer giveUp()
	fmt.Println(actor.OutcomeOf(p.PublishContext(ctx, "orders", []byte("apples"))))
	go func() {
		nsqd.WaitMessages(ctx, 2)
		nsqd.Heartbeat()
		nsqd.Wait(ctx, func(s wiretest.Stats) bool { return s.Nops == 1 })
		giveUp()
	}()
	fmt.Println(actor.OutcomeOf(p.PublishContext(ctx, "orders", []byte("pears"))))
	nsqd.Resume()
	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("plums"))))
	fmt.Println(nsqd.MessageCount("orders"), "stored")
	// Output:
	// acked
	// unknown
	// acked
	// 3 stored
}

// However the answers are cut, the program gets them. Here each byte comes by itself.
func ExampleWhen_Split() {
	nsqd := wiretest.NewInMemory(wiretest.OnAccept().Split(1))
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, &actor.Config{Dial: nsqd.Dial})
	defer p.Stop()

	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("apples"))))
	fmt.Println(actor.OutcomeOf(p.MultiPublish("orders", [][]byte{[]byte("pears"), []byte("plums")})))
	// Output:
	// acked
	// acked
}

// A heartbeat now, before the answer to the first publish. It acknowledges nothing, and the producer answers it by a NOP.
// Server.Heartbeat sends one at whatever moment.
func ExampleWhen_Heartbeat() {
	nsqd := wiretest.NewServer(wiretest.OnPublish(1).Heartbeat())
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("apples"))))

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := nsqd.Wait(ctx, func(s wiretest.Stats) bool { return s.Nops == 1 })
	fmt.Println(nsqd.Stats().Heartbeats, "heartbeat, answered:", err == nil)
	// Output:
	// acked
	// 1 heartbeat, answered: true
}

// An answer that nobody asked for must not acknowledge the next publish. The producer leaves such a connection for another.
func ExampleWhen_Send() {
	nsqd := wiretest.NewServer(wiretest.OnPublish(1).Conn(1).Answered().Send(wire.AppendOK(nil)))
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("apples"))))

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println("another connection:", nsqd.WaitConns(ctx, 2) == nil)
	fmt.Println(actor.OutcomeOf(p.Publish("orders", []byte("pears"))))
	fmt.Println(nsqd.MessageCount("orders"), "stored")
	// Output:
	// acked
	// another connection: true
	// acked
	// 2 stored
}

// Stored, and the client cannot know: the case in which publishing again duplicates.
func ExampleWhen_Silence() {
	nsqd := wiretest.NewServer(
		wiretest.OnPublish(1).Conn(1).Silence(),
		wiretest.OnPublish(1).Conn(1).Answered().Reset(), // where the answer would have been
	)
	defer nsqd.Close()
	p, _ := actor.NewProducer(nsqd.Addr, nil)
	defer p.Stop()

	for actor.OutcomeOf(p.Publish("orders", []byte("apples"))) != actor.Acked {
		fmt.Println("again")
	}
	fmt.Println(nsqd.MessageCount("orders"), "stored")
	// Output:
	// again
	// 2 stored
}
