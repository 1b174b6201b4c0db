package actor_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

const places = 4

// leavers publishes at all places and returns, once they are taken, what makes all callers leave.
func leavers(t *testing.T, p *actor.Producer) (leave func(actor.Outcome)) {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	results := make(chan error, places)
	for i := range places {
		go func() { results <- forms[i%len(forms)].call(p, ctx, []byte("0123456789")) }()
	}
	waitingCallers(t, places)
	return func(outcome actor.Outcome) {
		cancel()
		for range places {
			err := receive(t, results)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, outcome, actor.OutcomeOf(err))
		}
	}
}

// requireRoom tries every place, and that there are no more.
func requireRoom(t *testing.T, p *actor.Producer) {
	t.Helper()
	require.Zero(t, p.Stats().Pending)
	require.Zero(t, p.Stats().PendingBytes)
	for range places {
		require.NoError(t, p.TryPublishAsync("tried", []byte("0123456789"), nil))
	}
	require.True(t, p.TryPublishAsync("tried", []byte("0123456789"), nil) == actor.ErrFull)
}

// The place of a publish whose caller has left is free at once, although the loop has yet to meet it.
func TestRoomOfTheGivenUpComesBack(t *testing.T) {
	leak.Check(t)
	srv, door := newDouble(t), newBarrier()
	p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience, MaxPending: places})
	for round := range 50 {
		leave := leavers(t, p)
		require.True(t, p.TryPublishAsync("tried", []byte("x"), nil) == actor.ErrFull)
		leave(actor.NotSent)
		require.EqualValues(t, (round+1)*places, p.Stats().NotSent)
	}
	requireRoom(t, p)
	door.open()
	require.NoError(t, p.Flush(testContext(t)))
	require.Equal(t, places, srv.MessageCount("tried"))
	require.Zero(t, srv.MessageCount("topic"))
	requireBooks(t, p)
}

// The same behind a write, where they leave tombstones. The producer takes no more commands than it has places, those of the
// dead included, so that what comes then waits, and can still be given up as not sent.
func TestRoomOfTheAbandonedComesBack(t *testing.T) {
	leak.Check(t)
	srv, door := newDouble(t, wiretest.OnPublish(1).Stall()), newBarrier()
	p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience, MaxPending: places})
	leave := leavers(t, p)
	door.open()
	require.NoError(t, srv.WaitMessages(testContext(t), places))
	leave(actor.Unknown)
	for range 10 {
		leave = leavers(t, p)
		leave(actor.NotSent)
	}
	requireRoom(t, p)
	srv.Resume()
	require.NoError(t, p.Flush(testContext(t)))
	require.Equal(t, places, srv.MessageCount("tried"))
	require.Equal(t, places, srv.MessageCount("topic"))
	require.Equal(t, 1, srv.Stats().Conns)
	requireBooks(t, p)
}

// Other ends give room back, too: an answer, a refusal, a lost connection, a failed attempt.
func TestRoomComesBackByEveryOutcome(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Topic("refused").Error(wire.CodeBadTopic, "scripted"),
		wiretest.OnPublish(wiretest.Every).Topic("lost").Reset())
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: 1, MaxPendingBytes: 10})
	body := []byte("0123456789")
	for range 4 {
		require.Equal(t, actor.Acked, actor.OutcomeOf(p.Publish("acked", body)))
		require.Equal(t, actor.Refused, actor.OutcomeOf(p.Publish("refused", body)))
		require.Equal(t, actor.Unknown, actor.OutcomeOf(p.Publish("lost", body)))
	}
	require.NoError(t, p.Ping())
	srv.CloseListener()
	srv.CloseAll()
	until(t, "the producer is down", func() bool { return p.Stats().Link == state.Down })
	for range 4 {
		require.Equal(t, actor.NotSent, actor.OutcomeOf(p.Publish("acked", body)))
	}
	require.Zero(t, p.Stats().Pending)
	require.Zero(t, p.Stats().PendingBytes)
	requireBooks(t, p)
}
