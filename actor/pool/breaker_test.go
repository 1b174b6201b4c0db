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
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// breaker waits until the first nsqd's breaker is that.
func (c crew) breaker(t *testing.T, want state.Breaker) {
	t.Helper()
	require.Eventually(t, func() bool { return c.Stats().Nodes[0].Breaker == want }, patience, time.Millisecond, want.String())
}

// What breaks a member, and that it is trusted again by itself.
func TestBreaks(t *testing.T) {
	cfg := &actor.Config{ResponseTimeout: time.Second, HandshakeTimeout: 200 * time.Millisecond, BackoffMax: 200 * time.Millisecond}
	for what, c := range map[string]struct {
		faults     []wiretest.Fault
		hurt, mend func(nsqd *wiretest.Server)
	}{
		"a lost connection": {
			hurt: func(nsqd *wiretest.Server) { nsqd.CloseListener(); nsqd.CloseAll() },
			mend: func(nsqd *wiretest.Server) { nsqd.Listen() },
		},
		"a handshake that is never answered": {
			hurt: func(nsqd *wiretest.Server) { nsqd.Freeze(); nsqd.CloseAll() },
			mend: func(nsqd *wiretest.Server) { nsqd.Resume() },
		},
		"no answers": {
			hurt: func(nsqd *wiretest.Server) { nsqd.Stall() },
			mend: func(nsqd *wiretest.Server) { nsqd.Resume() },
		},
		"a full disk": {
			faults: []wiretest.Fault{wiretest.OnPublish(5).Through(8).Overall().Error(wire.CodePubFailed, "disk full")},
		},
	} {
		t.Run(what, func(t *testing.T) {
			crew := newCrew(t, 2, cfg, [][]wiretest.Fault{c.faults})
			quit := make(chan struct{})
			var publishers sync.WaitGroup
			for range 4 {
				publishers.Add(1)
				go func() {
					defer publishers.Done()
					for {
						select {
						case <-quit:
							return
						case <-time.After(time.Millisecond):
							ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
							err := crew.PublishContext(ctx, "t", []byte("x"))
							if err != nil && ctx.Err() == nil { // else it is how the last one failed, or that there was no time
								assert.ErrorIs(t, err, actor.ErrConnectionLost)
							}
							cancel()
						}
					}
				}()
			}
			nsqd := crew.nsqds[0]
			require.NoError(t, nsqd.WaitMessages(within(t), 3))
			if c.hurt != nil {
				c.hurt(nsqd)
			}
			crew.breaker(t, state.Broken)
			other := crew.nsqds[1].MessageCount("t")
			require.NoError(t, crew.nsqds[1].WaitMessages(within(t), other+50))
			if c.mend != nil {
				c.mend(nsqd)
			}
			crew.breaker(t, state.Proving)
			crew.breaker(t, state.Trusted)
			before := nsqd.MessageCount("t")
			require.NoError(t, nsqd.WaitMessages(within(t), before+50), "it has its share again")
			close(quit)
			publishers.Wait()
			require.Equal(t, state.Trusted, crew.Stats().Nodes[1].Breaker)
			requireAddsUp(t, crew.Stats())
		})
	}
}

// One that proves itself gets little at first.
func TestProvesItself(t *testing.T) {
	c := newCrew(t, 2, nil, nil)
	c.nsqds[0].CloseListener()
	require.NoError(t, c.Ping())
	c.breaker(t, state.Broken)
	require.NoError(t, c.nsqds[0].Listen())
	c.breaker(t, state.Proving)
	c.nsqds[0].Stall()
	done := make(chan *actor.Transaction, 2000)
	for range 1000 {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
	}
	require.LessOrEqual(t, c.Stats().Nodes[0].Submitted, uint64(16), "a few hundred milliseconds later at the latest")
	require.NotZero(t, c.Stats().Nodes[0].Submitted)
	c.breaker(t, state.Broken)
	c.nsqds[0].Resume()
	require.NoError(t, c.Flush(within(t)))
	require.Equal(t, 1000, sum(c.stored()))
}

// A publish that waits for room at a member goes elsewhere when that one breaks.
func TestNobodyWaitsForRoomAtABrokenOne(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{MaxPending: 10}, nil)
	done := make(chan *actor.Transaction, 1000)
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	for range 20 {
		require.NoError(t, c.TryPublishAsync("t", []byte("x"), done))
	}
	results := make(chan error, 100)
	for range 100 {
		go func() { results <- c.PublishAsync("t", []byte("x"), done) }()
	}
	time.Sleep(10 * time.Millisecond) // they wait; nothing tells that from outside
	began := time.Now()
	c.nsqds[1].Resume()
	for range 100 {
		require.NoError(t, <-results)
	}
	assert.Less(t, time.Since(began), 3*time.Second, "less than ResponseTimeout, after which the first one has room")
	for range 110 {
		require.NoError(t, (<-done).Error)
	}
	require.GreaterOrEqual(t, c.stored()[1], 110)
	c.nsqds[0].Resume()
}

// Keys come home to one that proves itself, however many they are.
func TestKeysComeHomeAtOnce(t *testing.T) {
	c := newCrew(t, 2, nil, nil)
	c.nsqds[0].CloseListener()
	require.NoError(t, c.Ping())
	c.breaker(t, state.Broken)
	require.NoError(t, c.nsqds[0].Listen())
	c.breaker(t, state.Proving)
	c.nsqds[0].Stall()
	done := make(chan *actor.Transaction, 200)
	for i := range cap(done) {
		require.NoError(t, c.ForKey(fmt.Sprint(i)).PublishAsync("t", []byte("x"), done))
	}
	require.Greater(t, c.Stats().Nodes[0].Submitted, uint64(50))
	c.nsqds[0].Resume()
	require.NoError(t, c.Flush(within(t)))
}
