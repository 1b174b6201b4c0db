//go:build go1.25

package actor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A loop that waits for answers leaves publishes in its mailbox, but not what cannot wait, and not what was given up: all room
// that the bounds leave can be used.
func TestMailWhileNsqdDoesNotAnswer(t *testing.T) {
	cfg := actor.Config{MaxPending: 8}
	clock(t, []wiretest.Fault{wiretest.OnPublish(1).Stall()}, cfg, func(t *testing.T, srv *clocked, p *actor.Producer) {
		done := make(chan *actor.Transaction, 8)
		for range 2 { // a write each, which closes the window
			require.NoError(t, p.TryPublishAsync("topic", []byte("written"), done))
			synctest.Wait()
		}
		for range 8 {
			ctx, cancel := context.WithTimeout(context.Background(), ms)
			err := p.PublishContext(ctx, "topic", []byte("given up"))
			cancel()
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		synctest.Wait()
		for range 6 {
			require.NoError(t, p.TryPublishAsync("topic", []byte("waiting"), done))
		}
		require.Equal(t, actor.ErrFull, p.TryPublishAsync("topic", []byte("too many"), done))
		pause, err := took(p.Ping)
		require.NoError(t, err)
		require.Zero(t, pause)
		srv.Resume()
		for range 8 {
			require.NoError(t, (<-done).Error)
		}
		require.Equal(t, 8, srv.MessageCount("topic"))
	})
}

// Two writes whose callers have left keep the window closed, and the mailbox is full: a question is answered all the same.
func TestPingBehindAFullMailbox(t *testing.T) {
	cfg := actor.Config{MaxPending: 8}
	clock(t, []wiretest.Fault{wiretest.OnPublish(1).Stall()}, cfg, func(t *testing.T, srv *clocked, p *actor.Producer) {
		for range 2 { // a write each, which closes the window; their callers leave
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			err := p.PublishContext(ctx, "topic", []byte("written"))
			cancel()
			require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
			synctest.Wait()
		}
		done := make(chan *actor.Transaction, 8)
		for range 8 {
			require.NoError(t, p.TryPublishAsync("topic", []byte("waiting"), done))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		pause, err := took(func() error { return p.PingContext(ctx) })
		require.NoError(t, err)
		require.Zero(t, pause)
		srv.Resume()
	})
}
