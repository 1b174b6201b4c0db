package actor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// This file is about what counts where publishes are folded: they do, and not the commands.

// MaxPending and MaxPendingBytes bound publishes, in the fold that is unanswered as in the backlog.
func TestBoundsCountMembersOfFolds(t *testing.T) {
	leak.Check(t)
	const size = 100
	for name, cfg := range map[string]actor.Config{"MaxPending": {MaxPending: 10}, "MaxPendingBytes": {MaxPendingBytes: 10 * size}} {
		t.Run(name, func(t *testing.T) {
			srv, gate := newDouble(t), newTurnstile()
			cfg.FoldMessages, cfg.ResponseTimeout = 256, patience
			cfg.Dial, cfg.DialTimeout = gate.config(srv).Dial, patience
			p := newFolder(t, srv.Addr, &cfg)
			try := func(i int, done doneChan) error {
				return p.TryPublishAsync("a", fmt.Appendf(nil, "%-*d", size, i), done, i)
			}
			done := make(doneChan, 10)
			for i := range 10 {
				require.NoError(t, try(i, done))
			}
			require.Equal(t, actor.ErrFull, try(10, nil), "queued")
			srv.Add(wiretest.OnPublish(1).Stall())
			connect(t, p, gate, 1)
			require.NoError(t, srv.WaitMessages(testContext(t), 10))
			require.Equal(t, actor.ErrFull, try(10, nil), "ten publishes, one command")
			require.Equal(t, [2]uint64{10, 10 * size}, [2]uint64{p.Stats().Pending, p.Stats().PendingBytes})
			srv.Resume()
			requireAcked(t, done, 0, 10)
			require.NoError(t, p.Flush(testContext(t)))
			require.Equal(t, []string{"1 MPUB a 0 1 2 3 4 5 6 7 8 9"}, stored(srv))
			require.Zero(t, p.Stats().Pending+p.Stats().PendingBytes)
			srv.Stall()
			for i := range 10 {
				require.NoError(t, try(i, nil), "each has given back its place")
			}
			require.Equal(t, actor.ErrFull, try(10, nil))
			srv.Resume()
			require.NoError(t, p.Flush(testContext(t)))
			requireBooks(t, p)
		})
	}
}

// What callers left behind in a fold counts against what is taken from the backlog: memory stays bounded if everybody leaves a
// stopped nsqd.
func TestBoundsCountWhoLeftAFold(t *testing.T) {
	leak.Check(t)
	const all = 8
	srv, gate := newDouble(t), newTurnstile()
	cfg := folding(gate, srv)
	cfg.MaxPending, cfg.ResponseTimeout = all, patience
	p := newFolder(t, srv.Addr, cfg)
	ctx, leave := context.WithCancel(context.Background())
	ended := make(chan error, all)
	for range all {
		go func() { ended <- p.PublishContext(ctx, "a", []byte("left")) }()
	}
	waitingCallers(t, all)
	srv.Add(wiretest.OnPublish(1).Stall())
	connect(t, p, gate, 1)
	require.NoError(t, srv.WaitMessages(testContext(t), all))
	leave()
	for range all {
		require.Equal(t, actor.Unknown, actor.OutcomeOf(receive(t, ended)))
	}
	first := publishWords(t, p, 0, "b")
	for range 3 { // by the third the loop has been where it would have written, were there room in the window only
		require.NoError(t, p.Ping())
	}
	rest := publishWords(t, p, 1, strings.Repeat("b ", all-1))
	require.NoError(t, p.Ping(), "the loop has all")
	srv.Resume()
	requireAcked(t, first, 0, 1)
	requireAcked(t, rest, 1, all-1)
	require.Equal(t, []string{"1 MPUB a" + strings.Repeat(" left", all), "1 MPUB b" + numbered(0, all)}, stored(srv))
	requireBooks(t, p)
}

// Flush waits for each member, and a Shutdown's Tally counts each.
func TestFlushAndTallyCountMembersOfFolds(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p, first := stalled(t, srv, &actor.Config{FoldMessages: 256})
	done := publishWords(t, p, 2, "a a a b b a")
	flushed := flushing(t, p, context.Background(), 1)
	newer := publishWords(t, p, 8, "a")
	require.Equal(t, uint64(9), p.Stats().Pending)
	srv.Resume()
	require.NoError(t, receive(t, flushed))
	require.GreaterOrEqual(t, p.Stats().Acked, uint64(8))
	require.Len(t, results(t, done, 6), 6)
	requireAcked(t, first, 0, 2)
	requireAcked(t, newer, 8, 1)
	requireBooks(t, p)

	srv = newDouble(t, wiretest.OnPublish(wiretest.Every).Topic("c").Error(wire.CodeBadTopic, "no"))
	p, _ = stalled(t, srv, &actor.Config{FoldMessages: 256})
	publishWords(t, p, 2, "a b a b c c c a* b b")
	require.NoError(t, p.Ping(), "the loop has all")
	tally := started(func() actor.Tally {
		tally, err := p.Shutdown(context.Background())
		require.NoError(t, err)
		return tally
	})
	until(t, "it has begun", func() bool { return p.Stats().Phase != state.Live })
	srv.Resume()
	require.Equal(t, actor.Tally{Acked: 9, Refused: 3}, receive(t, tally))
	require.Equal(t, []string{
		"1 PUB a 0", "1 PUB a 1", "1 MPUB a 2 4", "1 MPUB b 3 5 10 11", "2 MPUB a 9 9",
	}, stored(srv))
	requireBooks(t, p)

	// Cut short, what was written is unknown, and what was not is not sent.
	srv = newDouble(t)
	p, _ = stalled(t, srv, &actor.Config{FoldMessages: 256})
	publishWords(t, p, 2, "a b a b")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cut, err := p.Shutdown(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, actor.Tally{Unknown: 2, NotSent: 4}, cut)
}
