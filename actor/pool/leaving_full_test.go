package pool_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
)

// What comes back from an nsqd that has left, when the only other one is broken and full, waits there, and does so asleep.
func TestMoverOfOneThatHasLeftWaitsAsleep(t *testing.T) {
	var reg register
	c := newCrew(t, 2, &actor.Config{MaxPending: 4, RetryUnknown: true, ResponseTimeout: 10 * time.Second}, nil,
		pool.WithResolver(reg.resolve, 10*time.Millisecond))
	reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
	for c.Stats().Nodes[0].Acked == 0 || c.Stats().Nodes[1].Acked == 0 {
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	done := make(chan *actor.Transaction, 8)
	for range 8 {
		require.NoError(t, c.TryPublishAsync("t", []byte("x"), done))
	}
	other := c.nsqds[1].Addr
	require.Eventually(t, func() bool { return node(c.Stats(), other).Breaker == state.Broken }, patience, time.Millisecond)
	reg.set(nil, other)
	require.Eventually(t, func() bool { return c.String() == other }, patience, time.Millisecond)
	reg.set(nil) // answers that are none change nothing
	c.nsqds[0].CloseListener()
	c.nsqds[0].CloseAll()
	require.Eventually(t, func() bool {
		n := node(c.Stats(), c.nsqds[0].Addr)
		return n.HandedBack == 4 && n.Phase == state.Closed
	}, patience, time.Millisecond)
	awake := 0
	for range 50 {
		runtime.Gosched()
		for _, stack := range leak.Goroutines() {
			state, _, _ := strings.Cut(stack, "\n")
			if strings.Contains(stack, ".rehome(") && strings.Contains(state, "[run") { // running or runnable
				awake++
			}
		}
		time.Sleep(time.Millisecond)
	}
	require.Less(t, awake, 25)
	time.Sleep(200 * time.Millisecond) // twice what a member that has ended lingers
	require.NotNil(t, node(c.Stats(), c.nsqds[0].Addr), "it is not gone before what it had has found its place")
	c.nsqds[1].Resume()
	for range 8 {
		require.NoError(t, (<-done).Error)
	}
}
