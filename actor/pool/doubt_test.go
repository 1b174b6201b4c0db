package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// swallowsThenGone stores a publish, and ends the connection without an answer.
var swallowsThenGone = []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Silence(), wiretest.OnPublish(wiretest.Every).Answered().Close()}

// Ctx identity under doubt.
func TestDoubtKeepsTheContextsError(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{RetryUnknown: true, WaitConnected: true}, [][]wiretest.Fault{swallowsThenGone}, pool.WithMode(pool.Primary))
	c.nsqds[1].CloseListener()
	c.nsqds[0].Add(wiretest.OnPublish(1).Do(c.nsqds[0].CloseListener))
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	err := c.PublishContext(ctx, "t", []byte("x"))
	require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// Stats say what the caller was told.
func TestStatsSayWhatWasTold(t *testing.T) {
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			c := newCrew(t, 2, &actor.Config{RetryUnknown: true}, [][]wiretest.Fault{swallowsThenGone}, pool.WithMode(pool.Primary))
			c.nsqds[1].CloseListener()
			c.nsqds[0].Add(wiretest.OnPublish(1).Do(c.nsqds[0].CloseListener))
			err := call.do(c.Pool, within(t), []byte("x"))
			require.Equal(t, actor.Unknown, actor.OutcomeOf(err), "%v", err)
			s := c.Stats()
			require.EqualValues(t, 1, s.Unknown, "%+v", s.Stats)
			require.Zero(t, s.NotSent)
		})
	}
}

// A doubtful publish that is refused for its own fault says nothing about who refuses it.
func TestDoubtfulGuiltyBreaksNobody(t *testing.T) {
	guilty := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Error(wire.CodeBadTopic, "no")}
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			c := newCrew(t, 2, &actor.Config{RetryUnknown: true}, [][]wiretest.Fault{swallowsThenGone, guilty}, pool.WithMode(pool.Primary))
			c.nsqds[0].Add(wiretest.OnPublish(1).Do(c.nsqds[0].CloseListener))
			err := call.do(c.Pool, within(t), []byte("x"))
			require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
			s := c.Stats()
			require.Equal(t, state.Trusted, s.Nodes[1].Breaker, "it has answered")
			require.EqualValues(t, 1, s.Nodes[1].Submitted, "nobody asks it again")
		})
	}
}
