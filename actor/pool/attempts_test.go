package pool_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
)

// MaxAttempts is the pool's: so many members are tried, some twice where there are fewer; and never fewer than there are.
func TestMaxAttempts(t *testing.T) {
	for _, c := range []struct{ attempts, members, tried int }{{0, 2, 3}, {1, 2, 2}, {1, 1, 1}, {2, 2, 2}, {5, 2, 5}, {2, 4, 4}} {
		crew := newCrew(t, c.members, &actor.Config{MaxAttempts: c.attempts}, nil)
		for _, srv := range crew.nsqds {
			srv.CloseListener()
		}
		require.ErrorIs(t, crew.Publish("t", []byte("x")), actor.ErrNotConnected, "%+v", c)
		require.EqualValues(t, c.tried-1, crew.Stats().Moved, "%+v", c)
	}
}

// The most addresses are 1,024, whoever names them.
func TestMostAddresses(t *testing.T) {
	var addrs []string
	for i := range 1025 {
		addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", 1+i))
	}
	p, err := pool.New(addrs[:1024], nil)
	require.NoError(t, err)
	p.Stop()
	p, err = pool.New(addrs, nil)
	require.EqualError(t, err, "nsq pool: 1025 addresses, must be at most 1024")
	require.Nil(t, p)
}

// Who waits until some nsqd can be had again learns that the pool was stopped, whatever moment of the search that comes at.
func TestStopEndsTheSearch(t *testing.T) {
	for round := range 20 {
		c := newCrew(t, 2, &actor.Config{WaitConnected: true}, nil)
		for _, srv := range c.nsqds {
			srv.CloseListener()
		}
		results := make(chan error, 10)
		for range 10 {
			go func() { results <- c.PublishContext(within(t), "t", []byte("x")) }()
		}
		if round%2 == 0 { // all of them have failed at each nsqd by then
			require.Eventually(t, func() bool { return c.Stats().Moved >= 20 }, patience, time.Millisecond)
		}
		time.Sleep(time.Duration(round) * 200 * time.Microsecond)
		began := time.Now()
		c.Stop()
		for range 10 {
			err := <-results
			require.True(t, err == actor.ErrStopped || errors.Is(err, actor.ErrNotConnected), "%v", err)
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
		}
		require.Less(t, time.Since(began), patience/2)
		requireAddsUp(t, c.Stats())
	}
}
