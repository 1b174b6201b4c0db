package faults

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// A topic that is deleted while it is published to: nsqd answers what meets the deletion with E_PUB_FAILED and closes, with all
// topics' publishes in flight. Those on another topic do not notice, as long as it does not happen again within a second of
// acknowledged work: then the producer backs off, and all publishes fail meanwhile as not sent.
func TestDeletedTopic(t *testing.T) {
	leak.Check(t)
	const deleted, kept = "deleted", "kept"
	const settled = 1600 * time.Millisecond // a second of acknowledged work, on a machine under load too
	nsqd := nsqdtest.Start(t)
	cfg := config(t)
	cfg.FoldMessages = 1 // a fold is unknown then, not refused
	l := newLoad(t, nsqd.TCPAddr, kept, cfg)
	l.callers(8, l.publish)
	gone := newLedger()
	for range 16 {
		l.publisher("deleted", func(name string) {
			err := l.Publish(deleted, l.body(name))
			gone.end(name, err)
			if err != nil {
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	delete := func() {
		nsqd.CreateTopic(deleted)
		nsqd.DeleteTopic(deleted)
	}

	for hit := range 3 {
		l.progress(t, 20)
		time.Sleep(settled)
		for end := time.Now().Add(patience); l.Stats().Refused == uint64(hit); {
			require.False(t, time.Now().After(end), "no deletion meets a publish: %+v", l.Stats())
			delete()
			l.progress(t, 20) // answers come in order: what met this deletion has been refused by then
		}
	}
	l.progress(t, 20)
	time.Sleep(settled)
	require.Equal(t, map[actor.Outcome]int{actor.Refused: 3}, without(gone.counts(), actor.Acked))
	require.Empty(t, without(l.book.counts(), actor.Acked))
	require.EqualValues(t, 4, l.Stats().Connections)

	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		delete()
	}
	connections := l.Stats().Connections
	require.LessOrEqual(t, connections, uint64(4+10), "50 ms, then 100 to 200, 200 to 400, ...")
	l.progress(t, 20)
	l.finish(t)
	counts := l.book.counts()
	require.Zero(t, counts[actor.Unknown]+gone.counts()[actor.Unknown])
	require.Zero(t, counts[actor.Refused])
	require.EqualValues(t, counts[actor.Acked], nsqd.MessageCount(kept))
	t.Logf("%d connections; kept: %v, deleted: %v", connections, counts, gone.counts())
}

func without(counts map[actor.Outcome]int, outcome actor.Outcome) map[actor.Outcome]int {
	delete(counts, outcome)
	return counts
}

// An nsqd whose disk is full refuses every publish and closes: the producer backs off, so that this does not become a
// reconnect loop at the rate of publishing, and comes back by itself when there is room.
func TestFullDisk(t *testing.T) {
	for name, fold := range map[string]int{"PUBs": 1, "folds": 256} {
		t.Run(name, func(t *testing.T) { fillDisk(t, fold) })
	}
}

// startOn starts an nsqd that keeps nothing in memory alone, on that disk.
func startOn(t *testing.T, disk string) *nsqdtest.Nsqd {
	return nsqdtest.Start(t, "-mem-queue-size=0", "-sync-every=1", "-data-path="+disk, "-max-bytes-per-file=65536")
}

func fillDisk(t *testing.T, fold int) {
	leak.Check(t)
	const topic = "full"
	nsqd := startOn(t, smallDisk(t))
	cfg := config(t)
	cfg.HeartbeatInterval = time.Second
	cfg.FoldMessages = fold
	l := newLoad(t, nsqd.TCPAddr, topic, cfg)
	l.size = 4 << 10
	l.callers(16, l.publish)
	l.progress(t, 50)
	met := func() uint64 { return l.Stats().Refused + l.Stats().Unknown } // by what nsqd could not store
	until(t, "the disk is full", func() bool { return met() > 0 })

	const seconds = 3
	before, metBefore := l.Stats().Connections, met()
	time.Sleep(seconds * time.Second)
	connections := l.Stats().Connections - before
	require.LessOrEqual(t, connections, uint64(9), "50 ms, then 100 to 200, 200 to 400, ...")
	require.LessOrEqual(t, met()-metBefore, connections*uint64(min(fold, 16)), "one command for each connection, and the rest is not sent")

	status, answer := nsqd.Post("/topic/empty?topic="+topic, "")
	require.Equal(t, 200, status, answer)
	stored := l.acks.Load()
	l.progress(t, 20)
	l.finish(t)
	counts := l.book.counts()
	require.Positive(t, counts[actor.NotSent])
	certain, possible := counts[actor.Acked], counts[actor.Acked]+counts[actor.Unknown]
	if fold == 1 {
		require.Zero(t, counts[actor.Unknown])
	} else {
		require.Positive(t, counts[actor.Unknown], "nsqd may have stored some of a fold")
	}
	require.GreaterOrEqual(t, nsqd.MessageCount(topic), uint64(certain))
	require.LessOrEqual(t, nsqd.MessageCount(topic), uint64(possible))
	t.Logf("%d acked before, then %d connections in %d s; in all %v", stored, connections, seconds, counts)
}

// What batches meet on a full disk is unknown: nsqd may have stored some of a batch. The connection that comes behind it is kept,
// since heartbeats are answered meanwhile: an nsqd that hears nothing for two heartbeats' time closes it.
func TestBatchesAndHeartbeatsOnAFullDisk(t *testing.T) {
	leak.Check(t)
	const topic = "full"
	nsqd := startOn(t, smallDisk(t))
	cfg := config(t)
	cfg.HeartbeatInterval = time.Second
	batch := [][]byte{make([]byte, 4<<10), make([]byte, 4<<10), make([]byte, 4<<10)}
	p, err := fillWithBatches(t, nsqd, topic, cfg, batch)
	var refusal *wire.ReplyError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, wire.CodeMPubFailed, refusal.Code)
	require.Equal(t, actor.Unknown, actor.OutcomeOf(err))

	requireUp(t, p)
	connections := p.Stats().Connections
	time.Sleep(2*cfg.HeartbeatInterval + cfg.HeartbeatInterval/2)
	require.Equal(t, connections, p.Stats().Connections)
	require.Equal(t, state.Up, p.Stats().Link)
	require.Equal(t, actor.Refused, actor.OutcomeOf(p.Publish(topic, batch[0])), "the disk is still full")
}

func fillWithBatches(t *testing.T, nsqd *nsqdtest.Nsqd, topic string, cfg actor.Config, batch [][]byte) (*actor.Producer, error) {
	p, err := actor.NewProducer(nsqd.TCPAddr, &cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	for range 1000 {
		if err := p.MultiPublish(topic, batch); err != nil {
			return p, err
		}
	}
	return p, nil
}
