package wiretest_test

import (
	"bytes"
	"context"
	"net"
	"testing"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// How many commands a second the double takes from one connection, as the peer in other benchmarks.
func BenchmarkServer(b *testing.B) {
	one, err := wire.AppendPub(nil, "benchmark", bytes.Repeat([]byte("x"), 128))
	if err != nil {
		b.Fatal(err)
	}
	const inWrite = 400
	many := bytes.Repeat(one, inWrite)
	for _, c := range []struct {
		name   string
		config wiretest.Config
	}{
		{"tcp/counts", wiretest.Config{Discard: true}},
		{"tcp/messages", wiretest.Config{}},
		{"tcp/counts/each", wiretest.Config{Discard: true, AnswerEach: true}},
		{"memory/counts", wiretest.Config{Discard: true, InMemory: true}},
		{"tcp/counts/script", wiretest.Config{Discard: true, Faults: []wiretest.Fault{wiretest.OnPublish(1).Conn(2).Close()}}},
		{"tcp/counts/idle script", wiretest.Config{Discard: true, Faults: []wiretest.Fault{wiretest.OnPublish(1).Topic("x").Close()}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			srv := c.config.NewServer()
			defer srv.Close()
			nc, err := net.Dial("tcp", srv.Addr)
			if c.config.InMemory {
				nc, err = srv.Dial(context.Background(), "", "")
			}
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			nc.Write([]byte(wire.Magic))
			read := make(chan error)
			total := (b.N + inWrite - 1) / inWrite * inWrite
			b.ReportAllocs()
			b.ResetTimer()
			go func() {
				answers := make([]byte, 64<<10)
				for left := total * len(wire.AppendOK(nil)); left > 0; {
					n, err := nc.Read(answers)
					if err != nil {
						read <- err
						return
					}
					left -= n
				}
				read <- nil
			}()
			for sent := 0; sent < total; sent += inWrite {
				if _, err := nc.Write(many); err != nil {
					b.Fatal(err)
				}
			}
			if err := <-read; err != nil {
				b.Fatal(err)
			}
		})
	}
}
