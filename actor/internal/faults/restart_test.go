package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// startDurable starts an nsqd that has every message on its disk before it answers, and knows the topic for good: nsqd writes
// its list of topics a little after it has answered.
func startDurable(t *testing.T, topic string) *nsqdtest.Nsqd {
	t.Helper()
	nsqd := nsqdtest.Start(t, "-mem-queue-size=0", "-sync-every=1", "-log-level=info")
	nsqd.CreateTopic(topic)
	nsqd.Restart()
	return nsqd
}

// cuts kills or terminates nsqd, and starts it again, every few hundred milliseconds, and requires progress whenever it is up.
func cuts(t *testing.T, nsqd *nsqdtest.Nsqd, l *load, cut func(), times int) {
	t.Helper()
	const progress = 100
	for range times {
		l.progress(t, progress)
		time.Sleep(rand.N(300 * time.Millisecond))
		cut()
		time.Sleep(rand.N(100 * time.Millisecond))
		nsqd.Restart()
	}
	l.progress(t, progress)
}

func TestKilledAndRestarted(t *testing.T) {
	for _, c := range []struct {
		name    string
		callers int
		kill    bool
	}{
		{"kill -9, 16 callers", 16, true},
		{"kill -9, 256 callers", 256, true},
		{"SIGTERM, 64 callers", 64, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			const topic = "cut"
			nsqd := startDurable(t, topic)
			l := newLoad(t, nsqd.TCPAddr, topic, config(t))
			l.callers(c.callers, l.publish)
			l.batches(2, 3)
			l.async(c.callers, c.callers/2)
			l.async(c.callers, 0)
			cut := nsqd.Terminate
			if c.kill {
				cut = nsqd.Kill
			}
			cuts(t, nsqd, l, cut, 3)
			l.finish(t)

			l.book.check(t, nsqd.ReadBack(topic), config(t).RetryUnknown)
			counts := l.book.counts()
			require.Zero(t, counts[actor.Refused])
			connections := int(l.Stats().Connections)
			require.GreaterOrEqual(t, connections, 4)
			require.LessOrEqual(t, counts[actor.Unknown], connections*l.most, "only what was in flight at a cut")
			t.Logf("%d connections: %v", connections, counts)
		})
	}
}

// With RetryUnknown and WaitConnected, callers who have time lose nothing: what was in flight at a cut goes again, and may be
// stored twice.
func TestAtLeastOnce(t *testing.T) {
	leak.Check(t)
	const topic = "again"
	nsqd := startDurable(t, topic)
	cfg := config(t)
	cfg.RetryUnknown, cfg.WaitConnected = true, true
	l := newLoad(t, nsqd.TCPAddr, topic, cfg)
	l.callers(64, l.publishWithin(2*patience))
	cuts(t, nsqd, l, nsqd.Kill, 3)
	l.finish(t)
	l.book.check(t, nsqd.ReadBack(topic), true)
	counts := l.book.counts()
	require.Len(t, counts, 1, "all acked: %v", counts)
	require.Positive(t, counts[actor.Acked])
}
