package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

// impatient publishes again and again, and leaves after 20 ms each time, until the first nsqd's breaker is open or time is over.
func (c crew) impatient(t *testing.T, most time.Duration) (broken bool) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(30 * time.Millisecond) { // so that nothing is pending
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		c.PublishContext(ctx, "t", []byte("x"))
		cancel()
		if c.Stats().Nodes[0].Breaker == state.Broken {
			return true
		}
	}
	return false
}

// What is unanswered breaks a member, although callers leave before the keeper could see them wait.
func TestBreaksAlthoughCallersLeave(t *testing.T) {
	cfg := &actor.Config{ResponseTimeout: 10 * time.Second, HandshakeTimeout: time.Minute} // so that patience is 1 s
	t.Run("no answers", func(t *testing.T) {
		c := newCrew(t, 2, cfg, nil)
		for c.Stats().Nodes[0].Acked == 0 || c.Stats().Nodes[1].Acked == 0 {
			require.NoError(t, c.Publish("t", []byte("x")))
		}
		c.nsqds[0].Stall()
		require.True(t, c.impatient(t, 5*time.Second))
		c.nsqds[0].Resume()
		c.breaker(t, state.Trusted)
	})
	t.Run("no handshake", func(t *testing.T) {
		c := newCrew(t, 2, cfg, [][]wiretest.Fault{{wiretest.OnAccept().Conn(1).Freeze()}})
		require.True(t, c.impatient(t, 5*time.Second))
		c.nsqds[0].Resume()
		c.breaker(t, state.Trusted)
	})
}

// One that answers within patience is trusted, although each answer comes too late for its caller.
func TestLateAnswersAreAnswers(t *testing.T) {
	slow := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Delay(60 * time.Millisecond)}
	c := newCrew(t, 2, &actor.Config{ResponseTimeout: 10 * time.Second}, [][]wiretest.Fault{slow})
	require.False(t, c.impatient(t, 2500*time.Millisecond))
	require.NotZero(t, c.Stats().Nodes[0].Unknown)
	require.NotZero(t, c.nsqds[0].MessageCount("t"))
}
