package actor_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
)

// barrier is a dial hook behind which all attempts wait until it is opened.
type barrier struct {
	asked  chan struct{} // gets one for each attempt
	opened chan struct{}
}

func newBarrier() *barrier { return &barrier{make(chan struct{}, 1000), make(chan struct{})} }

func (b *barrier) open() { close(b.opened) }

func (b *barrier) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	b.asked <- struct{}{}
	select {
	case <-b.opened:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// waitingCallers waits until n callers have posted their publish and wait for its result.
func waitingCallers(t testing.TB, n int) {
	t.Helper()
	until(t, fmt.Sprintf("%d callers wait", n), func() bool { return leak.GoroutinesIn("(*Producer).await") == n })
}

// What waits when the connection comes up, callers of every form among it, goes out in one write.
func TestWhatWaitsGoesOutInOneWrite(t *testing.T) {
	for _, callers := range []int{1, 2, 100} {
		t.Run(fmt.Sprint(callers), func(t *testing.T) {
			leak.Check(t)
			srv, door := newDouble(t), newBarrier()
			p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience})
			ended := make(chan error, callers)
			for i := range callers {
				go func() {
					switch i % 3 {
					case 0:
						ended <- p.Publish("one", []byte("message"))
					case 1:
						ended <- p.DeferredPublish("two", time.Second, []byte("message"))
					case 2:
						ended <- p.MultiPublish("three", [][]byte{[]byte("message")})
					}
				}()
			}
			waitingCallers(t, callers)
			door.open()
			for range callers {
				require.NoError(t, receive(t, ended))
			}
			messages := srv.Messages()
			require.Len(t, messages, callers)
			for _, m := range messages {
				require.Equal(t, messages[0].Read, m.Read, "all came with one read")
			}
			require.Equal(t, 2, srv.Conns()[0].Reads, "IDENTIFY, and the publishes")
		})
	}
}

// tap is a connection whose writes go through a function.
type tap struct {
	net.Conn
	write func(net.Conn, []byte) (int, error)
}

func (t tap) Write(b []byte) (int, error) { return t.write(t.Conn, b) }

// tapped is a dial hook.
func tapped(write func(net.Conn, []byte) (int, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return tap{conn, write}, nil
	}
}

// What comes while a write is under way goes out in one write behind it.
func TestWhatQueuesUpDuringAWriteGoesOutInOneWrite(t *testing.T) {
	srv := newDouble(t)
	const callers = 100
	var carried []int // how many publishes of the waiting callers each write brought; the loop's until all have their result
	writing, held := make(chan struct{}, 100), make(chan struct{})
	p := newProducer(t, srv.Addr, &actor.Config{Dial: tapped(func(conn net.Conn, b []byte) (int, error) {
		if bytes.HasPrefix(b, []byte("PUB first\n")) {
			writing <- struct{}{}
			<-held
		}
		n, err := conn.Write(b)
		if waiting := bytes.Count(b[:n], []byte("PUB waiting\n")); waiting > 0 {
			carried = append(carried, waiting)
		}
		return n, err
	})})
	first := started(func() error { return p.Publish("first", []byte("message")) })
	receive(t, writing)
	ended := make(chan error, callers)
	for range callers {
		go func() { ended <- p.Publish("waiting", []byte("message")) }()
	}
	waitingCallers(t, callers+1)
	close(held)
	require.NoError(t, receive(t, first))
	for range callers {
		require.NoError(t, receive(t, ended))
	}
	require.Equal(t, []int{callers}, carried)
}

// A publish that was given up must not reach nsqd, whatever becomes of the memory that it had.
func TestGivenUpIsNotSent(t *testing.T) {
	leak.Check(t)
	srv, door := newDouble(t), newBarrier()
	p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience})
	ctx, cancel := context.WithCancel(context.Background())
	const n = 20
	given, kept := make(chan error, n), make(chan error, n)
	for i := range n {
		go func() { given <- p.PublishContext(ctx, "given", bytes.Repeat([]byte{1}, i+1)) }()
		go func() { kept <- p.Publish("kept", bytes.Repeat([]byte{2}, i+1)) }()
	}
	waitingCallers(t, 2*n)
	cancel()
	for range n {
		err := receive(t, given)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
	}
	runtime.GC()
	door.open()
	for range n {
		require.NoError(t, receive(t, kept))
	}
	require.Zero(t, srv.MessageCount("given"))
	require.Equal(t, n, srv.MessageCount("kept"))
	requireBooks(t, p)
}
