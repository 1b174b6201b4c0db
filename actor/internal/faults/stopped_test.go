//go:build unix

package faults

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
)

// Callers with contexts come back in time while nsqd stands still, whatever it is that is stuck: nothing, the socket's buffer, or
// the producer's own bounds. Afterwards nsqd takes up what it had, and everything is true.
func TestContextsWhileNsqdIsStopped(t *testing.T) {
	for _, c := range []struct {
		name            string
		size            int
		maxPendingBytes int
	}{
		{"small bodies", 100, 0},
		{"200 KiB", 200 << 10, 32 << 20},
		{"more than MaxPendingBytes of 200 KiB", 200 << 10, 4 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			const topic, limit = "stopped", 300 * time.Millisecond
			nsqd := startDurable(t, topic)
			cfg := config(t)
			large := c.maxPendingBytes > 0
			if large {
				cfg.MaxPendingBytes, cfg.WriteTimeout, cfg.ResponseTimeout = c.maxPendingBytes, time.Second, 3*time.Second
			}
			l := newLoad(t, nsqd.TCPAddr, topic, cfg)
			l.size = c.size
			l.callers(64, l.publishWithin(limit))
			l.progress(t, 20)
			nsqd.Pause()
			stuck := l.acks.Load()
			time.Sleep(time.Second)
			if large { // by WriteTimeout, or, where the kernels take all that MaxPendingBytes allows, by ResponseTimeout
				until(t, "the connection has been given up", func() bool { return l.Stats().Link != state.Up })
			}
			require.LessOrEqual(t, l.acks.Load()-stuck, int64(l.most), "nsqd does stand still")
			nsqd.Resume()
			l.progress(t, 20)
			l.finish(t)
			l.requireInTime(t, limit)
			l.book.check(t, nsqd.ReadBack(topic), config(t).RetryUnknown)
			counts, connections := l.book.counts(), l.Stats().Connections
			require.Positive(t, counts[actor.Unknown])
			if large {
				require.Positive(t, counts[actor.NotSent])
				require.GreaterOrEqual(t, connections, uint64(2))
			}
			t.Logf("%d connections, %v", connections, counts)
		})
	}
}

// A stopped nsqd is found by ResponseTimeout. While it stands still the kernel accepts connections for it and the handshake
// fails, so that calls fail; when it goes on, the producer comes back by itself.
func TestResponseTimeoutReplacesTheConnection(t *testing.T) {
	leak.Check(t)
	const topic, limit = "stopped", 1500 * time.Millisecond // a disk that others write to takes some hundred milliseconds now and then
	nsqd := startDurable(t, topic)
	cfg := config(t)
	cfg.ResponseTimeout, cfg.HandshakeTimeout, cfg.BackoffMax, cfg.RetryUnknown = limit, limit, limit, false
	l := newLoad(t, nsqd.TCPAddr, topic, cfg)
	require.NoError(t, l.Ping())
	for range 2 {
		before := l.Stats().Connections
		require.NoError(t, l.publish([]byte("probe")))
		nsqd.Pause()
		began := time.Now()
		err := l.publish([]byte("probe"))
		require.ErrorIs(t, err, actor.ErrConnectionLost)
		require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
		require.ErrorContains(t, err, "ResponseTimeout")
		require.GreaterOrEqual(t, time.Since(began), limit)
		err = l.publish([]byte("probe"))
		require.ErrorIs(t, err, actor.ErrNotConnected)
		require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
		require.Less(t, time.Since(began), 2*limit+lastWords+slack)
		nsqd.Resume()
		requireUp(t, l.Producer)
		require.Equal(t, before+1, l.Stats().Connections)
	}
	require.Len(t, nsqd.ReadBack(topic), 4, "the acked and the unknown, which nsqd took up, but not what was not sent")
}
