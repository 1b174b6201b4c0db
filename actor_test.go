package producer_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
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

// ledger notes how each publish ended, by its body.
type ledger struct {
	sync.Mutex
	outcomes map[string]actor.Outcome
	twice    int
}

func (l *ledger) note(id string, outcome actor.Outcome) {
	l.Lock()
	defer l.Unlock()
	if _, seen := l.outcomes[id]; seen {
		l.twice++
	}
	l.outcomes[id] = outcome
}

// TestKillAndRestart publishes, sync and async, while nsqd is killed and restarted, and holds every outcome against what nsqd
// has on its disk in the end.
func TestKillAndRestart(t *testing.T) {
	const kills, callers, progress, topic = 4, 32, 300, "killed"
	nsqd := nsqdtest.Start(t, "-mem-queue-size=0", "-sync-every=1")
	nsqd.CreateTopic(topic) // and have it on disk before the first kill: nsqd notes its topics a little after it has answered
	nsqd.Terminate()
	nsqd.Restart()
	p := start(t, nsqd.TCPAddr, nil)

	book := ledger{outcomes: map[string]actor.Outcome{}}
	var submitted, acks atomic.Int64
	acked, failed := make(chan struct{}, 1), make(chan struct{}, 1)
	note := func(id string, err error) {
		book.note(id, actor.OutcomeOf(err))
		signal := failed
		if err == nil {
			acks.Add(1)
			signal = acked
		}
		select {
		case signal <- struct{}{}:
		default:
		}
	}
	stop := make(chan struct{})
	var publishers, readers sync.WaitGroup
	publisher := func(name string, publish func(id string)) {
		publishers.Add(1)
		go func() {
			defer publishers.Done()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				submitted.Add(1)
				publish(fmt.Sprintf("%s-%d", name, i))
			}
		}()
	}
	for i := range callers {
		publisher(fmt.Sprint("sync", i), func(id string) { note(id, p.Publish(topic, []byte(id))) })
	}
	done := make(chan *actor.Transaction, 16) // fewer than are outstanding: a courier has work
	outstanding := make(chan struct{}, 64)
	publisher("async", func(id string) {
		outstanding <- struct{}{}
		if err := p.PublishAsync(topic, []byte(id), done, id); err != nil {
			note(id, err)
		}
	})
	readers.Add(1)
	go func() {
		defer readers.Done()
		for result := range done {
			note(result.Args[0].(string), result.Error)
			<-outstanding
			result.Release()
		}
	}()

	deadline := time.After(60 * time.Second)
	await := func(signal chan struct{}, what string, enough func() bool) {
		for !enough() {
			select {
			case <-signal:
			case <-deadline:
				require.FailNow(t, "no progress", what)
			}
		}
	}
	for kill := range kills {
		before := acks.Load()
		await(acked, fmt.Sprint("acks in phase ", kill), func() bool { return acks.Load() >= before+progress })
		nsqd.Kill()
		<-failed
		await(failed, "down", func() bool { return p.Publish(topic, []byte("probe")) != nil })
		nsqd.Restart()
	}
	before := acks.Load()
	await(acked, "acks after the last restart", func() bool { return acks.Load() >= before+progress })
	close(stop)
	publishers.Wait()
	require.NoError(t, p.Flush(context.Background()))
	tally, err := p.Shutdown(context.Background())
	require.NoError(t, err)
	require.Zero(t, tally.Undelivered)
	close(done)
	readers.Wait()

	stored := readBack(t, nsqd.TCPAddr, topic)
	require.EqualValues(t, submitted.Load(), len(book.outcomes), "each publish has an outcome")
	require.Zero(t, book.twice, "and only one")
	counts := map[actor.Outcome]int{}
	for id, outcome := range book.outcomes {
		counts[outcome]++
		switch {
		case outcome == actor.Acked && stored[id] == 0:
			assert.Failf(t, "acked and not stored", id)
		case outcome == actor.NotSent && stored[id] > 0:
			assert.Failf(t, "not sent and stored", id)
		case stored[id] > 1:
			assert.Failf(t, "stored twice", id)
		}
	}
	assert.Zero(t, counts[actor.Refused])
	assert.LessOrEqual(t, counts[actor.Unknown], kills*(actor.NewConfig().MaxPending+callers))
	t.Logf("%d kills: %v, stored %d", kills, counts, len(stored))
}

// readBack consumes all of a topic and returns how often each body came.
func readBack(t *testing.T, addr, topic string) map[string]int {
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	frames := wire.NewReader(conn)
	send := func(bytes []byte) {
		_, err := conn.Write(bytes)
		require.NoError(t, err)
	}
	send(wire.AppendIdentify([]byte(wire.Magic), []byte(`{"feature_negotiation":true}`)))
	_, err = frames.Next()
	require.NoError(t, err)
	send([]byte("SUB " + topic + " reader\n"))
	_, err = frames.Next()
	require.NoError(t, err)
	send([]byte("RDY 100\n"))

	// A message is 8 bytes of time, 2 of attempts, 16 of id, and the body; three silent seconds mean that there are no more.
	const attempts, id, body = 8, 10, 26
	bodies := map[string]int{}
	for {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(3*time.Second)))
		frame, err := frames.Next()
		if err != nil {
			return bodies
		}
		if frame.Type == wire.FrameMessage {
			require.EqualValues(t, 1, binary.BigEndian.Uint16(frame.Data[attempts:]), "delivered once")
			bodies[string(frame.Data[body:])]++
			send([]byte("FIN " + string(frame.Data[id:body]) + "\n"))
		}
	}
}
