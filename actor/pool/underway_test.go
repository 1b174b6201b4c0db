package pool_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
)

// A call that waits for its second nsqd's answer is one publish, not two.
func TestCallAtItsSecondNsqdCountsOnce(t *testing.T) {
	c := newCrew(t, 2, nil, nil, pool.WithMode(pool.Primary))
	c.nsqds[0].CloseListener()
	c.nsqds[1].Stall()
	result := make(chan error)
	go func() { result <- c.Publish("t", []byte("x")) }()
	require.Eventually(t, func() bool { return c.Stats().Nodes[1].Submitted == 1 }, patience, time.Millisecond)
	s := c.Stats()
	assert.EqualValues(t, 1, s.Submitted)
	assert.EqualValues(t, 1, s.Pending)
	c.nsqds[1].Resume()
	require.NoError(t, <-result)
	s = c.Stats()
	assert.EqualValues(t, 1, s.Submitted)
	assert.EqualValues(t, 1, s.Moved)
	requireAddsUp(t, s)
}

// While publishes fail and are moved on as fast as they can be, no figure is negative, and none that counts goes down.
func TestFiguresUnderWay(t *testing.T) {
	for _, async := range []bool{false, true} {
		t.Run(fmt.Sprintf("async %v", async), func(t *testing.T) {
			c := newCrew(t, 3, &actor.Config{BackoffMin: time.Millisecond, BackoffMax: time.Millisecond}, nil, pool.WithConnections(8))
			for _, srv := range c.nsqds {
				srv.CloseListener()
			}
			quit := make(chan struct{})
			var callers sync.WaitGroup
			for range 8 {
				start(&callers, func() {
					for {
						select {
						case <-quit:
							return
						default:
						}
						if async && !assert.NoError(t, c.PublishAsync("t", []byte("x"), nil)) ||
							!async && !assert.ErrorIs(t, c.Publish("t", []byte("x")), actor.ErrNotConnected) {
							return
						}
					}
				})
			}
			last := c.Stats()
			for end := time.Now().Add(time.Second); time.Now().Before(end); {
				s := c.Stats()
				require.Equal(t, s.Submitted, s.NotSent+s.Pending)
				require.Less(t, s.Pending, uint64(1<<32), "%+v", s.Stats)
				require.GreaterOrEqual(t, s.Submitted, last.Submitted)
				require.GreaterOrEqual(t, s.NotSent, last.NotSent)
				last = s
			}
			close(quit)
			callers.Wait()
			require.NotZero(t, c.Stats().Moved)
			require.NoError(t, c.Flush(within(t)))
			require.Zero(t, c.Stats().Pending)
			requireAddsUp(t, c.Stats())
		})
	}
}

// Flush keeps to its context while publishes go on failing everywhere, and is through when they cease.
func TestFlushWhileAllFail(t *testing.T) {
	c := newCrew(t, 3, nil, nil)
	for _, srv := range c.nsqds {
		srv.CloseListener()
	}
	quit := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		start(&callers, func() {
			for {
				select {
				case <-quit:
					return
				default:
					c.PublishAsync("t", []byte("x"), nil)
				}
			}
		})
	}
	require.Eventually(t, func() bool { return c.Stats().NotSent > 1000 }, patience, time.Millisecond)
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := c.Flush(ctx); err != nil {
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, actor.Unknown, actor.OutcomeOf(err))
	}
	assert.Less(t, time.Since(began), 5*time.Second)
	close(quit)
	callers.Wait()
	require.NoError(t, c.Flush(within(t)))
	require.Zero(t, c.Stats().Pending)
}
