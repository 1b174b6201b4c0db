package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// The pool's acknowledgement times are those of all its members.
func TestAckTimesOfAllMembers(t *testing.T) {
	slow := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Delay(20 * time.Millisecond)}
	c := newCrew(t, 2, nil, [][]wiretest.Fault{slow})
	none := c.AckTimes()
	require.Zero(t, none.Count())
	done := make(chan *actor.Transaction, 200)
	for range cap(done) {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
	}
	for range cap(done) {
		require.NoError(t, (<-done).Error)
	}
	times := c.AckTimes()
	assert.EqualValues(t, c.Stats().Acked, times.Count())
	assert.GreaterOrEqual(t, times.Quantile(1), 20*time.Millisecond, "the slow one's are in it")
	for i, n := range c.stored() {
		assert.Positive(t, n, "nsqd %d", i)
	}
}

func TestConnect(t *testing.T) {
	c := newCrew(t, 2, nil, nil)
	c.nsqds[0].CloseListener()
	require.NoError(t, c.Connect(within(t)))
	require.NoError(t, c.nsqds[1].WaitConns(within(t), 1))
	c.Stop()
	require.Equal(t, actor.ErrStopped, c.Connect(within(t)))
}
