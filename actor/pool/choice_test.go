package pool_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

func TestLeastPendingSpreads(t *testing.T) {
	c := newCrew(t, 3, nil, nil)
	for range 3000 {
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	counts := c.stored()
	require.Equal(t, 3000, sum(counts))
	for _, n := range counts {
		assert.Greater(t, n, 800, "%v", counts)
	}
	requireAddsUp(t, c.Stats())
}

// An nsqd that answers nothing has as many publishes pending as the others at most, whoever publishes.
func TestLeastPendingAvoidsTheSlow(t *testing.T) {
	c := newCrew(t, 3, &actor.Config{MaxPending: 1000}, [][]wiretest.Fault{{wiretest.OnPublish(1).Stall()}})
	done := make(chan *actor.Transaction, 10_000)
	most := uint64(0)
	for range 10_000 {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
		s := c.Stats()
		others := max(s.Nodes[1].Pending, s.Nodes[2].Pending)
		require.LessOrEqual(t, s.Nodes[0].Pending, max(most, others)+1)
		most = max(most, others)
	}
	for range 10_000 - c.Stats().Nodes[0].Pending {
		require.NoError(t, (<-done).Error)
	}
	c.nsqds[0].Resume()
	require.NoError(t, c.Flush(within(t)))
	require.Equal(t, 10_000, sum(c.stored()))
}

func TestPrimary(t *testing.T) {
	c := newCrew(t, 3, nil, nil, pool.WithMode(pool.Primary), pool.WithConnections(2))
	publish := func(n int) {
		var all sync.WaitGroup
		for range 8 {
			all.Add(1)
			go func() {
				defer all.Done()
				for range n / 8 {
					assert.NoError(t, c.Publish("t", []byte("x")))
				}
			}()
		}
		all.Wait()
	}
	publish(800)
	require.Equal(t, []int{800, 0, 0}, c.stored())
	for _, conn := range c.nsqds[0].Conns() {
		assert.Greater(t, conn.Messages, 100, "both connections are used")
	}
	c.nsqds[0].CloseListener()
	c.nsqds[0].CloseAll()
	require.Eventually(t, func() bool { return c.Stats().Nodes[0].Breaker == state.Broken }, patience, time.Millisecond)
	publish(800)
	require.Equal(t, []int{800, 800, 0}, c.stored())
	require.NoError(t, c.nsqds[0].Listen())
	require.Eventually(t, func() bool {
		publish(8)
		return c.Stats().Nodes[0].Breaker == state.Trusted
	}, patience, time.Millisecond, "it is used again by itself")
	before := c.stored()
	publish(80)
	require.Equal(t, before[0]+80, c.stored()[0])
	require.Len(t, c.Stats().Nodes, 3)
	requireAddsUp(t, c.Stats())
}

func TestKeys(t *testing.T) {
	c := newCrew(t, 4, nil, nil)
	home := map[string]int{}
	place := func(key string) int {
		before := c.stored()
		require.NoError(t, c.ForKey(key).Publish("t", []byte("x")))
		for i, n := range c.stored() {
			if n > before[i] {
				return i
			}
		}
		return -1
	}
	load := make([]int, 4)
	for i := range 400 {
		key := fmt.Sprint("key", i)
		home[key] = place(key)
		load[home[key]]++
	}
	for _, n := range load {
		assert.Greater(t, n, 50, "keys spread: %v", load)
	}
	for key, at := range home {
		require.Equal(t, at, place(key))
	}
	gone := 3 // the last that is looked at
	c.nsqds[gone].CloseListener()
	c.nsqds[gone].CloseAll()
	require.Eventually(t, func() bool { return c.Stats().Nodes[gone].Breaker == state.Broken }, patience, time.Millisecond)
	asked := c.Stats().Nodes[gone].Submitted
	for key, at := range home {
		now := place(key)
		if at == gone {
			require.NotEqual(t, gone, now)
		} else {
			require.Equal(t, at, now, "only the keys of the lost one move")
		}
	}
	require.Equal(t, asked, c.Stats().Nodes[gone].Submitted, "the lost one is not even asked")
	require.NoError(t, c.nsqds[gone].Listen())
	require.Eventually(t, func() bool { return c.Stats().Nodes[gone].Breaker != state.Broken }, patience, time.Millisecond)
	for key, at := range home {
		require.Equal(t, at, place(key), "and come back")
	}
}

func TestKeyKeepsOrder(t *testing.T) {
	c := newCrew(t, 3, nil, nil, pool.WithConnections(3))
	done := make(chan *actor.Transaction, 3000)
	for i := range 3000 {
		require.NoError(t, c.ForKey("one").PublishAsync("t", name(i), done, i))
	}
	for range 3000 {
		require.NoError(t, (<-done).Error)
	}
	var stored []wiretest.Message
	for _, srv := range c.nsqds {
		stored = append(stored, srv.Messages()...)
	}
	require.Len(t, stored, 3000)
	for i, m := range stored {
		require.Equal(t, fmt.Sprintf("m%06d", i), string(m.Body[:7]))
		require.Equal(t, stored[0].Conn, m.Conn)
	}
}

// Which nsqd is full does not matter as long as another has room.
func TestTry(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{MaxPending: 10}, nil)
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	done := make(chan *actor.Transaction, 100)
	for i := range 20 {
		require.NoError(t, c.TryPublishAsync("t", []byte("x"), done, i), "publish %d", i)
	}
	require.Equal(t, actor.ErrFull, c.TryPublishAsync("t", []byte("x"), done))
	require.Equal(t, actor.ErrFull, c.ForKey("k").TryPublishAsync("t", []byte("x"), done))
	for _, srv := range c.nsqds {
		srv.Resume()
	}
	seen := map[any]bool{}
	for range 20 {
		r := <-done
		require.NoError(t, r.Error)
		seen[r.Args[0]] = true
	}
	require.Len(t, seen, 20)
}
