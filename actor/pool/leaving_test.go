package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A member that leaves with results nobody has read yet keeps them for their readers.
func TestLeavingMemberKeepsResults(t *testing.T) {
	var reg register
	c := newCrew(t, 2, nil, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond), pool.WithMode(pool.Primary))
	reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
	done := make(chan *actor.Transaction)
	for range 10 {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
	}
	require.NoError(t, c.Flush(within(t)))
	reg.set(nil, c.nsqds[1].Addr)
	require.Eventually(t, func() bool {
		return len(c.Stats().Nodes) == 2 && c.Stats().Nodes[1].Leaving || len(c.Stats().Nodes) == 1
	}, patience, time.Millisecond)
	time.Sleep(5500 * time.Millisecond)
	t.Logf("%+v", c.Stats())
	for i := range 10 {
		select {
		case <-done:
		case <-time.After(time.Second):
			tally, err := c.Shutdown(context.Background())
			t.Fatalf("%d results of 10; tally %+v, %v", i, tally, err)
		}
	}
}

// A member that leaves, and cannot end what it has: calls of a pool that lives on.
func TestLeavingMemberThatIsStopped(t *testing.T) {
	var reg register
	c := newCrew(t, 2, &actor.Config{ResponseTimeout: 10 * time.Second}, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond), pool.WithMode(pool.Primary))
	reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
	require.NoError(t, c.Publish("t", []byte("x")))
	c.nsqds[0].Stall()
	done := make(chan *actor.Transaction, 100)
	results := make(chan error, 100)
	for range 10 {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
	}
	for range 10 {
		go func() { results <- c.Publish("t", []byte("x")) }()
	}
	require.Eventually(t, func() bool { return c.Stats().Submitted == 21 }, patience, time.Millisecond)
	for range 10 {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done)) // behind them: not written
	}
	reg.set(nil, c.nsqds[1].Addr)
	for range 20 {
		err := (<-done).Error
		assert.NotEqual(t, actor.ErrStopped, err, "the pool is not stopped")
	}
	told := map[actor.Outcome]int{}
	for range 10 {
		err := <-results
		told[actor.OutcomeOf(err)]++
		assert.NotEqual(t, actor.ErrStopped, err)
	}
	require.Eventually(t, func() bool { return len(c.Stats().Nodes) == 1 }, patience, time.Millisecond)
	t.Log(told)
	assert.EqualValues(t, 31, c.Stats().Submitted, "%+v", c.Stats())
}

// Flush counts what those who have left handed back.
func TestFlushBehindOneThatHasLeft(t *testing.T) {
	var reg register
	c := newCrew(t, 2, nil, [][]wiretest.Fault{{wiretest.OnAccept().Close()}},
		pool.WithResolver(reg.resolve, 10*time.Millisecond), pool.WithMode(pool.Primary))
	reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
	done := make(chan *actor.Transaction, 1)
	require.NoError(t, c.PublishAsync("t", []byte("x"), done))
	require.NoError(t, (<-done).Error)
	require.NotZero(t, c.Stats().Moved)
	reg.set(nil, c.nsqds[1].Addr)
	require.Eventually(t, func() bool { return len(c.Stats().Nodes) == 1 }, patience, time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	require.NoError(t, c.Flush(ctx))
	_, err := c.Shutdown(ctx)
	require.NoError(t, err)
}

// A member that is lost while it leaves hands back what it has.
func TestLostWhileItLeaves(t *testing.T) {
	var reg register
	c := newCrew(t, 2, &actor.Config{RetryUnknown: true}, nil,
		pool.WithResolver(reg.resolve, 10*time.Millisecond), pool.WithMode(pool.Primary))
	reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
	require.NoError(t, c.Publish("t", []byte("x")))
	c.nsqds[0].Stall()
	done := make(chan *actor.Transaction, 20)
	for range 20 {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
	}
	reg.set(nil, c.nsqds[1].Addr)
	require.Eventually(t, func() bool {
		n := node(c.Stats(), c.nsqds[0].Addr)
		return n != nil && n.Leaving
	}, patience, time.Millisecond)
	c.nsqds[0].CloseListener()
	c.nsqds[0].CloseAll()
	for range 20 {
		require.NoError(t, (<-done).Error)
	}
	require.Equal(t, 20, c.nsqds[1].MessageCount("t"))
}

// Results at a member that is leaving are dropped with all others when Shutdown's bound is over, and counted with them.
func TestShutdownCountsResultsOfLeavingMembers(t *testing.T) {
	for range 20 {
		var reg register
		c := newCrew(t, 2, nil, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond), pool.WithMode(pool.Primary))
		reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
		done := make(chan *actor.Transaction)
		for range 10 {
			require.NoError(t, c.PublishAsync("t", []byte("x"), done))
		}
		require.NoError(t, c.Flush(within(t)))
		reg.set(nil, c.nsqds[1].Addr)
		require.Eventually(t, func() bool {
			s := c.Stats()
			return s.Nodes[len(s.Nodes)-1].Leaving
		}, patience, time.Millisecond)
		c.nsqds[1].Stall()
		require.NoError(t, c.PublishAsync("t", []byte("x"), nil)) // so that Shutdown waits
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		tally, err := c.Shutdown(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualValues(t, 10, tally.Undelivered)
		require.EqualValues(t, 1, tally.NotSent+tally.Unknown)
	}
}
