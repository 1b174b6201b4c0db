package actor_test

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// Results that nobody takes hold next to nothing: their bytes have been given back to the bounds.
func TestUndeliveredResultsHoldNoBodies(t *testing.T) {
	srv := wiretest.Config{Discard: true}.NewServer()
	t.Cleanup(srv.Close)
	p := newProducer(t, srv.Addr, &actor.Config{MaxPendingBytes: 4 << 20})
	heap := func() int {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int(stats.HeapAlloc)
	}
	require.NoError(t, p.Ping())
	before := heap()
	const results, size = 200, 1 << 20
	done, body := make(chan *actor.Transaction), make([]byte, size)
	for range results {
		require.NoError(t, p.PublishAsync("topic", body, done))
	}
	require.NoError(t, p.Flush(testContext(t)))
	undelivered(t, p, results) // results follow outcomes, which Flush waits for
	require.Less(t, heap()-before, 16<<20)
	for range results {
		require.NoError(t, receive(t, done).Error)
	}
}

// A write that the end of Shutdown's bound leaves half done was not sent: what nsqd says of the half is no answer to it.
func TestHalfWrittenAtTheCutIsNotSent(t *testing.T) {
	srv := newDouble(t)
	var written atomic.Int64
	p := newProducer(t, srv.Addr, &actor.Config{Dial: tapped(func(conn net.Conn, b []byte) (int, error) {
		if !bytes.HasPrefix(b, []byte("PUB ")) && written.Load() == 0 {
			return conn.Write(b)
		}
		if written.Add(1) == 1 { // the first piece goes out in part, and then nothing more does
			n, _ := conn.Write(b[:1000])
			return n, nil
		}
		time.Sleep(5 * time.Millisecond) // as a full socket would take its deadline
		return 0, nil
	})})
	require.NoError(t, p.Ping())
	ended := started(func() error { return p.Publish("topic", make([]byte, 100_000)) })
	until(t, "half of it is written", func() bool { return written.Load() > 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	tally, err := p.Shutdown(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, actor.Tally{NotSent: 1}, tally)
	require.Equal(t, actor.ErrStopped, receive(t, ended))
	require.Empty(t, srv.Messages())
}

// undated is a connection that does not honour read deadlines.
type undated struct{ net.Conn }

func (undated) SetReadDeadline(time.Time) error { return nil }

func (u undated) SetDeadline(at time.Time) error { return u.SetWriteDeadline(at) }

func TestConnectionWithoutReadDeadlines(t *testing.T) {
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{
		ResponseTimeout: 50 * time.Millisecond,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return undated{conn}, err
		},
	})
	require.NoError(t, p.Ping())
	srv.Stall()
	require.Equal(t, actor.Unknown, actor.OutcomeOf(receive(t, started(func() error { return p.Publish("topic", []byte("body")) }))))
	srv.Freeze()
	ended := started(func() error { return p.Publish("topic", []byte("body")) })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	receive(t, started(func() error { _, err := p.Shutdown(ctx); return err }))
	require.Error(t, receive(t, ended))
}

// slowToClose is a connection whose Close takes its time.
type slowToClose struct {
	net.Conn
	closed *atomic.Bool
}

func (s slowToClose) Close() error {
	err := s.Conn.Close()
	time.Sleep(20 * time.Millisecond)
	s.closed.Store(true)
	return err
}

func TestStopReturnsBehindTheClose(t *testing.T) {
	srv := newDouble(t)
	var closed atomic.Bool
	p := newProducer(t, srv.Addr, &actor.Config{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return slowToClose{conn, &closed}, err
	}})
	require.NoError(t, p.Publish("topic", []byte("body")))
	p.Stop()
	require.True(t, closed.Load())
}

// An answer that was there before a command was written is not the command's.
func TestEarlyAnswerIsNoAck(t *testing.T) {
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	require.NoError(t, p.Ping())
	srv.Send(wire.AppendOK(nil))
	until(t, "the connection was given up", func() bool { return srv.Stats().Open == 0 || srv.Stats().Conns == 2 })
	require.NoError(t, p.Publish("topic", []byte("body")))
	require.Equal(t, 1, srv.MessageCount("topic"))
	require.Equal(t, 2, srv.Messages()[0].Conn, "on a connection that is in step")
}

// A handshake is bounded also on a connection that does not honour read deadlines.
func TestHandshakeWithoutReadDeadlines(t *testing.T) {
	srv := newDouble(t, wiretest.OnAccept().Freeze())
	p := newProducer(t, srv.Addr, &actor.Config{
		HandshakeTimeout: 50 * time.Millisecond,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return undated{conn}, err
		},
	})
	err := receive(t, started(func() error { return p.Publish("topic", []byte("body")) }))
	require.ErrorIs(t, err, actor.ErrNotConnected)
	require.ErrorContains(t, err, "HandshakeTimeout")
	srv.Resume()
}

// A Ping that waits for an attempt does not hold up a producer that stops.
func TestStopEndsPing(t *testing.T) {
	door := newBarrier()
	p := newProducer(t, "127.0.0.1:1", &actor.Config{Dial: door.dial, DialTimeout: time.Hour})
	pinged := started(p.Ping)
	receive(t, door.asked)
	waitingCallers(t, 1)
	stopped := started(func() error { _, err := p.Shutdown(context.Background()); return err })
	require.Equal(t, actor.ErrStopped, receive(t, pinged))
	require.NoError(t, receive(t, stopped))
}
