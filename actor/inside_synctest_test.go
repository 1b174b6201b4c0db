//go:build go1.25

package actor_test

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// What Stats shows of a producer whose nsqd takes a second for each answer.
func TestGauges(t *testing.T) {
	slow := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Busy(time.Second)}
	clock(t, slow, actor.Config{FoldMessages: 256}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		require.NoError(t, p.Ping())
		synctest.Wait()
		s := p.Stats()
		require.Zero(t, s.Queued+s.InFlight+s.Batches+s.Commands)
		require.Zero(t, s.Oldest)
		require.Equal(t, 2, s.Window)
		done := make(doneChan, 100)
		publish := func(topic string) {
			require.NoError(t, p.PublishAsync(topic, []byte("body"), done))
		}
		publish("a") // goes out at once
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		publish("b") // the second batch, which closes the window
		synctest.Wait()
		for range 3 {
			publish("c")
			publish("d")
		}
		synctest.Wait()
		s = p.Stats()
		require.EqualValues(t, 8, s.Pending)
		require.Equal(t, 8, p.Pending())
		require.EqualValues(t, 2, s.InFlight)
		require.EqualValues(t, 6, s.Queued)
		require.EqualValues(t, 2, s.Batches)
		require.InDelta(t, 100*time.Millisecond, s.Oldest, float64(time.Millisecond))
		h := p.AckTimes()
		require.Zero(t, h.Count())

		time.Sleep(901 * time.Millisecond) // a is answered: the others go out
		synctest.Wait()
		s = p.Stats()
		require.EqualValues(t, 1, s.Acked)
		require.EqualValues(t, 7, s.InFlight)
		require.Zero(t, s.Queued)
		require.EqualValues(t, 3, s.Batches)
		require.EqualValues(t, 4, s.Commands, "a, b, and two folds")
		require.InDelta(t, 901*time.Millisecond, s.Oldest, float64(time.Millisecond))

		time.Sleep(3 * time.Second)
		synctest.Wait()
		s = p.Stats()
		require.EqualValues(t, 8, s.Acked)
		require.Zero(t, s.InFlight)
		require.Zero(t, s.Oldest)
		require.Greater(t, s.Window, 2, "the path seems long")
		h = p.AckTimes()
		require.EqualValues(t, 8, h.Count())
		require.InEpsilon(t, time.Second, h.Quantile(0), 0.25)
		require.InEpsilon(t, 3*time.Second, h.Quantile(1), 0.25)
		require.InDelta(t, 1+1.9+3*2+3*3, h.Sum(), 0.001, "a, b, three each of c and d")

		p.Stop()
		require.Zero(t, p.Stats().Window, "there is no connection")
	})
}

// Who waits for a connection does not hold up Stop, whoever asks.
func TestStopEndsConnect(t *testing.T) {
	clock(t, nil, actor.Config{WaitConnected: true}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		srv.CloseListener()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		ended := make(chan error, 3)
		go func() { ended <- p.Connect(context.Background()) }()
		go func() { ended <- p.Connect(ctx) }()
		go func() { ended <- p.PingContext(ctx) }()
		synctest.Wait()
		pause, _ := took(func() error { p.Stop(); return nil })
		require.Zero(t, pause)
		for range 3 {
			require.Equal(t, actor.ErrStopped, <-ended)
		}
	})
}

// An acknowledgement counts in the times although its caller has left, and been told that nobody knows.
func TestAckTimesOfWhoLeft(t *testing.T) {
	slow := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Busy(time.Second)}
	clock(t, slow, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		require.NoError(t, p.Ping())
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		require.Equal(t, actor.Unknown, actor.OutcomeOf(p.PublishContext(ctx, "topic", []byte("body"))))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h := p.AckTimes()
		require.EqualValues(t, 1, h.Count())
		require.InDelta(t, 1, h.Sum(), 0.001)
		require.Zero(t, p.Stats().Acked)
		require.EqualValues(t, 1, p.Stats().Unknown)
	})
}

// Connect waits for nsqd, over failing attempts, and for nothing longer than its context.
func TestConnect(t *testing.T) {
	clock(t, nil, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		srv.CloseListener()
		require.ErrorIs(t, p.Ping(), actor.ErrNotConnected)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		pause, err := took(func() error { return p.Connect(ctx) })
		require.Equal(t, &actor.Error{Op: "Ping", Addr: p.String(), Outcome: actor.NotSent, Err: context.DeadlineExceeded}, err)
		require.Equal(t, time.Minute, pause)
		require.ErrorIs(t, p.Stats().LastError, syscall.ECONNREFUSED)
		time.AfterFunc(time.Minute, func() { srv.Listen() })
		pause, err = took(func() error { return p.Connect(context.Background()) })
		require.NoError(t, err)
		require.GreaterOrEqual(t, pause, time.Minute)
		require.LessOrEqual(t, pause, time.Minute+5*time.Second, "the pause between two attempts is 5 s at most")
		require.NoError(t, p.Publish("topic", []byte("body")))
		p.Stop()
		require.Equal(t, actor.ErrStopped, p.Connect(context.Background()))
	})
}
