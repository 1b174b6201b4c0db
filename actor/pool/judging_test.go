package pool_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A guilty publish does not break a member although the way there is long.
func TestGuiltyDoesNotBreakADistantMember(t *testing.T) {
	far := []wiretest.Fault{wiretest.OnIdentify().Delay(100 * time.Millisecond), wiretest.OnPublish(wiretest.Every).Topic("bad").Error(wire.CodeBadTopic, "no")}
	c := newCrew(t, 2, nil, [][]wiretest.Fault{far, far})
	for c.Stats().Nodes[0].Acked == 0 || c.Stats().Nodes[1].Acked == 0 {
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	require.Equal(t, actor.Refused, actor.OutcomeOf(c.Publish("bad", []byte("x"))))
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, n := range c.Stats().Nodes {
			require.NotEqual(t, state.Broken, n.Breaker)
		}
	}
}

// A pool that is older than its patience judges a new member from its own beginning.
func TestNewMemberHasTime(t *testing.T) {
	c := newCrew(t, 1, &actor.Config{ResponseTimeout: 5 * time.Second}, [][]wiretest.Fault{{wiretest.OnAccept().Freeze()}})
	time.Sleep(700 * time.Millisecond)
	began := time.Now()
	require.NoError(t, c.PublishAsync("t", []byte("x"), nil))
	for time.Since(began) < 200*time.Millisecond {
		require.Equal(t, state.Trusted, c.Stats().Nodes[0].Breaker)
		time.Sleep(time.Millisecond)
	}
	c.nsqds[0].Resume()
}

// A batch of which nsqd could not store all breaks it, though nobody but the reader of its result hears of that.
func TestFailedBatchBreaks(t *testing.T) {
	fails := []wiretest.Fault{wiretest.OnPublish(2).Overall().Error(wire.CodeMPubFailed, "disk full")}
	c := newCrew(t, 2, &actor.Config{BackoffMin: 200 * time.Millisecond}, [][]wiretest.Fault{fails}, pool.WithMode(pool.Primary))
	require.NoError(t, c.MultiPublish("t", [][]byte{[]byte("x")}))
	done := make(chan *actor.Transaction, 1)
	require.NoError(t, c.MultiPublishAsync("t", [][]byte{[]byte("x")}, done))
	require.Equal(t, actor.Unknown, actor.OutcomeOf((<-done).Error))
	c.breaker(t, state.Broken)
	require.NoError(t, c.MultiPublish("t", [][]byte{[]byte("x")}))
	require.Equal(t, 1, c.nsqds[1].MessageCount("t"), "it gets nothing more for now")
	c.breaker(t, state.Trusted)
}
