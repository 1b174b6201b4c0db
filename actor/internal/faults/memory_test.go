//go:build unix

package faults

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // twice, since sync.Pools keep what is free through one
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// pausedUnder returns an nsqd that stands still, and a producer that is connected to it and leaves it all the time it wants.
func pausedUnder(t *testing.T, cfg actor.Config) (*nsqdtest.Nsqd, *actor.Producer) {
	t.Helper()
	nsqd := nsqdtest.Start(t)
	cfg.ResponseTimeout, cfg.WriteTimeout, cfg.HeartbeatInterval = patience, patience, patience
	p, err := actor.NewProducer(nsqd.TCPAddr, &cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	require.NoError(t, p.Ping())
	nsqd.Pause()
	return nsqd, p
}

// However many callers with large bodies a stopped nsqd has, the producer's memory stays within its bounds.
func TestMemoryWhileNsqdIsStopped(t *testing.T) {
	leak.Check(t)
	const callers, size, topic = 2000, 256 << 10, "memory"
	cfg := config(t)
	cfg.MaxPending = 4096 // so that the bytes are the bound
	nsqd, p := pausedUnder(t, cfg)
	before := heap()
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
	until(t, "full", func() bool { return p.Stats().PendingBytes >= maxBytes-size })
	for range 100 {
		require.LessOrEqual(t, p.Stats().PendingBytes, maxBytes)
		time.Sleep(5 * time.Millisecond)
	}
	grown := int64(heap()) - int64(before)
	t.Logf("heap grew by %d KiB, MaxPendingBytes is %d KiB", grown>>10, maxBytes>>10)
	require.Less(t, grown, int64(2*maxBytes+16<<20), "the copies, and stacks and the rest of %d goroutines", callers)

	nsqd.Resume()
	requireEnd(t, "the callers", func() {
		for range callers {
			if err := <-ends; err != nil {
				t.Errorf("a publish failed: %v", err)
			}
		}
	})
	require.EqualValues(t, callers, nsqd.MessageCount(topic))
	require.EqualValues(t, 1, p.Stats().Connections, "what was measured is one that stands still, not one that was lost")
	requireBooks(t, p)
}

// A caller who leaves gives back his bounds, and his publish may have been encoded: what such publishes hold is bounded, too.
func TestMemoryOfThoseWhoLeft(t *testing.T) {
	leak.Check(t)
	const callers, size, topic = 64, 256 << 10, "left"
	cfg := config(t)
	cfg.MaxPendingBytes = 8 << 20
	nsqd, p := pausedUnder(t, cfg)
	before := heap()
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
		requireEnd(t, "the callers", func() {
			for range callers {
				if err := <-ends; !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a publish on an nsqd that stands still: %v", err)
				}
			}
		})
	}
	grown := int64(heap()) - int64(before)
	require.Less(t, grown, int64(3*cfg.MaxPendingBytes), "encoded and left, at most as much again as may be pending, and what is pooled")
	nsqd.Resume()
	require.NoError(t, p.Publish(topic, body))
	require.EqualValues(t, 1, p.Stats().Connections)
}
