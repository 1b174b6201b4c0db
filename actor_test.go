package producer_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// onBoth runs a test on a real nsqd and on the double. count is the peer's own count of a topic's messages.
func onBoth(t *testing.T, run func(t *testing.T, addr string, count func(topic string) uint64)) {
	t.Run("nsqd", func(t *testing.T) {
		nsqd := nsqdtest.Start(t)
		run(t, nsqd.TCPAddr, nsqd.MessageCount)
	})
	t.Run("double", func(t *testing.T) {
		double := wiretest.NewServer()
		t.Cleanup(double.Close)
		run(t, double.Addr, func(topic string) uint64 { return uint64(double.MessageCount(topic)) })
	})
}

func start(t *testing.T, addr string, cfg *actor.Config) *actor.Producer {
	t.Helper()
	p, err := actor.NewProducer(addr, cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	return p
}

func TestEveryFormReachesNsqd(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string, count func(string) uint64) {
		p := start(t, addr, nil)
		ctx := context.Background()
		require.NoError(t, p.Ping())
		require.NoError(t, p.PingContext(ctx))

		body, bodies := []byte("body"), [][]byte{[]byte("one"), []byte("two"), []byte("three")}
		require.NoError(t, p.Publish("sync", body))
		require.NoError(t, p.PublishContext(ctx, "sync", body))
		require.NoError(t, p.MultiPublish("multi", bodies))
		require.NoError(t, p.MultiPublishContext(ctx, "multi", bodies))
		require.NoError(t, p.DeferredPublish("deferred", time.Second, body))
		require.NoError(t, p.DeferredPublishContext(ctx, "deferred", time.Hour, body))

		done := make(chan *actor.Transaction, 4)
		require.NoError(t, p.PublishAsync("async", body, done, "a", 1))
		require.NoError(t, p.MultiPublishAsync("async", bodies, done, "b"))
		require.NoError(t, p.DeferredPublishAsync("async", 0, body, done))
		require.NoError(t, p.TryPublishAsync("async", body, done, nil))
		for _, want := range [][]any{{"a", 1}, {"b"}, nil, {nil}} {
			result := <-done
			assert.NoError(t, result.Error)
			assert.ElementsMatch(t, want, result.Args)
			result.Release()
		}
		require.NoError(t, p.PublishAsync("forgotten", body, nil))
		require.NoError(t, p.Flush(ctx))

		tally, err := p.Shutdown(ctx)
		require.NoError(t, err)
		assert.Zero(t, tally)
		assert.Equal(t, map[string]uint64{"sync": 2, "multi": 6, "deferred": 2, "async": 6, "forgotten": 1}, map[string]uint64{
			"sync": count("sync"), "multi": count("multi"), "deferred": count("deferred"), "async": count("async"),
			"forgotten": count("forgotten"),
		})
		stats := p.Stats()
		assert.EqualValues(t, 11, stats.Submitted)
		assert.EqualValues(t, 11, stats.Acked)
		assert.EqualValues(t, 1, stats.Connections)
		assert.Zero(t, stats.Pending+stats.PendingBytes+stats.Undelivered)
		assert.Equal(t, actor.ErrStopped, p.Publish("sync", body))
	})
}

func TestManyCallersOnOneConnection(t *testing.T) {
	const callers, each = 64, 200
	onBoth(t, func(t *testing.T, addr string, count func(string) uint64) {
		p := start(t, addr, nil)
		var ends sync.WaitGroup
		for i := range callers {
			ends.Add(1)
			go func() {
				defer ends.Done()
				topic := fmt.Sprint("topic", i%4)
				for range each {
					assert.NoError(t, p.Publish(topic, []byte("body")))
				}
			}()
		}
		ends.Wait()
		for i := range 4 {
			assert.EqualValues(t, callers/4*each, count(fmt.Sprint("topic", i)))
		}
		assert.EqualValues(t, 1, p.Stats().Connections)
	})
}

func TestRefusedByNsqdsOwnLimit(t *testing.T) {
	nsqd := nsqdtest.Start(t, "-max-msg-size=1000")
	p := start(t, nsqd.TCPAddr, nil)
	require.NoError(t, p.Publish("limits", make([]byte, 1000)))

	err := p.Publish("limits", make([]byte, 1001))
	var refusal *wire.ReplyError
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, wire.CodeBadMessage, refusal.Code)
	assert.Equal(t, actor.Refused, actor.OutcomeOf(err))

	require.NoError(t, p.Publish("limits", []byte("after")))
	assert.EqualValues(t, 2, nsqd.MessageCount("limits"))
}
