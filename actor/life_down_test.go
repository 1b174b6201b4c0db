package actor_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

func requireDown(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, actor.ErrNotConnected)
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "the dial's own error is inside")
	require.NotErrorIs(t, err, actor.ErrConnectionLost)
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
}

// While nsqd is down every form fails at once, and the producer comes back by itself.
func TestDown(t *testing.T) {
	leak.Check(t)
	srv := newInMemory(t)
	srv.CloseListener()
	p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial, BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond})
	ctx, body := testContext(t), []byte("body")
	done := make(chan *actor.Transaction, 4)
	for range 3 {
		for _, form := range forms {
			requireDown(t, form.call(p, ctx, body))
			requireDown(t, form.call(p, context.Background(), body))
		}
		require.NoError(t, p.PublishAsync("topic", body, done), "accepted")
		requireDown(t, receive(t, done).Error)
		requireDown(t, p.Ping())
		require.NoError(t, p.Flush(ctx))
	}
	require.Equal(t, state.Down, p.Stats().Link)
	require.Zero(t, p.Stats().Connections)
	requireBooks(t, p)

	require.NoError(t, srv.Listen())
	until(t, "the producer has connected without being asked", func() bool { return p.Stats().Link == state.Up })
	require.NoError(t, p.Publish("topic", body))
	require.Equal(t, 1, srv.Stats().Messages)
	require.EqualValues(t, 1, p.Stats().Connections)
}

// A loss is followed by an attempt at once, for which publishes wait; only if that fails, too, is the producer down.
func TestDownAfterALoss(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	require.NoError(t, p.Ping())
	for range 5 {
		connections := p.Stats().Connections
		srv.CloseAll()
		until(t, "another connection", func() bool { return p.Stats().Connections > connections })
		require.NoError(t, p.Publish("topic", []byte("body")))
	}
	srv.CloseListener()
	srv.CloseAll()
	until(t, "the producer is down", func() bool { return p.Stats().Link == state.Down })
	requireDown(t, p.Publish("topic", []byte("body")))
}

func TestWaitConnected(t *testing.T) {
	leak.Check(t)
	srv := newInMemory(t)
	srv.CloseListener()
	p := newProducer(t, srv.Addr, &actor.Config{WaitConnected: true, BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond,
		Dial: srv.Dial})
	ctx, body := testContext(t), []byte("body")
	waiting := make(chan error, 4)
	for _, form := range forms {
		go func() { waiting <- form.call(p, ctx, body) }()
	}
	go func() { waiting <- p.PingContext(ctx) }()
	waitingCallers(t, 4)
	requireDown(t, p.Publish("topic", body))
	requireDown(t, p.PublishContext(context.Background(), "topic", body))
	requireDown(t, p.Ping())
	done := make(chan *actor.Transaction, 1)
	require.NoError(t, p.PublishAsyncContext(ctx, "topic", body, done))
	requireDown(t, receive(t, done).Error)
	require.NoError(t, p.PublishAsyncContext(ctx, "topic", body, done))
	requireDown(t, receive(t, done).Error)
	bounded(t, actor.NotSent, func(ctx context.Context) error { return p.PublishContext(ctx, "topic", body) })
	require.Empty(t, waiting)

	require.NoError(t, srv.Listen())
	for range cap(waiting) {
		require.NoError(t, receive(t, waiting))
	}
	require.Equal(t, 3, srv.MessageCount("topic"))
	requireBooks(t, p)
}

// A call that may wait for a connection outlives any number of failed and lost ones, where others have their three.
func TestWaitConnectedOutlivesLosses(t *testing.T) {
	leak.Check(t)
	var faults []wiretest.Fault
	for n := 1; n <= 9; n += 3 {
		faults = append(faults, wiretest.OnByte(100_000).Conn(n).Reset(), wiretest.OnByte(100_000).Conn(n+1).Close(),
			wiretest.OnIdentify().Conn(n+2).Close())
	}
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			srv := newDouble(t, faults...)
			cfg := &actor.Config{WaitConnected: true, Dial: srv.Dial, BackoffMin: time.Millisecond, BackoffMax: time.Millisecond}
			p := newProducer(t, srv.Addr, cfg)
			require.NoError(t, form.call(p, testContext(t), make([]byte, 1<<20)))
			require.Len(t, srv.Messages(), 1)
			require.Equal(t, 10, srv.Messages()[0].Conn)
			require.EqualValues(t, 7, p.Stats().Connections)
			requireBooks(t, p)
		})
	}
}

// With RetryUnknown nothing that was accepted is lost while the producer lives, at the price of doubles.
func TestRetryUnknown(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnPublish(4).Conn(1).Stall())
	door := newBarrier()
	p := newProducer(t, srv.Addr, &actor.Config{RetryUnknown: true, Dial: door.dial, DialTimeout: patience})
	done := publishNumbers(t, p, "topic", 0, 10)
	door.open()
	require.NoError(t, srv.WaitMessages(testContext(t), 10))
	results(t, done, 3)
	srv.ResetAll()
	for i, err := range results(t, done, 7) {
		require.NoError(t, err, i)
	}
	require.Equal(t, append(span(0, 10), span(3, 10)...), numbersStored(srv, "topic"), "the seven twice, and in order")
}

// What may be stored already is unknown however it ends, unless it is acked: also by an end that otherwise means not sent.
func TestRetryUnknownKeepsItsDoubts(t *testing.T) {
	leak.Check(t)
	body := []byte("body")
	doubtful := func(t *testing.T, err error) {
		t.Helper()
		require.Equal(t, actor.Unknown, actor.OutcomeOf(err), "%v", err)
		for _, certain := range []error{actor.ErrNotConnected, actor.ErrStopped, actor.ErrFull} {
			require.NotErrorIs(t, err, certain, "implies not sent")
		}
	}
	// lost publishes one message that is stored and not answered, and loses the connection; the next attempt waits.
	lost := func(t *testing.T, ctx context.Context) (*actor.Producer, *wiretest.Server, *turnstile, <-chan error) {
		srv := newDouble(t, wiretest.OnPublish(1).Conn(1).Silence(), wiretest.OnPublish(1).Conn(1).Answered().Close())
		gate := newTurnstile()
		cfg := gate.config(srv)
		cfg.RetryUnknown = true
		p := newProducer(t, srv.Addr, cfg)
		result := started(func() error { return p.PublishContext(ctx, "topic", body) })
		gate.admit()
		receive(t, gate.asked)
		receive(t, gate.asked)
		require.Equal(t, 1, srv.Stats().Messages)
		return p, srv, gate, result
	}
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		p, srv, gate, result := lost(t, ctx)
		cancel()
		err := receive(t, result)
		require.ErrorIs(t, err, context.Canceled)
		doubtful(t, err)
		gate.admit()
		require.NoError(t, p.Publish("other", body))
		require.Equal(t, 1, srv.MessageCount("topic"), "not sent again once it was given up")
	})
	t.Run("refused the second time", func(t *testing.T) {
		_, srv, gate, result := lost(t, context.Background())
		srv.Add(wiretest.OnPublish(1).Error("E_PUB_FAILED", "exiting"))
		gate.admit()
		doubtful(t, receive(t, result))
	})
	t.Run("down", func(t *testing.T) {
		_, srv, gate, result := lost(t, context.Background())
		srv.CloseListener()
		gate.admit()
		err := receive(t, result)
		require.ErrorContains(t, err, "connection refused")
		doubtful(t, err)
	})
	t.Run("stopped", func(t *testing.T) {
		p, _, _, result := lost(t, context.Background())
		over, cancel := context.WithCancel(context.Background())
		cancel()
		tally, err := p.Shutdown(over)
		require.Error(t, err)
		require.Equal(t, actor.Tally{Unknown: 1}, tally)
		doubtful(t, receive(t, result))
	})
	t.Run("out of attempts", func(t *testing.T) {
		srv := newDouble(t, wiretest.OnPublish(1).Silence(), wiretest.OnPublish(1).Answered().Reset())
		p := newProducer(t, srv.Addr, &actor.Config{RetryUnknown: true})
		err := receive(t, started(func() error { return p.Publish("topic", body) }))
		require.ErrorIs(t, err, actor.ErrConnectionLost)
		doubtful(t, err)
		require.Equal(t, 3, srv.Stats().Messages)
	})
	t.Run("half written the second time", func(t *testing.T) {
		srv := newDouble(t, wiretest.OnPublish(1).Conn(1).Silence(), wiretest.OnPublish(1).Conn(1).Answered().Close())
		srv.Add(wiretest.OnByte(100_000).Conn(2).Do(srv.CloseListener), wiretest.OnByte(100_000).Conn(2).Reset())
		p := newProducer(t, srv.Addr, &actor.Config{RetryUnknown: true, Dial: srv.Dial})
		err := receive(t, started(func() error { return p.Publish("topic", make([]byte, 1<<20)) }))
		require.ErrorContains(t, err, "connection refused")
		doubtful(t, err)
		require.Equal(t, 1, srv.Stats().Messages)
	})
	t.Run("acked in the end", func(t *testing.T) {
		p, srv, gate, result := lost(t, context.Background())
		gate.admit()
		require.NoError(t, receive(t, result))
		require.Equal(t, 2, srv.MessageCount("topic"))

		srv.CloseListener()
		srv.CloseAll()
		gate.admit()
		until(t, "the producer is down", func() bool { return p.Stats().Link == state.Down })
		for range 20 {
			requireDown(t, p.Publish("topic", body)) // nothing of the doubts is left, in whatever is used again
		}
	})
}
