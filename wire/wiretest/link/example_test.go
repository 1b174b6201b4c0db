package link_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/link"
)

// A connection is cut within a publish, and the next one is not.
func Example() {
	srv := wiretest.NewServer()
	defer srv.Close()
	path := link.New(srv.Addr)
	defer path.Close()

	opening := wire.AppendIdentify([]byte(wire.Magic), []byte("{}"))
	pub, _ := wire.AppendPub(nil, "orders", []byte("a message"))
	path.LimitUp(len(opening)+len(pub)-1, link.Reset.Once())

	for range 2 {
		nc, err := net.Dial("tcp", path.Addr)
		if err != nil {
			fmt.Println(err)
			return
		}
		nc.Write(append(opening, pub...))
		nc.(*net.TCPConn).CloseWrite()
		_, err = io.Copy(io.Discard, nc)
		nc.Close()
		fmt.Println("cut off:", err != nil, "- stored:", srv.MessageCount("orders"))
	}
	// Output:
	// cut off: true - stored: 0
	// cut off: false - stored: 1
}

// Waiting needs no sleep.
func ExampleLink_Wait() {
	srv := wiretest.NewServer()
	defer srv.Close()
	path := link.New(srv.Addr)
	defer path.Close()

	go func() {
		nc, err := net.Dial("tcp", path.Addr)
		if err == nil {
			nc.Close()
		}
	}()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := path.Wait(ctx, func(s link.Stats) bool { return s.Conns == 1 && s.Open == 0 })
	fmt.Println("connected and gone:", err == nil)
	// Output:
	// connected and gone: true
}
