package wiretest_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// publish stands for the program under test: a producer that publishes two messages and says what came of them.
func publish(nc net.Conn, err error) {
	if err != nil {
		fmt.Println("cannot connect")
		return
	}
	defer nc.Close()
	out := wire.AppendIdentify([]byte(wire.Magic), []byte(`{"client_id":"example"}`))
	out, _ = wire.AppendPub(out, "orders", []byte("one"))
	out, _ = wire.AppendDPub(out, "orders", time.Second, []byte("two"))
	nc.Write(out)
	answers := wire.NewReader(nc)
	for range 3 {
		frame, err := answers.Next()
		if err != nil {
			fmt.Println("connection lost")
			return
		}
		fmt.Printf("%s: %s\n", frame.Type, frame.Data)
	}
}

func Example() {
	srv := wiretest.NewServer()
	defer srv.Close()

	publish(net.Dial("tcp", srv.Addr))

	for _, m := range srv.Messages() {
		fmt.Println(m.Command, m.Topic, string(m.Body), m.Delay)
	}
	// Output:
	// response: OK
	// response: OK
	// response: OK
	// PUB orders one 0s
	// DPUB orders two 1s
}

func ExampleNewServer_fault() {
	srv := wiretest.NewServer(wiretest.OnPublish(2).Error(wire.CodeDPubFailed, "DPUB failed exiting"))
	defer srv.Close()

	publish(net.Dial("tcp", srv.Addr))

	fmt.Println(srv.MessageCount("orders"), "stored")
	// Output:
	// response: OK
	// response: OK
	// error: E_DPUB_FAILED DPUB failed exiting
	// 1 stored
}

// Stored, and the client cannot know: the case in which publishing again may duplicate.
func ExampleWhen_Silence() {
	srv := wiretest.NewServer(
		wiretest.OnPublish(2).Silence(),
		wiretest.OnPublish(2).Answered().Reset(),
	)
	defer srv.Close()

	publish(net.Dial("tcp", srv.Addr))

	fmt.Println(srv.MessageCount("orders"), "stored")
	// Output:
	// response: OK
	// response: OK
	// connection lost
	// 2 stored
}

// A server without sockets, whose Dial fits a dial hook.
func ExampleNewInMemory() {
	srv := wiretest.NewInMemory()
	defer srv.Close()

	ctx := context.Background()
	publish(srv.Dial(ctx, "tcp", srv.Addr))

	srv.CloseListener() // nsqd is down
	publish(srv.Dial(ctx, "tcp", srv.Addr))

	srv.Listen() // and up again
	publish(srv.Dial(ctx, "tcp", srv.Addr))
	fmt.Println(srv.Stats().Conns, "connections,", srv.Stats().Messages, "messages")
	// Output:
	// response: OK
	// response: OK
	// response: OK
	// cannot connect
	// response: OK
	// response: OK
	// response: OK
	// 2 connections, 4 messages
}

// Waiting needs no sleep.
func ExampleServer_WaitMessages() {
	srv := wiretest.NewServer()
	defer srv.Close()
	srv.Stall()

	done := make(chan struct{})
	go func() {
		defer close(done)
		publish(net.Dial("tcp", srv.Addr))
	}()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.WaitMessages(ctx, 2); err != nil {
		fmt.Println(err)
	}
	fmt.Println("both stored, neither answered")
	srv.Resume()
	<-done
	// Output:
	// both stored, neither answered
	// response: OK
	// response: OK
	// response: OK
}

func ExampleServer_Conns() {
	srv := wiretest.NewServer()
	defer srv.Close()

	publish(net.Dial("tcp", srv.Addr))

	c := srv.Conns()[0]
	fmt.Println(string(c.Identify), c.Commands, "commands in", c.Reads, "read")
	// Output:
	// response: OK
	// response: OK
	// response: OK
	// {"client_id":"example"} 3 commands in 1 read
}
