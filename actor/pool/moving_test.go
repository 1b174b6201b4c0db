package pool_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
)

// Handed-back publishes beyond MaxPendingBytes.
func TestHandedBackBytesAreBounded(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{MaxPendingBytes: 1 << 20, ResponseTimeout: 10 * time.Second}, nil)
	for c.Stats().Nodes[1].Acked == 0 {
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	c.nsqds[0].CloseListener()
	c.nsqds[0].CloseAll()
	c.nsqds[1].Stall()
	accepted := 0
	body := make([]byte, 256<<10)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 1000 {
			if c.PublishAsync("t", body, nil) != nil {
				return
			}
			accepted++
		}
	}()
	select {
	case <-ended:
	case <-time.After(3 * time.Second):
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	s := c.Stats()
	held := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) >> 20
	t.Logf("%d accepted, Pending %d, PendingBytes %d; heap +%d MiB", accepted, s.Pending, s.PendingBytes, held)
	assert.LessOrEqual(t, s.Pending*uint64(len(body)), uint64(3<<20), "two members, of MaxPendingBytes each, and what is on its way")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c.Shutdown(ctx)
	<-ended
}

// A mover does not wait at a stopped one while another has room.
func TestMoverWaitsForWhoeverHasRoom(t *testing.T) {
	for round := range 30 { // which one it waits at is drawn
		c := newCrew(t, 3, &actor.Config{MaxPending: 10, ResponseTimeout: 10 * time.Second, RetryUnknown: true}, nil)
		done := make(chan *actor.Transaction, 1000)
		acked := func(i int) bool { return c.Stats().Nodes[i].Acked > 0 }
		for !acked(0) || !acked(1) || !acked(2) {
			require.NoError(t, c.Publish("t", []byte("x")))
		}
		for _, srv := range c.nsqds {
			srv.Stall()
		}
		for range 30 {
			require.NoError(t, c.TryPublishAsync("t", []byte("x"), done))
		}
		c.nsqds[0].CloseListener()
		c.nsqds[0].CloseAll()
		require.Eventually(t, func() bool { return c.Stats().Nodes[0].HandedBack == 10 }, patience, time.Millisecond)
		time.Sleep(20 * time.Millisecond) // the mover waits; nothing tells that from outside
		t.Logf("%+v", c.Stats())
		began := time.Now()
		c.nsqds[2].Resume()
		for c.Stats().Moved < 10 && time.Since(began) < 3*time.Second {
			time.Sleep(time.Millisecond)
		}
		s := c.Stats()
		c.nsqds[1].Resume()
		require.EqualValues(t, 10, s.Moved, "round %d: %v after the third had room: %+v", round, time.Since(began), s.Nodes)
		c.Stop()
	}
}

// What the only other nsqd has no room for at the moment waits for it, and does not come back to the broken one until its
// attempts are used up.
func TestMovedWaitsForRoom(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{MaxPending: 4, RetryUnknown: true}, nil)
	for c.Stats().Connections < 2 {
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	done := make(chan *actor.Transaction, 8)
	for range 8 {
		require.NoError(t, c.TryPublishAsync("t", []byte("x"), done))
	}
	c.nsqds[0].CloseListener()
	c.nsqds[0].CloseAll()
	require.Eventually(t, func() bool { return c.Stats().Nodes[0].HandedBack >= 4 }, patience, time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	c.nsqds[1].Resume()
	for range 8 {
		require.NoError(t, (<-done).Error, "the other one is well, and has room")
	}
}

// A call tries as many nsqds as there are, although MaxAttempts is less.
func TestTriesThemAll(t *testing.T) {
	for range 5 {
		c := newCrew(t, 6, &actor.Config{MaxAttempts: 1}, nil, pool.WithMode(pool.Primary))
		for _, srv := range c.nsqds[:5] {
			srv.CloseListener()
		}
		require.NoError(t, c.Publish("t", []byte("x")))
		require.Equal(t, 1, c.nsqds[5].MessageCount("t"))
		c.Stop()
	}
}

// One with a key has no other nsqd.
func TestTryWithAKeyStaysAtItsNsqd(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{MaxPending: 10}, nil)
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	done := make(chan *actor.Transaction, 100)
	for range 10 {
		require.NoError(t, c.ForKey("k").TryPublishAsync("t", []byte("x"), done))
	}
	require.Equal(t, actor.ErrFull, c.ForKey("k").TryPublishAsync("t", []byte("x"), done))
	require.NoError(t, c.TryPublishAsync("t", []byte("x"), done))
	for _, srv := range c.nsqds {
		srv.Resume()
	}
}

// Results of what could not be moved on any more are dropped where nobody reads them, and counted.
func TestShutdownDropsWhatIsOnItsWay(t *testing.T) {
	c := newCrew(t, 3, &actor.Config{MaxPending: 4, RetryUnknown: true, ResponseTimeout: 10 * time.Second}, nil)
	for c.Stats().Connections < 3 {
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	done := make(chan *actor.Transaction)
	for range 12 {
		require.NoError(t, c.TryPublishAsync("t", []byte("x"), done))
	}
	c.nsqds[0].CloseListener()
	c.nsqds[0].CloseAll()
	require.Eventually(t, func() bool { return c.Stats().Nodes[0].HandedBack >= 4 }, patience, time.Millisecond)
	s := c.Stats()
	require.EqualValues(t, 12, s.Pending, "those that are handed back too: %+v", s)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	tally, err := c.Shutdown(ended)
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 12, tally.Undelivered)
	require.EqualValues(t, 12, tally.Unknown+tally.NotSent)
	s = c.Stats()
	require.EqualValues(t, tally.Unknown, s.Unknown)
	require.EqualValues(t, tally.NotSent, s.NotSent)
	requireAddsUp(t, s)
}

// What Stats shows while publishes are pending.
func TestStatsShowWhatIsPending(t *testing.T) {
	c := newCrew(t, 2, nil, nil, pool.WithConnections(2))
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	done := make(chan *actor.Transaction)
	for range 10 {
		require.NoError(t, c.PublishAsync("t", make([]byte, 100), done))
	}
	s := c.Stats()
	require.EqualValues(t, 10, s.Pending)
	require.EqualValues(t, 1000, s.PendingBytes)
	for _, srv := range c.nsqds {
		srv.Resume()
	}
	require.NoError(t, c.Flush(within(t)))
	require.Eventually(t, func() bool { return c.Stats().Undelivered == 10 }, patience, time.Millisecond)
	for range 10 {
		<-done
	}
	require.Eventually(t, func() bool { return c.Stats().Undelivered == 0 }, patience, time.Millisecond)
}
