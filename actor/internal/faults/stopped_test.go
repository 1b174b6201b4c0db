//go:build unix

package faults

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// slack is what a call may take beyond its context on a machine that has other things to do. How long it really takes is the
// affair of a benchmark.
const slack = 3 * time.Second

// Callers with contexts come back in time while nsqd stands still, whatever it is that is stuck: nothing, the socket's buffer, or
// the producer's own bounds. Afterwards nsqd takes up what it had, and everything is true.
func TestContextsWhileNsqdIsStopped(t *testing.T) {
	for _, c := range []struct {
		name            string
		size            int
		maxPendingBytes int
	}{
		{"small bodies", 100, 0},
		{"200 KiB", 200 << 10, 0},
		{"more than MaxPendingBytes of 200 KiB", 200 << 10, 4 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			const topic, limit = "stopped", 300 * time.Millisecond
			nsqd := startDurable(t, topic)
			cfg := config(t)
			if c.maxPendingBytes > 0 {
				cfg.MaxPendingBytes = c.maxPendingBytes
			}
			l := newLoad(t, nsqd.TCPAddr, topic, cfg)
			l.size = c.size
			var longest atomic.Int64
			publish := l.publishWithin(limit)
			l.callers(64, func(body []byte) error {
				began := time.Now()
				err := publish(body)
				for took := int64(time.Since(began)); ; {
					most := longest.Load()
					if took <= most || longest.CompareAndSwap(most, took) {
						break
					}
				}
				return err
			})
			l.progress(t, 20)
			nsqd.Pause()
			stuck := l.acks.Load()
			time.Sleep(2 * time.Second)
			require.LessOrEqual(t, l.acks.Load()-stuck, int64(l.most), "nsqd does stand still")
			nsqd.Resume()
			l.progress(t, 20)
			l.finish(t)
			require.Less(t, time.Duration(longest.Load()), limit+slack)
			l.book.check(t, nsqd.ReadBack(topic), config(t).RetryUnknown)
			require.Positive(t, l.book.counts()[actor.Unknown])
			t.Logf("longest call %v, %v", time.Duration(longest.Load()), l.book.counts())
		})
	}
}

// A stopped nsqd is found by ResponseTimeout. While it stands still the kernel accepts connections for it and the handshake
// fails, so that calls fail; when it goes on, the producer comes back by itself.
func TestResponseTimeoutReplacesTheConnection(t *testing.T) {
	leak.Check(t)
	const topic, limit = "stopped", 500 * time.Millisecond
	nsqd := startDurable(t, topic)
	cfg := config(t)
	cfg.ResponseTimeout, cfg.HandshakeTimeout, cfg.BackoffMax = limit, limit, limit
	l := newLoad(t, nsqd.TCPAddr, topic, cfg)
	require.NoError(t, l.Ping())
	for range 3 {
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
	require.Len(t, nsqd.ReadBack(topic), 6, "the acked and the unknown, which nsqd took up, but not what was not sent")
}

// lastWords is how long a connection that is given up is still read.
const lastWords = 100 * time.Millisecond

// requireUp waits, without publishing, until the producer is connected.
func requireUp(t *testing.T, p *actor.Producer) {
	t.Helper()
	for end := time.Now().Add(patience); p.Stats().Link.String() != "up"; time.Sleep(time.Millisecond) {
		require.False(t, time.Now().After(end), "%+v", p.Stats())
	}
}

// However many callers with large bodies a stopped nsqd has, the producer's memory stays within its bounds.
func TestMemoryWhileNsqdIsStopped(t *testing.T) {
	leak.Check(t)
	const callers, size, topic = 2000, 256 << 10, "memory"
	nsqd := nsqdtest.Start(t)
	cfg := config(t)
	cfg.ResponseTimeout = patience
	p, err := actor.NewProducer(nsqd.TCPAddr, &cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	require.NoError(t, p.Ping())
	nsqd.Pause()

	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	body := make([]byte, size)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ends := make(chan error, callers)
	for range callers {
		go func() { ends <- p.PublishContext(ctx, topic, body) }()
	}
	maxBytes := uint64(actor.NewConfig().MaxPendingBytes)
	if cfg.MaxPendingBytes != 0 {
		maxBytes = uint64(cfg.MaxPendingBytes)
	}
	for p.Stats().PendingBytes < maxBytes-size {
		time.Sleep(time.Millisecond)
	}
	for range 100 {
		require.LessOrEqual(t, p.Stats().PendingBytes, maxBytes)
		time.Sleep(5 * time.Millisecond)
	}
	runtime.GC()
	runtime.ReadMemStats(&now)
	grown := int64(now.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("heap grew by %d KiB, MaxPendingBytes is %d KiB", grown>>10, maxBytes>>10)
	require.Less(t, grown, int64(2*maxBytes+16<<20), "the copies, and stacks and the rest of %d goroutines", callers)

	nsqd.Resume()
	var acked uint64
	timeout := time.After(patience)
	for i := range callers {
		select {
		case err := <-ends:
			require.NoError(t, err)
			acked++
		case <-timeout:
			require.FailNow(t, "not all resolve", "%d of %d: %+v", i, callers, p.Stats())
		}
	}
	require.Equal(t, acked, nsqd.MessageCount(topic))
	requireBooks(t, p)
}

// A caller who leaves gives back his bounds, and his publish may have been encoded: what such publishes hold is bounded, too.
func TestMemoryOfThoseWhoLeft(t *testing.T) {
	leak.Check(t)
	const callers, size, topic = 64, 256 << 10, "left"
	nsqd := nsqdtest.Start(t)
	cfg := config(t)
	cfg.MaxPendingBytes = 8 << 20
	cfg.ResponseTimeout = patience
	p, err := actor.NewProducer(nsqd.TCPAddr, &cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	require.NoError(t, p.Ping())
	nsqd.Pause()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	body := make([]byte, size)
	for range 10 {
		ends := make(chan error, callers)
		for range callers {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
				defer cancel()
				ends <- p.PublishContext(ctx, topic, body)
			}()
		}
		for range callers {
			require.True(t, errors.Is(<-ends, context.DeadlineExceeded))
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&now)
	grown := int64(now.HeapAlloc) - int64(before.HeapAlloc)
	require.Less(t, grown, int64(3*cfg.MaxPendingBytes), "encoded and left, at most as much again as may be pending, and what is pooled")
	nsqd.Resume()
	require.NoError(t, p.Publish(topic, body))
}
