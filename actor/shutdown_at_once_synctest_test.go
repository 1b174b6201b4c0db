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

// A Shutdown whose context is over from the start finds the loop in a write that is blocked; one such write may end, and no
// other begins.
func TestShutdownAtOnceOutOfABlockedWrite(t *testing.T) {
	bubble(t, inMemory(), actor.Config{WriteTimeout: time.Minute}, func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
		require.NoError(t, p.Ping())
		srv.StopReading()
		require.NoError(t, p.PublishAsync("topic", make([]byte, 100_000), nil))
		synctest.Wait()
		over, cancel := context.WithCancel(context.Background())
		cancel()
		pause, err := took(func() error {
			_, err := p.Shutdown(over)
			return err
		})
		require.Equal(t, context.Canceled, err)
		require.LessOrEqual(t, pause, 20*time.Millisecond)
	})
}

// Couriers drop what is unread as soon as the bound is over, while the loop may still be in a write: that counts as cut off.
func TestShutdownAtOnceReportsWhatCouriersDropped(t *testing.T) {
	bubble(t, inMemory(), actor.Config{WriteTimeout: time.Minute}, func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
		require.NoError(t, p.PublishAsync("topic", []byte("body"), make(chan *actor.Transaction)))
		synctest.Wait()
		srv.StopReading()
		left, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		require.Equal(t, actor.Unknown, actor.OutcomeOf(p.PublishContext(left, "topic", make([]byte, 100_000))))
		over, cancel := context.WithCancel(context.Background())
		cancel()
		tally, err := p.Shutdown(over)
		require.Equal(t, actor.Tally{Undelivered: 1}, tally)
		require.Equal(t, context.Canceled, err)
	})
}
