package actor_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

// flushing starts a Flush and returns when n of them wait. It counts callers who wait for the loop, so that meanwhile nobody
// may publish but asynchronously.
func flushing(t *testing.T, p *actor.Producer, ctx context.Context, n int) <-chan error {
	t.Helper()
	flush := started(func() error { return p.Flush(ctx) })
	eventually(t, func() bool { return leak.GoroutinesIn("(*Producer).await") == n }, fmt.Sprintf("%d wait", n))
	return flush
}

func TestFlushOfNothing(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	before := len(leak.Goroutines())
	require.NoError(t, p.Flush(context.Background()), "never used")
	require.Equal(t, before, len(leak.Goroutines()))
	require.Equal(t, state.Idle, p.Stats().Phase)
	require.Zero(t, srv.Stats().Conns)

	require.NoError(t, p.Publish("t", []byte("x")))
	srv.Freeze()
	require.NoError(t, p.Flush(testContext(t)), "idle: asks nsqd nothing")
	srv.Resume()
	require.Equal(t, 2, srv.Stats().Commands, "IDENTIFY and PUB")
	p.Stop()
	for range 3 {
		require.NoError(t, p.Flush(context.Background()), "stopped")
	}
	unused := newProducer(t, srv.Addr, nil)
	unused.Stop()
	require.NoError(t, unused.Flush(context.Background()), "stopped and never used")
}

// TestFlushWaitsForWhatWasBefore it and for nothing else: the first publish is answered, the second, later one is not.
func TestFlushWaitsForWhatWasBefore(t *testing.T) {
	leak.Check(t)
	release := make(chan struct{})
	srv := newDouble(t, wiretest.OnPublish(1).Do(func() { <-release }), wiretest.OnPublish(2).Stall())
	p := newProducer(t, srv.Addr, nil)
	require.NoError(t, p.PublishAsync("t", []byte("before"), nil))
	flush := flushing(t, p, context.Background(), 1)
	require.NoError(t, p.PublishAsync("t", []byte("after"), nil))
	second := flushing(t, p, context.Background(), 2)
	require.Empty(t, flush)
	close(release)
	require.NoError(t, receive(t, flush))
	s := p.Stats()
	require.Equal(t, [2]uint64{1, 1}, [2]uint64{s.Acked, s.Pending})
	require.NoError(t, srv.WaitMessages(testContext(t), 2))
	require.Empty(t, second)
	srv.Resume()
	require.NoError(t, receive(t, second))
	require.Zero(t, p.Stats().Pending)
}

// TestFlushAmongSteadyTraffic: each of many who publish and flush finds all of his own stored, and none waits for the others,
// who never pause.
func TestFlushAmongSteadyTraffic(t *testing.T) {
	leak.Check(t)
	const flushers, rounds, each, traffic = 4, 12, 5, 3
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	over := make(chan struct{})
	var busy []<-chan error
	for range traffic {
		busy = append(busy, started(func() error {
			for {
				select {
				case <-over:
					return nil
				default:
				}
				if err := p.PublishAsync("traffic", []byte("x"), nil); err != nil {
					return err
				}
			}
		}))
	}
	var flushed []<-chan error
	for i := range flushers {
		flushed = append(flushed, started(func() error {
			topic := fmt.Sprintf("mine-%d", i)
			for round := 1; round <= rounds; round++ {
				for range each {
					if err := p.PublishAsync(topic, []byte("x"), nil); err != nil {
						return err
					}
				}
				if err := p.Flush(context.Background()); err != nil {
					return err
				}
				if n := srv.MessageCount(topic); n != round*each {
					return fmt.Errorf("%d of %d stored when Flush returned", n, round*each)
				}
			}
			return nil
		}))
	}
	for _, f := range flushed {
		require.NoError(t, receive(t, f))
	}
	close(over)
	for _, b := range busy {
		require.NoError(t, receive(t, b))
	}
	require.NoError(t, p.Flush(testContext(t)))
	s := p.Stats()
	require.Equal(t, s.Submitted, s.Acked)
	require.EqualValues(t, s.Acked, srv.Stats().Messages)
}

// TestFlushEndsWithItsContext, with nsqd stalled, and with an attempt to connect that does not come to an end. What it waited
// for goes on.
func TestFlushEndsWithItsContext(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	dialling := make(chan struct{})
	for _, dial := range []func(context.Context, string, string) (net.Conn, error){
		nil,
		func(ctx context.Context, network, addr string) (net.Conn, error) {
			select {
			case <-dialling:
				return (&net.Dialer{}).DialContext(ctx, network, addr)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	} {
		p := newProducer(t, srv.Addr, &actor.Config{Dial: dial, DialTimeout: time.Minute})
		if dial == nil {
			require.NoError(t, p.Ping())
			srv.Stall()
		}
		require.NoError(t, p.PublishAsync("t", []byte("x"), nil))
		short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		began := time.Now()
		requireFlushError(t, p, p.Flush(short), context.DeadlineExceeded)
		require.Less(t, time.Since(began), 20*time.Millisecond+lateness)
		requireFlushError(t, p, p.Flush(short), context.DeadlineExceeded) // over before the call, with something pending
		require.EqualValues(t, 1, p.Stats().Pending)

		ctx, cancel := context.WithCancel(context.Background())
		flush := flushing(t, p, ctx, 1)
		other := flushing(t, p, context.Background(), 2)
		cancel()
		requireFlushError(t, p, receive(t, flush), context.Canceled)
		require.Empty(t, other)
		if dial == nil {
			srv.Resume()
		} else {
			close(dialling)
		}
		require.NoError(t, receive(t, other))
		require.EqualValues(t, 1, p.Stats().Acked)
	}
}

func requireFlushError(t *testing.T, p *actor.Producer, err, cause error) {
	t.Helper()
	require.ErrorIs(t, err, cause)
	require.Equal(t, &actor.Error{Op: "Flush", Addr: p.String(), Outcome: actor.Unknown, Err: cause}, err)
}

// TestFlushAndThoseWhoLeave: who gives up waiting has his outcome, written or not, and a Flush returns that waited for him,
// although nsqd answers nothing. One publish that nobody has left holds it up.
func TestFlushAndThoseWhoLeave(t *testing.T) {
	leak.Check(t)
	const callers = 40
	for _, one := range []bool{false, true} {
		srv := newDouble(t)
		p := newProducer(t, srv.Addr, &actor.Config{ResponseTimeout: time.Hour}) // no timer may help
		require.NoError(t, p.Ping())
		srv.Stall()
		ctx, cancel := context.WithCancel(context.Background())
		var calls []<-chan error
		for i := range callers {
			calls = append(calls, started(func() error { return p.PublishContext(ctx, "t", []byte("x")) }))
			if i < 2 { // two writes may be unanswered: the rest waits
				require.NoError(t, srv.WaitMessages(testContext(t), i+1))
			}
		}
		eventually(t, func() bool { return leak.GoroutinesIn("(*Producer).await") == callers }, "all publish")
		if one {
			require.NoError(t, p.PublishAsync("t", []byte("y"), nil))
		}
		first := flushing(t, p, context.Background(), callers+1)
		second := flushing(t, p, context.Background(), callers+2)
		cancel()
		for _, call := range calls {
			require.ErrorIs(t, receive(t, call), context.Canceled)
		}
		if one {
			require.Error(t, p.Flush(ctx))
			require.Empty(t, first)
			require.Empty(t, second)
			srv.Resume()
		}
		require.NoError(t, receive(t, first))
		require.NoError(t, receive(t, second))
		require.NoError(t, p.Flush(testContext(t)))
		s := p.Stats()
		require.Zero(t, s.Pending)
		require.EqualValues(t, 2, s.Unknown, "written")
		require.EqualValues(t, callers-2, s.NotSent)
		requireBooks(t, p)
	}
}

// TestFlushesAtOnce lets many wait for one answer, some of them for less long than it takes.
func TestFlushesAtOnce(t *testing.T) {
	leak.Check(t)
	const n = 60
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	require.NoError(t, p.Ping())
	srv.Stall()
	require.NoError(t, p.PublishAsync("t", []byte("x"), nil))
	ctx, cancel := context.WithCancel(context.Background())
	var stay, leave []<-chan error
	for range n {
		stay = append(stay, started(func() error { return p.Flush(context.Background()) }))
		leave = append(leave, started(func() error { return p.Flush(ctx) }))
	}
	eventually(t, func() bool { return leak.GoroutinesIn("(*Producer).await") == 2*n }, "all wait")
	cancel()
	for _, f := range leave {
		requireFlushError(t, p, receive(t, f), context.Canceled)
	}
	srv.Resume()
	for _, f := range stay {
		require.NoError(t, receive(t, f))
	}
	require.EqualValues(t, 1, p.Stats().Acked)
}

// TestFlushAndLaterOnesThatEndFirst: with nsqd down, one waits for a connection, and those after it that do not fail at once.
func TestFlushAndLaterOnesThatEndFirst(t *testing.T) {
	leak.Check(t)
	srv := newInMemory(t)
	srv.CloseListener()
	p := newProducer(t, srv.Addr, &actor.Config{WaitConnected: true, BackoffMin: time.Millisecond, BackoffMax: 5 * time.Millisecond,
		Dial: srv.Dial})
	ctx := testContext(t)
	call := started(func() error { return p.PublishContext(ctx, "t", []byte("x")) })
	eventually(t, func() bool { return p.Stats().Link == state.Down }, "down")
	flush := flushing(t, p, context.Background(), 2)
	for range 5 {
		require.ErrorIs(t, p.Publish("t", []byte("y")), actor.ErrNotConnected)
	}
	require.EqualValues(t, 1, p.Stats().Pending)
	require.Empty(t, flush)
	require.NoError(t, srv.Listen())
	require.NoError(t, receive(t, call))
	require.NoError(t, receive(t, flush))
	s := p.Stats()
	require.Equal(t, [2]uint64{1, 5}, [2]uint64{s.Acked, s.NotSent})
}

// TestFlushWhileItStops: callers leave, and the bound of Shutdown ends, by one and the same context. A Flush that waits for
// them returns, whichever comes first.
func TestFlushWhileItStops(t *testing.T) {
	leak.Check(t)
	const rounds, callers = 30, 20
	for range rounds {
		srv := newDouble(t)
		p := newProducer(t, srv.Addr, nil)
		require.NoError(t, p.Ping())
		srv.Stall()
		ctx, cancel := context.WithCancel(context.Background())
		var calls []<-chan error
		for range callers {
			calls = append(calls, started(func() error { return p.PublishContext(ctx, "t", []byte("x")) }))
		}
		eventually(t, func() bool { return leak.GoroutinesIn("(*Producer).await") == callers }, "all publish")
		before := flushing(t, p, context.Background(), callers+1)
		shutdown := started(func() error { _, err := p.Shutdown(ctx); return err })
		eventually(t, func() bool { return p.Stats().Phase == state.Draining }, "draining")
		during := flushing(t, p, context.Background(), callers+2)
		cancel()
		receive(t, shutdown)
		for _, call := range calls {
			require.Error(t, receive(t, call))
		}
		require.NoError(t, receive(t, before))
		require.NoError(t, receive(t, during))
		require.Zero(t, p.Stats().Pending)
		srv.Close()
	}
}

// TestFlushDoesNotWaitForReaders, not even when the producer waits for them to stop: every publish has its outcome by then.
func TestFlushDoesNotWaitForReaders(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	done := make(doneChan)
	publishMany(t, p, done, 0, 10)
	require.NoError(t, p.Flush(testContext(t)))
	stopped := started(func() error { _, err := p.Shutdown(context.Background()); return err })
	eventually(t, func() bool { return p.Stats().Phase == state.Closed }, "nothing is accepted any more")
	short, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := p.Flush(short)
	require.Empty(t, stopped)
	readAll(t, done, 0, 10)
	require.NoError(t, receive(t, stopped))
	require.NoError(t, err)
}
