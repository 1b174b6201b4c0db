package actor_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// This file is about connections that are lost under a fold.

// A fold that was cut at any byte goes again as a whole, before what is newer; nsqd has none of it.
func TestFoldCutAtEveryByte(t *testing.T) {
	leak.Check(t)
	before, err := wire.AppendPub(nil, "b", []byte("0"))
	require.NoError(t, err)
	for _, c := range []struct{ members, size int }{{3, 1}, {100, 600}} {
		bodies := make([][]byte, c.members)
		for i := range bodies {
			bodies[i] = fmt.Appendf(nil, "%-*d", c.size, i+1)
		}
		command, err := wire.AppendMPub(nil, "a", bodies)
		require.NoError(t, err)
		cuts := span(0, len(command)+1)
		if c.size > 1 {
			cuts = []int{0, 1, 7, 14, 15, 618, 619, 30_000, len(command) - 1, len(command)}
		}
		for _, at := range cuts {
			where := fmt.Sprintf("%d bytes of %d", at, len(command))
			// The server's end comes with the last byte, so that the producer has nothing to wait for.
			srv := newDouble(t, wiretest.OnByte(len(before)+at).Conn(1).Reset())
			admits := make(chan struct{}, 2)
			p := newFolder(t, srv.Addr, &actor.Config{Dial: cutAt(srv, admits, len(before)+at), MaxAttempts: 2, FoldMessages: 256})
			done := make(doneChan, 1+c.members+1)
			require.NoError(t, p.PublishAsync("b", []byte("0"), done, 0))
			for i, body := range bodies {
				require.NoError(t, p.PublishAsync("a", body, done, i+1))
			}
			require.NoError(t, p.MultiPublishAsync("b", [][]byte{[]byte("behind")}, nil)) // the cut is in its write, wherever it is
			until(t, "the loop has all", p.Gathered)
			admits <- struct{}{}
			until(t, "the cut", func() bool { return srv.Stats().Conns == 1 && srv.Stats().Open == 0 })
			require.NoError(t, p.PublishAsync("a", fmt.Append(nil, c.members+1), done, c.members+1))
			until(t, "the loop has all", p.Gathered)
			admits <- struct{}{}
			for i, err := range results(t, done, c.members+2) {
				require.NoError(t, err, "%s: %d", where, i)
			}
			want := []string{"1 PUB b 0", "2 MPUB a" + numbered(1, c.members+2), "2 MPUB b behind"}
			if at == len(command) {
				want = []string{"1 PUB b 0", "1 MPUB a" + numbered(1, c.members+1), "2 MPUB b behind", fmt.Sprint("2 PUB a ", c.members+1)}
			}
			require.NoError(t, p.Flush(testContext(t)))
			require.Equal(t, want, stored(srv), where)
			require.EqualValues(t, 2, p.Stats().Connections)
			requireBooks(t, p)
			p.Stop()
			srv.Close()
		}
	}
}

// The same with more than goes out in one piece: what of it came whole is answered, and the rest goes again.
func TestFoldsCutBetweenPieces(t *testing.T) {
	leak.Check(t)
	const all, size = 400, 600
	for _, at := range []int{64<<10 - 1, 64 << 10, 64<<10 + 1, 100_000, 128 << 10, 200_000} {
		srv := newDouble(t, wiretest.OnByte(at).Conn(1).Reset())
		admits := make(chan struct{}, 2)
		p := newFolder(t, srv.Addr, &actor.Config{Dial: cutAt(srv, admits, at), MaxAttempts: 2, FoldMessages: all})
		done := make(doneChan, all)
		for i := range all {
			require.NoError(t, p.PublishAsync("a", fmt.Appendf(nil, "%-*d", size, i), done, i))
		}
		admits <- struct{}{}
		admits <- struct{}{}
		requireAcked(t, done, 0, all)
		require.Equal(t, span(0, all), numbersStored(srv, "a"))
		require.EqualValues(t, 2, p.Stats().Connections)
		p.Stop()
		srv.Close()
	}
}

// lossBehindAFold is an nsqd that stores the first command of its first connection, and is gone before it answers.
var lossBehindAFold = []wiretest.Fault{wiretest.OnPublish(1).Conn(1).Silence(), wiretest.OnPublish(1).Conn(1).Answered().Reset()}

// With the whole of a fold written, a loss makes each member unknown, and nothing goes again.
func TestFoldLostBehindItsEnd(t *testing.T) {
	leak.Check(t)
	srv, gate := newDouble(t, lossBehindAFold...), newTurnstile()
	p := newFolder(t, srv.Addr, folding(gate, srv))
	done := publishWords(t, p, 0, "a a a a a")
	connect(t, p, gate, 2)
	for i, err := range results(t, done, 5) {
		require.Equal(t, actor.Unknown, actor.OutcomeOf(err), i)
		require.ErrorIs(t, err, actor.ErrConnectionLost)
		var own *actor.Error
		require.True(t, errors.As(err, &own))
		require.Equal(t, [2]string{"Publish", "a"}, [2]string{own.Op, own.Topic})
	}
	require.NoError(t, p.Publish("a", []byte("5")))
	require.Equal(t, []string{"1 MPUB a 0 1 2 3 4", "2 PUB a 5"}, stored(srv))
	require.Equal(t, [2]uint64{1, 5}, [2]uint64{p.Stats().Acked, p.Stats().Unknown})
	requireBooks(t, p)
}

// With RetryUnknown all of it goes again, but for those who have left, before what is newer.
func TestFoldLostBehindItsEndGoesAgain(t *testing.T) {
	leak.Check(t)
	srv, gate := newDouble(t), newTurnstile()
	cfg := folding(gate, srv)
	cfg.RetryUnknown = true
	p := newFolder(t, srv.Addr, cfg)
	first := publishWords(t, p, 0, "a a")
	cancel, ended := leaver(p, 2)
	waitingCallers(t, 1)
	second := publishWords(t, p, 3, "a a")
	srv.Add(wiretest.OnPublish(1).Conn(1).Stall())
	connect(t, p, gate, 1)
	receive(t, gate.asked)
	require.NoError(t, srv.WaitMessages(testContext(t), 5))
	cancel()
	require.Equal(t, actor.Unknown, actor.OutcomeOf(receive(t, ended)))
	srv.ResetAll()
	srv.Resume()
	receive(t, gate.asked)
	newer := publishWords(t, p, 5, "a")
	connect(t, p, gate, 1)
	requireAcked(t, first, 0, 2)
	requireAcked(t, second, 3, 2)
	requireAcked(t, newer, 5, 1)
	require.Equal(t, []string{"1 MPUB a 0 1 2 3 4", "2 MPUB a 0 1 3 4 5"}, stored(srv))
	require.Equal(t, [2]uint64{5, 1}, [2]uint64{p.Stats().Acked, p.Stats().Unknown})
	requireBooks(t, p)
}

// Whatever nsqd does, folds of any size keep what is promised of each publish by itself.
func TestFoldsUnderFaults(t *testing.T) {
	leak.Check(t)
	for i, cfg := range []actor.Config{
		{FoldMessages: 256}, {FoldMessages: 2}, {FoldMessages: 256, FoldBytes: 50},
		{FoldMessages: 256, RetryUnknown: true}, {FoldMessages: 3, MaxPending: 5},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Topic("bad").Error(wire.CodeBadTopic, "no"))
			cfg.ResponseTimeout, cfg.HandshakeTimeout = 10*time.Millisecond, 10*time.Millisecond
			cfg.BackoffMin, cfg.BackoffMax = time.Millisecond, 4*time.Millisecond
			p := newFolder(t, srv.Addr, &cfg)
			l := startLoad(p, 16)
			random := rand.New(rand.NewPCG(2, uint64(i)))
			for range 12 {
				misbehave(t, srv, random)
				acked := p.Stats().Acked
				until(t, "progress", func() bool { return p.Stats().Acked > acked })
			}
			l.end(t, srv, &cfg, func() actor.Tally {
				l.over.Store(true)
				l.callers.Wait()
				p.Stop()
				return actor.Tally{}
			})
			require.Less(t, srv.Stats().Publishes, srv.Stats().Messages, "folds have been made")
		})
	}
}
