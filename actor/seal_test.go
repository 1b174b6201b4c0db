package actor_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// seals are the ways in which what goes over the wire is not what was encoded.
func seals(a *authority.Authority) map[string]*actor.Config {
	both := encrypted(a)
	both.Deflate = true
	return map[string]*actor.Config{"TLS": encrypted(a), "deflate": {Deflate: true}, "TLS and deflate": both}
}

// cutBehind is a dial hook whose first connection, once it is armed, passes on n bytes and then breaks; in the meantime what was
// said on it is not heard.
type cutBehind struct {
	n      int
	armed  atomic.Bool
	broken atomic.Bool
}

func (c *cutBehind) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil || c.broken.Load() {
		return conn, err
	}
	left := c.n
	return tap{conn, func(conn net.Conn, b []byte) (int, error) {
		if !c.armed.Load() {
			return conn.Write(b)
		}
		passed, err := conn.Write(b[:min(left, len(b))])
		left -= passed
		if err == nil && passed < len(b) {
			c.broken.Store(true)
			conn.Close()
			err = syscall.ECONNRESET
		}
		return passed, err
	}}, nil
}

// Where a sealed write breaks off, all that it may have held is unknown, and nothing that it cannot; with no byte written, and
// for what had not been sealed by then, the publish goes again, and is stored once.
func TestCutInASealedWrite(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, a.Flags(here, time.Hour)...)
	for name, cfg := range seals(a) {
		for _, at := range []int{0, 1, 10, 1000, 70_000, 200_000} {
			topic := fmt.Sprintf("t%x-%d", len(name), at)
			cut := &cutBehind{n: at}
			cfg.Dial = cut.dial
			p := newProducer(t, nsqd.TCPAddr, cfg)
			require.NoError(t, p.Publish(topic, []byte("before")))
			cut.armed.Store(true)
			const all = 60
			bodies := noise(all * 30_000)
			done := make(doneChan, all)
			for i := range all {
				size := 10
				if i%3 == 0 {
					size = 30_000
				}
				require.NoError(t, p.PublishAsync(topic, bodies[i*30_000:i*30_000+size], done, i))
			}
			acked, unknown := uint64(1), uint64(0)
			for i, err := range results(t, done, all) {
				switch actor.OutcomeOf(err) {
				case actor.Acked:
					acked++
				case actor.Unknown:
					require.ErrorIs(t, err, actor.ErrConnectionLost)
					unknown++
				default:
					require.Fail(t, "neither", "%s at %d: %d: %v", name, at, i, err)
				}
			}
			until(t, "the second connection", func() bool { return p.Stats().Connections == 2 })
			if at == 0 {
				require.Zero(t, unknown, "%s: no byte was written", name)
			} else if !cfg.Deflate { // which is so slow that all may be answered but a part of a large one
				require.Positive(t, unknown, name)
			}
			stored := nsqd.MessageCount(topic)
			require.GreaterOrEqual(t, stored, acked, "%s at %d", name, at)
			require.LessOrEqual(t, stored, acked+unknown, "%s at %d", name, at)
			requireBooks(t, p)
			p.Stop()
		}
	}
}

// While nsqd stands still and the socket is full, contexts and Shutdown's bound are kept, and nothing is lost by it: nsqd takes
// all when it goes on.
func TestSealedWriteThatIsBlocked(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, a.Flags(here, time.Hour)...)
	for name, cfg := range seals(a) {
		t.Run(name, func(t *testing.T) {
			cfg.WriteTimeout, cfg.ResponseTimeout, cfg.Dial = patience, patience, nil
			p := newProducer(t, nsqd.TCPAddr, cfg)
			require.NoError(t, p.Publish("topic", []byte("body")))
			nsqd.Pause()
			resumed := false
			defer func() {
				if !resumed {
					nsqd.Resume()
				}
			}()
			done := make(doneChan, 10)
			for range cap(done) {
				require.NoError(t, p.PublishAsync("topic", noise(1<<20), done))
			}
			time.Sleep(100 * time.Millisecond) // the socket fills up
			for _, bound := range []time.Duration{time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
				ctx, cancel := context.WithTimeout(context.Background(), bound)
				err := p.PublishContext(ctx, "topic", []byte("body"))
				end, _ := ctx.Deadline()
				require.Less(t, time.Since(end), lateness)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
				cancel()
			}
			require.Empty(t, done)
			nsqd.Resume()
			for range cap(done) {
				require.NoError(t, receive(t, done).Error)
			}
			require.EqualValues(t, 1, p.Stats().Connections)

			nsqd.Pause()
			for range cap(done) {
				require.NoError(t, p.PublishAsync("topic", noise(1<<20), done))
			}
			time.Sleep(100 * time.Millisecond)
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			tally, err := p.Shutdown(ctx)
			end, _ := ctx.Deadline()
			require.Less(t, time.Since(end), lateness)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.EqualValues(t, 10, tally.NotSent+tally.Unknown)
			require.Positive(t, tally.NotSent)
			nsqd.Resume()
			resumed = true
		})
	}
}

// slowly writes as a path of some 130 kB/s does.
func slowly(conn net.Conn, b []byte) (int, error) {
	time.Sleep(5 * time.Millisecond) // less than the loop gives a write
	n, err := conn.Write(b[:min(len(b), 700)])
	if err == nil && n < len(b) {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// A sealed write that makes no progress for WriteTimeout ends the connection; one that is slow does not, nor does
// ResponseTimeout while it goes on.
func TestSealedWriteThatIsSlow(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, a.Flags(here, time.Hour)...)
	for name, cfg := range seals(a) {
		var slow atomic.Bool
		cfg.Dial = tapped(func(conn net.Conn, b []byte) (int, error) {
			if !slow.Load() {
				return conn.Write(b)
			}
			return slowly(conn, b)
		})
		cfg.WriteTimeout, cfg.ResponseTimeout = 500*time.Millisecond, 500*time.Millisecond
		p := newProducer(t, nsqd.TCPAddr, cfg)
		require.NoError(t, p.Publish("topic", []byte("body")))
		slow.Store(true)
		began := time.Now()
		require.NoError(t, p.Publish("topic", noise(200_000)), name)
		require.Greater(t, time.Since(began), time.Second, "longer than either bound")
		require.EqualValues(t, 1, p.Stats().Connections)
		p.Stop()
	}
}

// ResponseTimeout runs from when the kernel has the whole of what was sealed, as it does for a plain connection.
func TestSealedAndNotAnswered(t *testing.T) {
	leak.Check(t)
	const timeout = 200 * time.Millisecond
	a := authority.New(t)
	for name, cfg := range seals(a) {
		srv := upgrading(t, a, wiretest.OnPublish(2).Conn(1).Silence())
		cfg.ResponseTimeout = timeout
		p := newProducer(t, srv.Addr, cfg)
		require.NoError(t, p.Publish("topic", []byte("answered")))
		began := time.Now()
		err := receive(t, started(func() error { return p.Publish("topic", []byte("body")) }))
		took := time.Since(began)
		require.ErrorContains(t, err, "ResponseTimeout", name)
		require.ErrorIs(t, err, actor.ErrConnectionLost, name)
		require.Equal(t, actor.Unknown, actor.OutcomeOf(err), name)
		require.GreaterOrEqual(t, took, timeout, name)
		require.Less(t, took, timeout+lateness, name)
		require.NoError(t, p.Publish("topic", []byte("behind it")), name)
	}
}
