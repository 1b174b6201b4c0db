package faults

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest/link"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

var slowBatch = flag.Int("slow-batch", 750_000, "how many bytes TestSlowLink publishes; at most 5,000,000, which takes 40 s")

// linkTo returns a link to nsqd that is closed when the test has ended.
func linkTo(t *testing.T, nsqd *nsqdtest.Nsqd) *link.Link {
	path := link.New(nsqd.TCPAddr)
	t.Cleanup(path.Close)
	return path
}

// waitFor waits until the link's figures are as wanted.
func waitFor(t *testing.T, path *link.Link, holds func(link.Stats) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, path.Wait(ctx, holds))
}

// A path that stalls in the middle of an answer or of a command: callers with contexts come back in time, ResponseTimeout
// replaces the connection, and everything is true.
func TestStalledLink(t *testing.T) {
	for name, limit := range map[string]func(*link.Link, int, link.Fate){
		"7 bytes into an answer": (*link.Link).LimitDown, "7 bytes into a command": (*link.Link).LimitUp,
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			const topic, within, timeout = "stalled", 200 * time.Millisecond, 500 * time.Millisecond
			nsqd := nsqdtest.Start(t)
			path := linkTo(t, nsqd)
			cfg := config(t)
			cfg.ResponseTimeout, cfg.WriteTimeout = timeout, patience
			l := newLoad(t, path.Addr, topic, cfg)
			l.callers(16, l.publish)
			l.batches(2, 3)
			l.callers(16, l.publishWithin(within))
			const stalls = 2
			for i := range stalls {
				l.progress(t, 50)
				limit(path, 7, link.Stall.Once())
				waitFor(t, path, func(s link.Stats) bool { return s.Struck == i+1 })
				l.progress(t, int64(l.most)) // more than can be answered behind the stall
			}
			l.finish(t)
			require.Equal(t, uint64(1+stalls), l.Stats().Connections)
			l.requireInTime(t, within)
			l.book.check(t, nsqd.ReadBack(topic), cfg.RetryUnknown)
			t.Log(l.book.counts())
		})
	}
}

// A command that is larger than what the kernels take, on a path that stalls: WriteTimeout replaces the connection, and the
// command, which nobody can have whole, goes again. What waits behind it is not sent if its context ends.
func TestStalledWithinALargeCommand(t *testing.T) {
	onPlainWire(t)
	leak.Check(t)
	const topic, timeout = "stalled", 500 * time.Millisecond
	nsqd := nsqdtest.Start(t)
	path := linkTo(t, nsqd)
	cfg := config(t)
	cfg.ResponseTimeout, cfg.WriteTimeout = patience, timeout
	cfg.MaxPendingBytes, cfg.MaxAttempts = 8<<20, 3 // room for the batch, which loses a connection
	l := newLoad(t, path.Addr, topic, cfg)
	require.NoError(t, l.Ping())
	path.LimitUp(7, link.Stall.Once())
	began := time.Now()
	batch := make(chan error, 1)
	go func() { batch <- l.MultiPublish(topic, [][]byte{padding, padding, padding, padding}) }()
	waitFor(t, path, func(s link.Stats) bool { return s.Struck == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), timeout/5)
	defer cancel()
	err := l.PublishContext(ctx, topic, []byte("behind it"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
	requireEnd(t, "the batch", func() { err = <-batch })
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), timeout)
	require.Less(t, time.Since(began), timeout+lastWords+slack)
	require.Equal(t, 2, path.Stats().Conns)
	require.NoError(t, l.publish([]byte("afterwards")))
	require.EqualValues(t, 5, nsqd.MessageCount(topic))
	requireBooks(t, l.Producer)
}

// A path that is cut after each of several numbers of bytes of a command. What nsqd did not get whole it does not store, what
// the kernel did not take whole goes again, and nothing is stored twice.
func TestCutWithinACommand(t *testing.T) {
	onPlainWire(t)
	leak.Check(t)
	const topic, small, large = "cut", 100, 400_000
	cfg := config(t)
	cfg.MaxPendingBytes, cfg.MaxAttempts = 8<<20, 3 // room for the batches, each of which loses a connection
	nsqd := nsqdtest.Start(t)
	path := linkTo(t, nsqd)
	outcomes := map[actor.Outcome]int{}
	for _, messages := range []int{1, 5} {
		for _, size := range []int{small, large} {
			bodies := make([][]byte, messages)
			for i := range bodies {
				bodies[i] = padding[:size]
			}
			command, err := wire.AppendMPub(nil, topic, bodies)
			if messages == 1 {
				command, err = wire.AppendPub(nil, topic, bodies[0])
			}
			require.NoError(t, err)
			whole := len(command)
			line := len("PUB cut\n")
			for _, n := range []int{1, line - 1, line, line + 3, line + 4, line + 8, whole / 2, whole - size, whole - 1, whole} {
				name := fmt.Sprintf("%d messages of %d bytes, cut after %d of %d", messages, size, n, whole)
				p, err := actor.NewProducer(path.Addr, &cfg)
				require.NoError(t, err)
				require.NoError(t, p.Ping())
				before, conns := nsqd.MessageCount(topic), path.Stats().Conns
				path.LimitUp(n, link.Reset.Once())
				if messages == 1 {
					err = p.Publish(topic, bodies[0])
				} else {
					err = p.MultiPublish(topic, bodies)
				}
				outcome := actor.OutcomeOf(err)
				outcomes[outcome]++
				waitFor(t, path, func(s link.Stats) bool { return s.Conns > conns })
				require.NoError(t, p.Publish(topic, []byte("afterwards")), name)
				p.Stop()
				require.Equal(t, conns+1, path.Stats().Conns, name)
				switch stored := int(nsqd.MessageCount(topic)-before) - 1; {
				case outcome == actor.Acked && n == whole && cfg.RetryUnknown:
					require.Contains(t, []int{messages, 2 * messages}, stored, name)
				case outcome == actor.Acked: // it went again, or with n == whole the answer was faster than the reset
					require.Equal(t, messages, stored, name)
				case n < whole:
					require.Equal(t, actor.Unknown, outcome, "%s: %v", name, err)
					require.ErrorIs(t, err, actor.ErrConnectionLost, name)
					require.Zero(t, stored, name)
				default:
					require.Equal(t, actor.Unknown, outcome, "%s: %v", name, err)
					require.Contains(t, []int{0, messages}, stored, name)
				}
			}
		}
	}
	require.Positive(t, outcomes[actor.Acked], "large ones that went again")
	require.True(t, cfg.RetryUnknown || outcomes[actor.Unknown] > 0, "small ones, which the kernel had whole")
	t.Log(outcomes)
}

// Cuts at any byte, of the commands as of the answers, under load.
func TestCutAgainAndAgain(t *testing.T) {
	leak.Check(t)
	cutAgainAndAgain(t, nsqdtest.Start(t), config(t), 500, 40)
}

// cutAgainAndAgain publishes bodies of that size to nsqd, and cuts the path at random bytes, upwards and downwards in turn.
func cutAgainAndAgain(t *testing.T, nsqd *nsqdtest.Nsqd, cfg actor.Config, size, cuts int) {
	t.Helper()
	const topic = "cuts"
	path := linkTo(t, nsqd)
	l := newLoad(t, path.Addr, topic, cfg)
	l.size = size
	l.callers(32, l.publish)
	l.batches(4, 20)
	l.async(64, 64)
	for i := range cuts {
		l.progress(t, 50)
		if i%2 == 0 {
			path.LimitUp(rand.IntN(40*size), link.Reset.Once())
		} else {
			path.LimitDown(rand.IntN(size), link.Reset.Once())
		}
		waitFor(t, path, func(s link.Stats) bool { return s.Struck == i+1 })
	}
	l.progress(t, 50)
	l.finish(t)
	l.book.check(t, nsqd.ReadBack(topic), cfg.RetryUnknown)
	counts := l.book.counts()
	require.LessOrEqual(t, counts[actor.Unknown], cuts*l.most, "what was in flight")
	t.Logf("%d connections, %v", l.Stats().Connections, counts)
}

// The peer vanishes without a FIN. With something in flight ResponseTimeout finds it, on an idle connection the heartbeats that
// do not come; and when there is a peer again the producer comes back by itself.
func TestVanishedPeer(t *testing.T) {
	leak.Check(t)
	const topic, timeout, heartbeat = "vanished", 500 * time.Millisecond, time.Second
	nsqd := nsqdtest.Start(t)
	path := linkTo(t, nsqd)
	cfg := config(t)
	cfg.ResponseTimeout, cfg.HandshakeTimeout, cfg.BackoffMax = timeout, timeout, timeout
	cfg.HeartbeatInterval, cfg.RetryUnknown = heartbeat, false
	l := newLoad(t, path.Addr, topic, cfg)
	require.NoError(t, l.publish([]byte("before")))

	path.Swallow()
	began := time.Now()
	err := l.publish([]byte("in flight"))
	took := time.Since(began)
	require.ErrorIs(t, err, actor.ErrConnectionLost)
	require.ErrorContains(t, err, "ResponseTimeout")
	require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
	require.GreaterOrEqual(t, took, timeout)
	require.Less(t, took, timeout+lastWords+slack)
	err = l.publish([]byte("to nobody"))
	require.ErrorIs(t, err, actor.ErrNotConnected)
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
	path.Resume()
	requireUp(t, l.Producer)
	require.NoError(t, l.publish([]byte("between")))

	path.Swallow()
	began = time.Now()
	for l.Stats().Link == state.Up {
		require.Less(t, time.Since(began), 2*heartbeat+lastWords+slack)
		time.Sleep(time.Millisecond)
	}
	t.Logf("found within %v, and idle after %v", took, time.Since(began))
	path.Resume()
	requireUp(t, l.Producer)
	require.Equal(t, uint64(3), l.Stats().Connections)
	require.Equal(t, uint64(4), l.Stats().Submitted, "nothing was published meanwhile")
	require.NoError(t, l.publish([]byte("after")))
	require.EqualValues(t, 3, nsqd.MessageCount(topic))
	requireBooks(t, l.Producer)
}

// A link of 1 Mbit/s, on which a batch takes longer than any timeout: as long as its bytes flow, the connection is left to it.
func TestSlowLink(t *testing.T) {
	onPlainWire(t)
	leak.Check(t)
	const topic, rate = "slow", 125_000
	nsqd := nsqdtest.Start(t)
	path := linkTo(t, nsqd)
	path.Rate(rate)
	cfg := config(t)
	cfg.MaxPendingBytes = 8 << 20 // room for the largest batch
	l := newLoad(t, path.Addr, topic, cfg)
	var bodies [][]byte
	for left := *slowBatch; left > 0; left -= len(bodies[0]) {
		bodies = append(bodies, padding[:min(left, 500_000)])
	}
	expected := time.Duration(*slowBatch) * time.Second / rate
	ctx, cancel := context.WithTimeout(context.Background(), expected+patience)
	defer cancel()
	began := time.Now()
	err := l.MultiPublishContext(ctx, topic, bodies)
	took := time.Since(began)
	require.NoError(t, err, "%+v after %v", l.Stats(), took)
	require.GreaterOrEqual(t, took, expected*9/10)
	require.NoError(t, l.publish([]byte("behind it")))
	require.EqualValues(t, len(bodies)+1, nsqd.MessageCount(topic))
	require.Equal(t, 1, path.Stats().Conns)
	requireBooks(t, l.Producer)
}
