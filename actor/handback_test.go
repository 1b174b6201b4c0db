package actor_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

func TestMovable(t *testing.T) {
	told := func(o actor.Outcome, err error) error { return &actor.Error{Outcome: o, Err: err} }
	reply := func(code string) error { return &wire.ReplyError{Code: code} }
	for _, c := range []struct {
		err            error
		certain, doubt bool // without and with unknown
	}{
		{nil, false, false},
		{actor.ErrStopped, true, true},
		{actor.ErrFull, false, false},
		{told(actor.NotSent, actor.ErrNotConnected), true, true},
		{told(actor.NotSent, fmt.Errorf("%w: %w", actor.ErrNotConnected, reply(wire.CodeAuthFailed))), true, true},
		{told(actor.NotSent, wire.ErrSize), false, false},
		{told(actor.NotSent, context.Canceled), false, false},
		{told(actor.Refused, reply(wire.CodePubFailed)), true, true},
		{told(actor.Refused, reply(wire.CodeDPubFailed)), true, true},
		{told(actor.Refused, reply(wire.CodeBadTopic)), false, false},
		{told(actor.Refused, reply(wire.CodeUnauthorized)), false, false},
		{told(actor.Unknown, actor.ErrConnectionLost), false, true},
		{told(actor.Unknown, reply(wire.CodeMPubFailed)), false, true},
		{told(actor.Unknown, context.DeadlineExceeded), false, false},
		{context.DeadlineExceeded, false, false},
	} {
		require.Equal(t, c.certain, actor.Movable(c.err, false), "%v", c.err)
		require.Equal(t, c.doubt, actor.Movable(c.err, true), "%v", c.err)
	}
}

// handingBack returns a producer of an nsqd that does not listen.
func handingBack(t *testing.T, times int) *actor.Producer {
	srv := wiretest.NewServer()
	t.Cleanup(srv.Close)
	srv.CloseListener()
	return newProducer(t, srv.Addr, &actor.Config{HandBack: times, MaxAttempts: 1})
}

// one returns the one transaction that comes back next.
func one(t *testing.T, p *actor.Producer) *actor.Transaction {
	t.Helper()
	select {
	case all := <-p.HandedBack():
		require.Len(t, all, 1)
		return all[0]
	case <-time.After(patience):
		require.FailNow(t, "nothing comes back")
		return nil
	}
}

func TestHandedBackAndAdopted(t *testing.T) {
	leak.Check(t)
	srv := wiretest.NewServer()
	t.Cleanup(srv.Close)
	there := newProducer(t, srv.Addr, nil)
	gone := handingBack(t, 1)
	require.Nil(t, there.HandedBack())
	done := make(doneChan, 1)
	for i, publish := range []func() error{
		func() error { return gone.PublishAsync("topic", []byte("body"), done, "arg", 1) },
		func() error {
			return gone.MultiPublishAsync("topic", [][]byte{[]byte("body"), []byte("two")}, done, "arg", 1)
		},
		func() error { return gone.DeferredPublishAsync("topic", time.Minute, []byte("body"), done, "arg", 1) },
		func() error { return gone.TryPublishAsync("topic", make([]byte, 100_000), done, "arg", 1) },
		func() error { return gone.PublishAsync("topic", []byte("body"), nil) },
	} {
		require.NoError(t, publish())
		back := one(t, gone)
		require.ErrorIs(t, back.Error, actor.ErrNotConnected)
		require.Empty(t, done)
		require.NoError(t, there.Adopt(testContext(t), back))
		if i < 4 {
			result := <-done
			require.NoError(t, result.Error)
			require.Equal(t, []any{"arg", 1}, result.Args)
			result.Release()
		}
		require.NoError(t, there.Flush(testContext(t)))
	}
	stored := srv.Messages()
	require.Len(t, stored, 6)
	require.Equal(t, []string{"body", "body", "two", "body"}, bodies(stored[:4]))
	require.Equal(t, time.Minute, stored[3].Delay)
	require.Len(t, stored[4].Body, 100_000)
	s := gone.Stats()
	require.EqualValues(t, 5, s.HandedBack)
	require.EqualValues(t, 5, s.Submitted)
	require.Zero(t, s.NotSent+s.Pending+s.PendingBytes)
	require.Zero(t, gone.Pending())
	require.EqualValues(t, 5, there.Stats().Acked)
	err := gone.Publish("topic", []byte("body"))
	var failed *actor.Error
	require.ErrorAs(t, err, &failed, "a call has somebody who waits")
	require.True(t, failed.HandedBack())
	require.EqualValues(t, 6, gone.Stats().HandedBack)
	require.ErrorAs(t, gone.Publish("no topic", []byte("body")), &failed)
	require.False(t, failed.Accepted())
	require.Zero(t, gone.Pending())
	gone.Stop()
	_, open := <-gone.HandedBack()
	require.False(t, open)
}

func bodies(messages []wiretest.Message) (all []string) {
	for _, m := range messages {
		all = append(all, string(m.Body))
	}
	return all
}

// Once it has come back as often as it may, a publish ends; so it does when somebody delivers it, or the producer stops.
func TestHandedBackOftenEnough(t *testing.T) {
	p := handingBack(t, 2)
	done := make(doneChan, 1)
	require.NoError(t, p.PublishAsync("topic", []byte("body"), done, "arg"))
	require.NoError(t, p.Adopt(testContext(t), one(t, p)))
	require.NoError(t, p.Adopt(testContext(t), one(t, p)))
	result := <-done
	require.ErrorIs(t, result.Error, actor.ErrNotConnected)
	require.Equal(t, []any{"arg"}, result.Args)

	require.NoError(t, p.PublishAsync("topic", []byte("body"), done))
	require.True(t, one(t, p).Deliver(context.Background()))
	require.NoError(t, p.PublishAsync("topic", []byte("body"), done))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	full := one(t, p)
	require.False(t, full.Deliver(over), "done is full")
	require.ErrorIs(t, (<-done).Error, actor.ErrNotConnected)
	require.NoError(t, p.PublishAsync("topic", []byte("body"), done))
	require.True(t, one(t, p).Deliver(over), "done has room")
	require.NoError(t, p.PublishAsync("topic", []byte("body"), done))
	delivered := make(chan bool)
	slow := one(t, p)
	go func() { delivered <- slow.Deliver(testContext(t)) }()
	<-done
	require.True(t, <-delivered, "done has room again")
	<-done
	require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
	require.True(t, one(t, p).Deliver(over), "nobody wants it")

	never := newProducer(t, p.String(), &actor.Config{HandBack: 1})
	never.Stop()
	_, open := <-never.HandedBack()
	require.False(t, open)
}

// What came back keeps its place among the undelivered results until somebody has it, and no longer.
func TestHandedBackHoldsItsPlace(t *testing.T) {
	srv := wiretest.NewServer()
	t.Cleanup(srv.Close)
	srv.CloseListener()
	p := newProducer(t, srv.Addr, &actor.Config{HandBack: 1, MaxAttempts: 1, MaxPending: 4})
	for range 3 {
		var back []*actor.Transaction
		for range 4 {
			require.NoError(t, p.TryPublishAsync("topic", []byte("body"), nil))
			back = append(back, one(t, p))
		}
		require.Equal(t, actor.ErrFull, p.TryPublishAsync("topic", []byte("body"), nil))
		for _, b := range back {
			b.Deliver(context.Background())
		}
	}
}

// Who cannot take a publish leaves it to its owner.
func TestAdoptionThatFails(t *testing.T) {
	srv := wiretest.NewServer()
	t.Cleanup(srv.Close)
	p := handingBack(t, 1)
	done := make(doneChan, 1)
	require.NoError(t, p.PublishAsync("topic", []byte("body"), done))
	back := one(t, p)

	stopped := newProducer(t, srv.Addr, nil)
	stopped.Stop()
	require.Equal(t, actor.ErrStopped, stopped.Adopt(testContext(t), back))

	full := newProducer(t, srv.Addr, &actor.Config{MaxPending: 1})
	require.NoError(t, full.Ping())
	srv.Stall()
	require.NoError(t, full.PublishAsync("topic", []byte("first"), nil))
	require.Equal(t, actor.ErrFull, full.TryAdopt(back))
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, full.Adopt(ctx, back), context.DeadlineExceeded)
	adopted := make(chan error)
	go func() { adopted <- full.Adopt(testContext(t), back) }()
	srv.Resume()
	require.NoError(t, <-adopted)
	require.NoError(t, (<-done).Error)
	require.Equal(t, []string{"first", "body"}, bodies(srv.Messages()))
	require.Zero(t, full.Pending())
	require.Zero(t, p.Pending())
}

// A context bounds the wait for room of an asynchronous publish, and nothing else.
func TestPublishAsyncContext(t *testing.T) {
	srv := wiretest.NewServer()
	t.Cleanup(srv.Close)
	srv.Stall()
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: 1})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(doneChan, 1)
	require.NoError(t, p.PublishAsyncContext(ctx, "topic", []byte("body"), done))
	for _, publish := range []func(ctx context.Context) error{
		func(ctx context.Context) error { return p.PublishAsyncContext(ctx, "topic", []byte("body"), done) },
		func(ctx context.Context) error {
			return p.MultiPublishAsyncContext(ctx, "topic", [][]byte{[]byte("body")}, done)
		},
		func(ctx context.Context) error {
			return p.DeferredPublishAsyncContext(ctx, "topic", 0, []byte("body"), done)
		},
	} {
		short, end := context.WithTimeout(ctx, 5*time.Millisecond)
		err := publish(short)
		end()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
		require.ErrorIs(t, publish(short), context.DeadlineExceeded, "it has ended before the call")
	}
	cancel()
	srv.Resume()
	require.NoError(t, (<-done).Error, "ctx means nothing to what was accepted")
	require.NoError(t, p.PublishAsync("topic", []byte("body"), done))
	require.NoError(t, (<-done).Error)
	require.Equal(t, 2, srv.MessageCount("topic"))
	require.ErrorIs(t, p.PublishAsyncContext(ctx, "topic", []byte("body"), done), context.Canceled)
}
