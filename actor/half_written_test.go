package actor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// This file is about connections that break while something is being written to them.

// cutAt is a dial hook in memory whose first connection passes on n bytes behind the handshake, and then breaks in the middle
// of the write that they belong to. Each attempt waits for a token in admits.
func cutAt(srv *wiretest.Server, admits <-chan struct{}, n int) dialHook {
	var dials atomic.Int64
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		<-admits
		conn, err := srv.Dial(ctx, network, addr)
		if err != nil || dials.Add(1) > 1 {
			return conn, err
		}
		left := n
		return tap{conn, func(conn net.Conn, b []byte) (int, error) {
			if bytes.HasPrefix(b, []byte(wire.Magic)) {
				return conn.Write(b)
			}
			passed, err := conn.Write(b[:min(left, len(b))])
			left -= passed
			if err == nil && passed < len(b) {
				err = syscall.ECONNRESET
			}
			return passed, err
		}}, nil
	}
}

// victims are what is cut: a command of each form with bodies of about that size, and the bytes that it has.
var victims = []struct {
	name string
	call func(p *actor.Producer, size int, done doneChan) error
	wire func(size int) ([]byte, error)
	as   func(size int) []arrived
}{
	{"PUB", func(p *actor.Producer, size int, done doneChan) error {
		return p.PublishAsync("cut", anyBytes(size), done)
	}, func(size int) ([]byte, error) {
		return wire.AppendPub(nil, "cut", anyBytes(size))
	}, func(size int) []arrived {
		return []arrived{{"PUB", "cut", 0, 0, string(anyBytes(size))}}
	}},
	{"MPUB", func(p *actor.Producer, size int, done doneChan) error {
		return p.MultiPublishAsync("cut", [][]byte{anyBytes(size), {1}, anyBytes(size / 2)}, done)
	}, func(size int) ([]byte, error) {
		return wire.AppendMPub(nil, "cut", [][]byte{anyBytes(size), {1}, anyBytes(size / 2)})
	}, func(size int) []arrived {
		return []arrived{
			{"MPUB", "cut", 0, 0, string(anyBytes(size))}, {"MPUB", "cut", 0, 1, "\x01"}, {"MPUB", "cut", 0, 2, string(anyBytes(size / 2))},
		}
	}},
	{"DPUB", func(p *actor.Producer, size int, done doneChan) error {
		return p.DeferredPublishAsync("cut", time.Second, anyBytes(size), done)
	}, func(size int) ([]byte, error) {
		return wire.AppendDPub(nil, "cut", time.Second, anyBytes(size))
	}, func(size int) []arrived {
		return []arrived{{"DPUB", "cut", time.Second, 0, string(anyBytes(size))}}
	}},
}

// After a cut at any byte, nsqd has stored what came whole before it and nothing else, has answered that, and gets the rest on
// the next connection: each once and in the order of the calls, a batch in one piece, before what is newer.
func TestCutAtEveryByte(t *testing.T) {
	leak.Check(t)
	sizes := func(command int) map[int][]int { // of bodies, to the places of the cut within the command
		all := map[int][]int{20: span(0, command+1)}
		for _, size := range []int{15 << 10, 17 << 10, 200 << 10} { // copied, not copied, in several pieces
			for _, at := range []int{1, 100, 10_000, 16<<10 + 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 150_000} {
				if at < size {
					all[size] = append(all[size], at)
				}
			}
		}
		return all
	}
	before, err := wire.AppendPub(nil, "cut", []byte("before"))
	require.NoError(t, err)
	for _, victim := range victims {
		t.Run(victim.name, func(t *testing.T) {
			small, err := victim.wire(20)
			require.NoError(t, err)
			for size, cuts := range sizes(len(small)) {
				for _, at := range cuts {
					at += len(before)
					// The server's end comes with the last byte, so that the producer has nothing to wait for.
					srv := newDouble(t, wiretest.OnByte(at).Conn(1).Reset())
					admits := make(chan struct{}, 2)
					p := newProducer(t, srv.Addr, &actor.Config{Dial: cutAt(srv, admits, at), MaxAttempts: 2})
					done := make(doneChan, 4)
					require.NoError(t, p.PublishAsync("cut", []byte("before"), done))
					require.NoError(t, victim.call(p, size, done))
					require.NoError(t, p.PublishAsync("cut", []byte("behind"), done))
					admits <- struct{}{}
					until(t, "the cut", func() bool { return srv.Stats().Conns == 1 && srv.Stats().Open == 0 })
					require.NoError(t, p.PublishAsync("cut", []byte("newer"), done))
					admits <- struct{}{}
					for range 4 {
						require.NoError(t, receive(t, done).Error, "%d bytes of %d", at, size)
					}
					want := append([]arrived{{"PUB", "cut", 0, 0, "before"}}, victim.as(size)...)
					want = append(want, arrived{"PUB", "cut", 0, 0, "behind"}, arrived{"PUB", "cut", 0, 0, "newer"})
					require.True(t, fmt.Sprint(want) == fmt.Sprint(arrivals(srv)), "%d bytes of %d", at, size)
					require.EqualValues(t, 2, p.Stats().Connections)
					requireBooks(t, p)
					p.Stop()
					srv.Close()
				}
			}
		})
	}
}

// The same by TCP, where the system has an unknown part of the batch when the reset comes, which is never all of it.
func TestResetInTheMiddleOfALargeBatch(t *testing.T) {
	leak.Check(t)
	const large = 16 << 20 // more than the path buffers
	for _, at := range []int{1, 1000, 64 << 10, 1 << 20, 3 << 20} {
		srv := wiretest.Config{MaxBodySize: 2 * large, Faults: []wiretest.Fault{wiretest.OnByte(at).Conn(1).Reset()}}.NewServer()
		t.Cleanup(srv.Close)
		p := newProducer(t, srv.Addr, &actor.Config{MaxBodySize: 2 * large, MaxAttempts: 2})
		require.NoError(t, p.Ping())
		batch := make([][]byte, 16)
		for i := range batch {
			batch[i] = bytes.Repeat([]byte{byte(i)}, large/len(batch))
		}
		done := make(doneChan, 2)
		require.NoError(t, p.MultiPublishAsync("topic", batch, done))
		require.NoError(t, p.PublishAsync("topic", []byte("behind"), done))
		for range cap(done) {
			require.NoError(t, receive(t, done).Error, "after %d bytes", at)
		}
		messages := srv.Messages()
		require.Len(t, messages, len(batch)+1)
		for i, body := range append(batch, []byte("behind")) {
			require.True(t, bytes.Equal(body, messages[i].Body), "message %d", i)
			require.Equal(t, 2, messages[i].Conn)
		}
		p.Stop()
		srv.Close()
	}
}

// unheard is a connection on which nothing is heard, behind the answer to IDENTIFY, until a write to it has failed.
type unheard struct {
	net.Conn
	greeted bool
	broken  chan struct{}
}

func (u *unheard) Read(b []byte) (int, error) {
	n, err := u.Conn.Read(b)
	if u.greeted {
		<-u.broken
	}
	u.greeted = true
	return n, err
}

type dialHook = func(ctx context.Context, network, addr string) (net.Conn, error)

// heardLate is a dial hook whose first connection is unheard. Each attempt waits for a token in admits.
func heardLate(dial dialHook, admits <-chan struct{}) dialHook {
	var broke atomic.Bool
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		<-admits
		conn, err := dial(ctx, network, addr)
		if err != nil || broke.Load() {
			return conn, err
		}
		u := &unheard{Conn: conn, broken: make(chan struct{})}
		return tap{u, func(conn net.Conn, b []byte) (int, error) {
			n, err := conn.Write(b)
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && broke.CompareAndSwap(false, true) {
				close(u.broken)
			}
			return n, err
		}}, nil
	}
}

// answeredAndThenReset is what nsqd does when it has answered n publishes.
func answeredAndThenReset(n int) wiretest.Fault {
	if n == 0 {
		return wiretest.OnPublish(1).Conn(1).Reset()
	}
	return wiretest.OnPublish(n).Conn(1).Answered().Reset()
}

// Of a hundred commands in one write nsqd answers n, and resets the connection while the rest is being written: that is n
// acknowledgements, though none was read before the write failed. What nsqd may have got whole is unknown, and the rest goes
// again, once and in order.
func TestAnsweredAndThenReset(t *testing.T) {
	leak.Check(t)
	const all, size, buffer = 100, 600, 4 << 10
	for _, n := range []int{0, 1, 2, 7, 50, 80} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			srv := wiretest.Config{InMemory: true, Buffer: buffer, Faults: []wiretest.Fault{answeredAndThenReset(n)}}.NewServer()
			t.Cleanup(srv.Close)
			admits := make(chan struct{}, 2)
			p := newProducer(t, srv.Addr, &actor.Config{Dial: heardLate(srv.Dial, admits)})
			done := make(doneChan, all)
			for i := range all {
				require.NoError(t, p.PublishAsync("topic", fmt.Appendf(nil, "%-*d", size, i), done, i))
			}
			admits <- struct{}{}
			admits <- struct{}{}
			told := results(t, done, all)
			requireTruth(t, srv, "topic", told)
			unknown := 0
			for ; actor.OutcomeOf(told[n+unknown]) == actor.Unknown; unknown++ {
				require.ErrorIs(t, told[n+unknown], actor.ErrConnectionLost)
			}
			require.LessOrEqual(t, unknown, 2*buffer/size+1, "no more than there was room for")
			for i := range all {
				if i < n || i >= n+unknown {
					require.NoError(t, told[i], i)
				}
			}
			require.Equal(t, append(span(0, n), span(n+unknown, all)...), numbersStored(srv, "topic"))
			require.Equal(t, n, srv.Conns()[0].Messages)
			require.Equal(t, [2]uint64{uint64(all - unknown), uint64(unknown)}, [2]uint64{p.Stats().Acked, p.Stats().Unknown})
		})
	}
}

// The same by TCP, where the system takes the whole of the small ones at once; so it is a large batch behind them that the reset
// cuts, and it goes again.
func TestAnsweredAndThenResetByTCP(t *testing.T) {
	leak.Check(t)
	const all, large = 100, 16 << 20 // more than the path buffers
	batch := make([][]byte, 16)
	for i := range batch {
		batch[i] = make([]byte, large/len(batch))
	}
	for _, n := range []int{0, 1, 7, 99, 100} {
		srv := wiretest.Config{MaxBodySize: 2 * large, Faults: []wiretest.Fault{answeredAndThenReset(n)}}.NewServer()
		t.Cleanup(srv.Close)
		admits := make(chan struct{}, 2)
		p := newProducer(t, srv.Addr, &actor.Config{MaxBodySize: 2 * large, Dial: heardLate(new(net.Dialer).DialContext, admits)})
		done := publishNumbers(t, p, "topic", 0, all)
		last := make(doneChan, 1)
		require.NoError(t, p.MultiPublishAsync("large", batch, last))
		admits <- struct{}{}
		admits <- struct{}{}
		for i, err := range results(t, done, all) {
			if i < n {
				require.NoError(t, err, "%d of %d", i, n)
			} else {
				require.Equal(t, actor.Unknown, actor.OutcomeOf(err), "%d of %d: %v", i, n, err)
			}
		}
		require.NoError(t, receive(t, last).Error)
		require.Equal(t, span(0, n), numbersStored(srv, "topic"), "and none of them twice")
		require.Equal(t, len(batch), srv.MessageCount("large"))
		require.EqualValues(t, 2, p.Stats().Connections)
		p.Stop()
		srv.Close()
	}
}

// The answers to heartbeats are part of the stream, by whose offsets it is judged what nsqd can have: a publish of which the last
// bytes were not written goes again.
func TestHalfWrittenBehindHeartbeats(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{Dial: tapped(func(conn net.Conn, b []byte) (int, error) {
		if !bytes.HasPrefix(b, []byte("PUB ")) || srv.Stats().Conns > 1 {
			return conn.Write(b)
		}
		n, _ := conn.Write(b[:len(b)-1])
		return n, io.ErrUnexpectedEOF
	})})
	require.NoError(t, p.Ping())
	srv.Heartbeat()
	until(t, "it is answered", func() bool { return srv.Stats().Nops == 1 })
	require.NoError(t, p.Publish("topic", []byte("body")))
	require.EqualValues(t, 2, p.Stats().Connections)
	require.Equal(t, 1, srv.Stats().Messages)
}
