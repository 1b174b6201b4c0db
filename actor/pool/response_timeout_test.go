package pool_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
)

// With a ResponseTimeout below the callers' deadline, what a stopped nsqd was given and was not written is acknowledged by another
// one in time, and what was written is unknown.
func TestResponseTimeoutBelowTheDeadline(t *testing.T) {
	const n = 300 // more bytes than the kernels take for a process that does not read
	body := make([]byte, 64<<10)
	c := newCrew(t, 2, &actor.Config{ResponseTimeout: 300 * time.Millisecond, WriteTimeout: 10 * time.Second}, nil, pool.WithMode(pool.Primary))
	require.NoError(t, c.Publish("t", []byte("x")))
	c.nsqds[0].Freeze()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	ended := make(chan error, n)
	for range n {
		go func() { ended <- c.PublishContext(ctx, "t", body) }()
	}
	outcomes := map[actor.Outcome]int{}
	for range n {
		err := <-ended
		outcomes[actor.OutcomeOf(err)]++
		assert.False(t, errors.Is(err, context.DeadlineExceeded), "%v", err)
	}
	require.NotZero(t, outcomes[actor.Unknown])
	require.NotZero(t, outcomes[actor.Acked])
	require.Equal(t, n, outcomes[actor.Unknown]+outcomes[actor.Acked])
	require.NotZero(t, c.Stats().Moved)
}

// The figures of a pool's Stats that are no sums.
func TestStatsThatAreNoSums(t *testing.T) {
	c := newCrew(t, 2, nil, nil)
	require.Equal(t, state.Idle, c.Stats().Phase)
	c.nsqds[0].CloseListener()
	require.Eventually(t, func() bool { return c.Ping() == nil && c.Stats().Nodes[0].Link == state.Down }, patience, time.Millisecond)
	s := c.Stats()
	require.Equal(t, state.Up, s.Link)
	require.ErrorContains(t, s.LastError, c.nsqds[0].Addr)
	require.Nil(t, s.Nodes[1].LastError)
	require.Equal(t, state.Live, s.Phase)

	c.nsqds[1].Stall()
	require.NoError(t, c.PublishAsync("t", []byte("x"), nil))
	require.Eventually(t, func() bool { return c.Stats().Oldest > 0 }, patience, time.Millisecond)
	require.Zero(t, c.Stats().Nodes[0].Oldest)
	c.nsqds[1].Resume()
	c.Stop()
	require.Equal(t, state.Closed, c.Stats().Phase)
}
