package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
)

// Who waits for a member that can be had is woken by one that joins.
func TestWaitingCallIsWokenByANewMember(t *testing.T) {
	var reg register
	c := newCrew(t, 2, &actor.Config{WaitConnected: true}, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond))
	_ = c
	dead, alive := c.nsqds[0], c.nsqds[1]
	dead.CloseListener()
	reg.set(nil, dead.Addr)
	p := newPool(t, []string{dead.Addr}, &actor.Config{WaitConnected: true}, pool.WithResolver(reg.resolve, 10*time.Millisecond))
	result := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	go func() { result <- p.PublishContext(ctx, "t", []byte("x")) }()
	require.Eventually(t, func() bool { return p.Stats().Nodes[0].Breaker == state.Broken }, patience, time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	reg.set(nil, dead.Addr, alive.Addr)
	require.NoError(t, <-result)
}

// Ping of a fresh pool whose nsqd is away, under WaitConnected.
func TestPingWaitsForOneThatCanBeHad(t *testing.T) {
	c := newCrew(t, 1, &actor.Config{WaitConnected: true}, nil)
	c.nsqds[0].CloseListener()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.PingContext(ctx), context.DeadlineExceeded)
}

// A call that waits is pending.
func TestWaitingCallIsPending(t *testing.T) {
	c := newCrew(t, 1, &actor.Config{WaitConnected: true}, nil)
	c.nsqds[0].CloseListener()
	result := make(chan error, 1)
	go func() { result <- c.PublishContext(within(t), "t", []byte("x")) }()
	c.breaker(t, state.Broken)
	time.Sleep(50 * time.Millisecond)
	s := c.Stats()
	assert.EqualValues(t, 1, s.Pending, "%+v", s.Stats)
	assert.Zero(t, s.NotSent)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, c.Flush(ctx), context.DeadlineExceeded)
	require.NoError(t, c.nsqds[0].Listen())
	require.NoError(t, <-result)
}

// Async publisher waiting for room at a broken member when another becomes better.
func TestWaitsForRoomAtABrokenOne(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{MaxPending: 10, ResponseTimeout: 10 * time.Second, BackoffMax: 100 * time.Millisecond}, nil)
	done := make(chan *actor.Transaction, 1000)
	for c.Stats().Nodes[0].Acked == 0 || c.Stats().Nodes[1].Acked == 0 {
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	for range 20 {
		require.NoError(t, c.TryPublishAsync("t", []byte("x"), done))
	}
	require.Eventually(t, func() bool {
		n := c.Stats().Nodes
		return n[0].Breaker == state.Broken && n[1].Breaker == state.Broken
	}, patience, time.Millisecond)
	results := make(chan error, 20)
	for range 20 {
		go func() { results <- c.PublishAsync("t", []byte("x"), done) }()
	}
	time.Sleep(20 * time.Millisecond)
	began := time.Now()
	c.nsqds[1].Resume()
	for i := range 20 {
		select {
		case err := <-results:
			require.NoError(t, err)
		case <-time.After(4 * time.Second):
			c.nsqds[0].Resume()
			t.Fatalf("%d of 20 accepted after %v, although %s has room and is %v", i, time.Since(began), c.nsqds[1].Addr, c.Stats().Nodes[1].Breaker)
		}
	}
	c.nsqds[0].Resume()
}

// Who waits for a connection hears of the pool's end.
func TestShutdownEndsTheWaiting(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{WaitConnected: true}, nil)
	for _, srv := range c.nsqds {
		srv.CloseListener()
	}
	results := make(chan error, 2)
	go func() { results <- c.PublishContext(within(t), "t", []byte("x")) }()
	go func() { results <- c.ForKey("k").PublishContext(within(t), "t", []byte("x")) }()
	c.breaker(t, state.Broken)
	time.Sleep(10 * time.Millisecond) // they wait; nothing tells that from outside
	began := time.Now()
	_, err := c.Shutdown(within(t))
	require.NoError(t, err)
	require.Equal(t, actor.ErrStopped, <-results)
	require.Equal(t, actor.ErrStopped, <-results)
	assert.Less(t, time.Since(began), time.Second)
}

// An answer of the resolver's that changes nothing wakes nobody.
func TestSameAnswerWakesNobody(t *testing.T) {
	var reg register
	c := newCrew(t, 2, &actor.Config{WaitConnected: true, BackoffMin: time.Minute}, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond))
	reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
	for _, srv := range c.nsqds {
		srv.CloseListener()
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	result := make(chan error)
	go func() { result <- c.PublishContext(ctx, "t", []byte("x")) }()
	require.Eventually(t, func() bool { return c.Stats().Moved >= 2 }, patience, time.Millisecond)
	for range 5 {
		reg.asked(t)
	}
	assert.LessOrEqual(t, c.Stats().Moved, uint64(3), "it goes on to wait")
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)
}
