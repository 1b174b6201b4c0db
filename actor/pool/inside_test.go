package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
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

// Who has left the pool stays in its times: nothing that is read of them again and again may shrink.
func TestAckTimesOfWhoLeftThePool(t *testing.T) {
	var reg register
	c := newCrew(t, 2, nil, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond), pool.WithMode(pool.Primary))
	reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
	for range 3 {
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	before := c.AckTimes()
	reg.set(nil, c.nsqds[1].Addr)
	require.Eventually(t, func() bool { return c.Stats().Gone.Acked == 3 }, patience, time.Millisecond)
	require.Equal(t, before, c.AckTimes())
	require.NoError(t, c.Publish("t", []byte("x")))
	after := c.AckTimes()
	require.EqualValues(t, 4, after.Count())
}

func TestConnect(t *testing.T) {
	c := newCrew(t, 2, nil, nil)
	c.nsqds[0].CloseListener()
	require.NoError(t, c.Connect(within(t)))
	require.NoError(t, c.nsqds[1].WaitConns(within(t), 1))
	c.Stop()
	require.Equal(t, actor.ErrStopped, c.Connect(within(t)))
}
