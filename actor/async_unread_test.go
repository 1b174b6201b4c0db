package actor_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest"
)

// This file is about done channels that nobody reads, or reads late.

// couriers waits until there are n of them. One that has just been started is not seen before it runs.
func couriers(t *testing.T, n int) {
	t.Helper()
	eventually(t, func() bool { return leak.GoroutinesIn("actor.(*Producer).courier") == n }, fmt.Sprintf("%d couriers", n))
}

// publishMany publishes n messages with numbers from first on, all to one done channel.
func publishMany(t *testing.T, p *actor.Producer, done doneChan, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		require.NoError(t, p.PublishAsync("t", fmt.Appendf(nil, "%d", i), done, i))
	}
}

// readAll reads n results and requires them to be those from first on, in order and acked.
func readAll(t *testing.T, done doneChan, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		tr := receive(t, done)
		require.NoError(t, tr.Error)
		require.Equal(t, []any{i}, tr.Args)
		tr.Release()
	}
	require.Empty(t, done)
}

func undelivered(t *testing.T, p *actor.Producer, want int) {
	t.Helper()
	eventually(t, func() bool { return p.Stats().Undelivered == uint64(want) }, fmt.Sprintf("%d undelivered", want))
}

// TestStuckChannels has one channel that is full from the beginning, one without a buffer and one that becomes full. Nobody
// reads them, and everything else goes on: heartbeats, publishes, Flush, and in the end Shutdown, which drops what nobody took.
func TestStuckChannels(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{HeartbeatInterval: time.Second})
	full, unbuffered, short := make(doneChan, 1), make(doneChan), make(doneChan, 3)
	full <- nil
	ctx := testContext(t)
	for i := range 20 {
		for _, done := range []doneChan{full, unbuffered, short} {
			publishMany(t, p, done, i, 1)
		}
		require.NoError(t, p.PublishContext(ctx, "t", []byte("x")))
	}
	require.NoError(t, p.Flush(ctx))
	undelivered(t, p, 57) // results follow outcomes, which Flush waits for
	couriers(t, 3)
	s := p.Stats()
	require.Equal(t, [2]uint64{80, 80}, [2]uint64{s.Submitted, s.Acked})

	require.NoError(t, srv.Wait(ctx, func(s wiretest.Stats) bool { return s.Nops >= 2 }), "heartbeats are answered")
	require.NoError(t, p.Publish("t", []byte("x")))
	require.NoError(t, p.Ping())
	require.NoError(t, p.Flush(ctx))
	require.Equal(t, 1, srv.Stats().Conns)

	const bound = 30 * time.Millisecond
	short3, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	began := time.Now()
	tally, err := p.Shutdown(short3)
	took := time.Since(began)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, actor.Tally{Undelivered: 57}, tally)
	require.GreaterOrEqual(t, took, bound, "readers have had their time")
	require.Less(t, took, bound+lateness)
	require.Zero(t, p.Stats().Undelivered)
	require.Len(t, full, 1)
	readAll(t, short, 0, 3) // what was delivered is there, and nothing comes any more
	require.EqualValues(t, 81, srv.Stats().Messages)
	requireBooks(t, p)
}

// TestOneCourier: a channel that is behind costs one goroutine, however many results there are, and none when it has caught up.
func TestOneCourier(t *testing.T) {
	leak.Check(t)
	const n = 3000
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	require.NoError(t, p.Ping())
	before := len(leak.Goroutines())
	a, b := make(doneChan), make(doneChan, 10)
	for range 3 {
		publishMany(t, p, a, 0, n)
		undelivered(t, p, n)
		couriers(t, 1)
		require.Equal(t, before+1, len(leak.Goroutines()))
		publishMany(t, p, b, 0, 10) // which has room
		require.NoError(t, p.Flush(testContext(t)))
		couriers(t, 1)
		publishMany(t, p, b, 10, 1)
		undelivered(t, p, n+1)
		couriers(t, 2)
		readAll(t, a, 0, n)
		readAll(t, b, 0, 11)
		eventually(t, func() bool { return len(leak.Goroutines()) == before }, "no courier is left")
		undelivered(t, p, 0)
	}
}

// TestReadLate reads what was left unread through everything that can happen to it, while more keeps coming: each is there
// once, in order, and says what is true.
func TestReadLate(t *testing.T) {
	const n = 600
	srv := newDouble(t, wiretest.OnPublish(100).Through(101).Error("E_BAD_MESSAGE", "no"), wiretest.OnPublish(250).Overall().Answered().Reset())
	p := newProducer(t, srv.Addr, nil)
	done := make(doneChan, 5)
	publishMany(t, p, done, 0, n/2)
	require.NoError(t, p.Flush(testContext(t)))
	more := started(func() error {
		for i := n / 2; i < n; i++ {
			if err := p.PublishAsync("t", fmt.Appendf(nil, "%d", i), done, i); err != nil {
				return err
			}
		}
		return nil
	})
	outcomes := make(map[actor.Outcome]int)
	stored := make(map[int]actor.Outcome)
	for i := range n {
		tr := receive(t, done)
		require.Equal(t, []any{i}, tr.Args)
		outcome := actor.OutcomeOf(tr.Error)
		outcomes[outcome]++
		stored[i] = outcome
		tr.Release()
	}
	require.NoError(t, receive(t, more))
	require.Empty(t, done)
	times := make(map[int]int)
	for _, m := range srv.Messages() {
		var i int
		_, err := fmt.Sscan(string(m.Body), &i)
		require.NoError(t, err)
		times[i]++
	}
	for i, outcome := range stored {
		switch outcome {
		case actor.Acked:
			require.Equal(t, 1, times[i], "%d: %v", i, outcome)
		case actor.Refused, actor.NotSent:
			require.Zero(t, times[i], "%d: %v", i, outcome)
		default:
			require.LessOrEqual(t, times[i], 1, "%d: %v", i, outcome)
		}
	}
	require.NotZero(t, outcomes[actor.Refused])
	s := p.Stats()
	require.Equal(t, [4]int{int(s.Acked), int(s.Refused), int(s.NotSent), int(s.Unknown)},
		[4]int{outcomes[actor.Acked], outcomes[actor.Refused], outcomes[actor.NotSent], outcomes[actor.Unknown]})
	requireBooks(t, p)
}

// TestUnreadIsBounded: with MaxPending results unread, asynchronous publishes to any channel wait, or say so, until one is
// read. What waits for no reader goes on.
func TestUnreadIsBounded(t *testing.T) {
	leak.Check(t)
	const bound = 8
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: bound})
	a, b := make(doneChan), make(doneChan, bound+2)
	publishMany(t, p, a, 0, bound)
	require.NoError(t, p.Flush(testContext(t)))
	undelivered(t, p, bound)
	require.Zero(t, p.Stats().Pending, "they hold none of the room")

	x := []byte("x")
	require.True(t, p.TryPublishAsync("t", x, a) == actor.ErrFull)
	require.True(t, p.TryPublishAsync("t", x, b) == actor.ErrFull, "one bound for all channels")
	first := started(func() error { return p.PublishAsync("t", x, a, bound) })
	standing(t, 1)
	second := started(func() error { return p.PublishAsync("t", x, b, bound+1) })
	standing(t, 2)

	for range 3 * bound {
		require.NoError(t, p.Publish("t", x))
		require.NoError(t, p.MultiPublish("t", [][]byte{x, x}))
		require.NoError(t, p.PublishAsync("t", x, nil))
	}
	require.NoError(t, p.Flush(testContext(t)))
	require.True(t, p.TryPublishAsync("t", x, b) == actor.ErrFull)
	require.Empty(t, first)
	require.Empty(t, second)

	require.Equal(t, []any{0}, receive(t, a).Args)
	require.NoError(t, receive(t, first), "served first")
	require.Empty(t, second)
	require.Equal(t, []any{1}, receive(t, a).Args)
	require.NoError(t, receive(t, second))
	require.Equal(t, []any{bound + 1}, receive(t, b).Args)
	readAll(t, a, 2, bound-1)
	eventually(t, func() bool { return p.TryPublishAsync("t", x, b) == nil }, "room again")
	receive(t, b)
	undelivered(t, p, 0)
	requireBooks(t, p)
}

// TestReadChannelIsNotHeldUp by another that is stuck.
func TestReadChannelIsNotHeldUp(t *testing.T) {
	leak.Check(t)
	const n = 2000
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	stuck, read := make(doneChan), make(doneChan)
	publishing := started(func() error {
		for i := range n {
			for _, done := range []doneChan{stuck, read} {
				if err := p.PublishAsync("t", []byte("x"), done, i); err != nil {
					return err
				}
			}
		}
		return nil
	})
	readAll(t, read, 0, n)
	require.NoError(t, receive(t, publishing))
	undelivered(t, p, n)
	readAll(t, stuck, 0, n)
}

// TestStopWaitsForReaders, and returns as soon as all has been read. It ends the waits of those who wait for readers.
func TestStopWaitsForReaders(t *testing.T) {
	leak.Check(t)
	const n = 100
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: n})
	done := make(doneChan)
	publishMany(t, p, done, 0, n)
	waiting := started(func() error { return p.PublishAsync("t", []byte("x"), done) })
	standing(t, 1)
	began := time.Now()
	stopped := started(func() time.Duration { p.Stop(); return time.Since(began) })
	require.True(t, receive(t, waiting) == actor.ErrStopped)
	require.NoError(t, p.Flush(testContext(t))) // it has done with the connection, and waits for readers alone
	readAll(t, done, 0, n-1)
	require.Empty(t, stopped, "one is unread")
	readAll(t, done, n-1, 1)
	require.Less(t, receive(t, stopped), 2*time.Second, "not the whole bound")
	tally, err := p.Shutdown(testContext(t))
	require.NoError(t, err)
	require.Zero(t, tally.Undelivered)
}

// TestShutdownWithAnEndedContext drops at once what is unread and not what is delivered; outcomes are counted all the same.
func TestShutdownWithAnEndedContext(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	done := make(doneChan, 4)
	publishMany(t, p, done, 0, 4)
	eventually(t, func() bool { return len(done) == 4 }, "all delivered")
	srv.Stall()
	publishMany(t, p, done, 4, 6)
	require.NoError(t, srv.WaitMessages(testContext(t), 5))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	tally, err := p.Shutdown(over)
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 6, tally.Unknown+tally.NotSent, "%+v", tally)
	require.NotZero(t, tally.Unknown)
	require.Equal(t, actor.Tally{NotSent: tally.NotSent, Unknown: tally.Unknown, Undelivered: 6}, tally)
	require.LessOrEqual(t, srv.Stats().Messages, 4+int(tally.Unknown), "what is said to be not sent is not stored")
	readAll(t, done, 0, 4)
	requireBooks(t, p)
}

// TestUnreadManyChannels: many publishers and channels, some read late and some at once, each sees its own in order.
func TestUnreadManyChannels(t *testing.T) {
	leak.Check(t)
	const channels, n = 12, 150
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: channels * n})
	var read []<-chan []int
	for c := range channels {
		done := make(doneChan, c%4)
		published := started(func() error {
			for i := range n {
				if err := p.PublishAsync("t", []byte("x"), done, i); err != nil {
					return err
				}
			}
			return nil
		})
		read = append(read, started(func() (seen []int) {
			if c%2 == 0 && <-published != nil {
				return nil
			}
			for range n {
				tr := <-done
				if tr.Error == nil {
					seen = append(seen, tr.Args[0].(int))
				}
				tr.Release()
			}
			return seen
		}))
	}
	for _, r := range read {
		seen := receive(t, r)
		require.Len(t, seen, n)
		require.True(t, slices.IsSorted(seen), "%v", seen)
	}
	undelivered(t, p, 0)
	require.EqualValues(t, channels*n, p.Stats().Acked)
}

// TestShutdownCutsOffIntoRoom delivers what the end of the bound has ended, and who has read it may close the channel.
func TestShutdownCutsOffIntoRoom(t *testing.T) {
	leak.Check(t)
	const n = 300
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: n})
	require.NoError(t, p.Ping())
	srv.Stall()
	done := make(doneChan, n)
	publishMany(t, p, done, 0, n)
	require.NoError(t, srv.WaitMessages(testContext(t), 1))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	tally, err := p.Shutdown(over)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, actor.Tally{NotSent: tally.NotSent, Unknown: n - tally.NotSent}, tally)
	close(done)
	var told actor.Tally
	for result := range done {
		switch actor.OutcomeOf(result.Error) {
		case actor.NotSent:
			told.NotSent++
		case actor.Unknown:
			told.Unknown++
		}
	}
	require.Equal(t, tally, told)
}
