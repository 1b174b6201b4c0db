package actor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

// This file is about what a transaction must forget before it serves another caller.

// Each publish may lose a connection, whatever the one before it has lost.
func TestLossesAreNotInherited(t *testing.T) {
	leak.Check(t)
	const publishes = 8
	var faults []wiretest.Fault
	for n := range publishes {
		faults = append(faults, wiretest.OnByte(100_000).Conn(2*n+1).Reset())
	}
	srv := newDouble(t, faults...)
	p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial, MaxAttempts: 2})
	require.NoError(t, p.Ping())
	body := make([]byte, 1<<20)
	for n := range publishes {
		require.NoError(t, p.Publish("topic", body), "publish %d", n+1)
		require.EqualValues(t, 2*n+2, p.Stats().Connections)
		srv.CloseAll()
		until(t, "the next connection", func() bool { return p.Stats().Connections == uint64(2*n+3) })
	}
	require.Equal(t, publishes, srv.MessageCount("topic"))
}

// An asynchronous publish does not wait for a connection because the call before it would have.
func TestWaitingIsNotInherited(t *testing.T) {
	leak.Check(t)
	srv := newInMemory(t)
	p := newProducer(t, srv.Addr, &actor.Config{WaitConnected: true, BackoffMin: time.Millisecond, BackoffMax: time.Millisecond,
		Dial: srv.Dial})
	done := make(doneChan, 1)
	for range 8 {
		require.NoError(t, p.PublishContext(testContext(t), "topic", []byte("body")))
		srv.CloseListener()
		srv.CloseAll()
		until(t, "the producer is down", func() bool { return p.Stats().Link == state.Down })
		require.NoError(t, p.PublishAsync("topic", []byte("body"), done))
		result := receive(t, done)
		require.ErrorIs(t, result.Error, actor.ErrNotConnected)
		result.Release()
		require.NoError(t, srv.Listen())
	}
}
