package actor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest"
)

// This file is about publishes that go out together and are folded into one MPUB for each topic.

// newFolder is newProducer for tests that know what becomes one fold: no two of their topics, each of one letter, share a hash.
func newFolder(t testing.TB, addr string, cfg *actor.Config) *actor.Producer {
	t.Helper()
	for range 10 {
		if p := newProducer(t, addr, cfg); p.FoldsApart("a", "b", "c", "d") {
			return p
		}
	}
	require.FailNow(t, "hashes that are all the same")
	return nil
}

// folding is a turnstile's config with folding on.
func folding(gate *turnstile, srv *wiretest.Server) *actor.Config {
	cfg := gate.config(srv)
	cfg.FoldMessages = 256
	return cfg
}

// connect lets so many attempts through, when everything that was published waits for the first of them: what comes up to then
// may otherwise miss the write.
func connect(t testing.TB, p *actor.Producer, gate *turnstile, attempts int) {
	t.Helper()
	until(t, "the loop has all", p.Gathered)
	for range attempts {
		gate.admit()
	}
}

// publishWords publishes a number for each word, from one on: to the topic that the word begins with, as MultiPublish of two with
// a * behind it, as DeferredPublish with a ~. It returns the channel of the results.
func publishWords(t *testing.T, p *actor.Producer, from int, words string) doneChan {
	t.Helper()
	all := strings.Fields(words)
	done := make(doneChan, len(all))
	for i, word := range all {
		topic, body := word[:1], fmt.Append(nil, from+i)
		var err error
		switch word[1:] {
		case "":
			err = p.PublishAsync(topic, body, done, from+i)
		case "*":
			err = p.MultiPublishAsync(topic, [][]byte{body, body}, done, from+i)
		case "~":
			err = p.DeferredPublishAsync(topic, time.Second, body, done, from+i)
		}
		require.NoError(t, err)
	}
	return done
}

// stored returns the commands that a double has executed, in words: the connection's number, the command's name, the topic, and
// the first word of each body.
func stored(srv *wiretest.Server) (all []string) {
	conn, number := 0, 0
	for _, m := range srv.Messages() {
		if m.Conn != conn || m.Number != number {
			conn, number = m.Conn, m.Number
			all = append(all, fmt.Sprint(conn, " ", m.Command, " ", m.Topic))
		}
		body, _, _ := strings.Cut(string(m.Body), " ")
		all[len(all)-1] += " " + body
	}
	return all
}

// numbered returns the numbers from one to below another as words.
func numbered(from, below int) string {
	var words strings.Builder
	for i := from; i < below; i++ {
		fmt.Fprint(&words, " ", i)
	}
	return words.String()
}

// requireAcked receives n results, which must come in the order of the publishes' numbers from one on, each once.
func requireAcked(t *testing.T, done doneChan, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		result := receive(t, done)
		require.NoError(t, result.Error, i)
		require.Equal(t, []any{i}, result.Args)
		result.Release()
	}
	require.Empty(t, done, "one result each")
}

// What queued up during the handshake goes out in one write, each topic's publishes as one MPUB, whoever made them.
func TestFoldsWhatWaitedForTheHandshake(t *testing.T) {
	leak.Check(t)
	srv, gate := newDouble(t), newTurnstile()
	p := newFolder(t, srv.Addr, folding(gate, srv))
	done := publishWords(t, p, 0, "a b a c b a")
	ended := make(chan error, 20)
	for i := range cap(ended) {
		go func() {
			if i%2 == 0 {
				ended <- p.Publish("d", []byte("x"))
			} else {
				ended <- p.PublishContext(testContext(t), "d", []byte("x"))
			}
		}()
	}
	waitingCallers(t, cap(ended))
	connect(t, p, gate, 1)
	for range cap(ended) {
		require.NoError(t, receive(t, ended))
	}
	told := results(t, done, 6)
	for i := range 6 {
		require.NoError(t, told[i])
	}
	require.Equal(t, []string{"1 MPUB a 0 2 5", "1 MPUB b 1 4", "1 PUB c 3", "1 MPUB d" + strings.Repeat(" x", 20)}, stored(srv))
	for _, m := range srv.Messages() {
		require.Equal(t, srv.Messages()[0].Read, m.Read, "one write")
	}
	require.EqualValues(t, 26, p.Stats().Acked)
	requireBooks(t, p)
}

// stalled makes a producer with two writes unanswered, of the publishes 0 and 1 to topic a, so that what comes now queues up until
// Resume. Their results come on the channel.
func stalled(t *testing.T, srv *wiretest.Server, cfg *actor.Config) (*actor.Producer, doneChan) {
	t.Helper()
	cfg.Dial, cfg.ResponseTimeout = srv.Dial, patience
	p := newFolder(t, srv.Addr, cfg)
	require.NoError(t, p.Ping())
	srv.Stall()
	before, done := srv.Stats().Commands, make(doneChan, 2)
	for i := range 2 {
		require.NoError(t, p.PublishAsync("a", fmt.Append(nil, i), done, i))
		require.NoError(t, srv.WaitCommands(testContext(t), before+1+i))
	}
	return p, done
}

// So does what queued up behind answers that were late.
func TestFoldsWhatWaitedForAnAnswer(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p, first := stalled(t, srv, &actor.Config{FoldMessages: 256})
	done := publishWords(t, p, 2, "a a b a b a c")
	require.NoError(t, p.Ping(), "the loop has all")
	srv.Resume()
	requireAcked(t, first, 0, 2)
	for i, err := range results(t, done, 7) {
		require.NoError(t, err, i)
	}
	require.Equal(t, []string{"1 PUB a 0", "1 PUB a 1", "1 MPUB a 2 3 5 7", "1 MPUB b 4 6", "1 PUB c 8"}, stored(srv))
	requireBooks(t, p)
}

// MultiPublish and DeferredPublish stay what they are, and in their place.
func TestFoldsLeaveOtherFormsAlone(t *testing.T) {
	leak.Check(t)
	srv, gate := newDouble(t), newTurnstile()
	p := newFolder(t, srv.Addr, folding(gate, srv))
	done := publishWords(t, p, 0, "a a a* a b a~ a b a a* a*")
	connect(t, p, gate, 1)
	for i, err := range results(t, done, 11) {
		require.NoError(t, err, i)
	}
	require.Equal(t, []string{
		"1 MPUB a 0 1", "1 MPUB a 2 2", "1 PUB a 3", "1 MPUB b 4 7", "1 DPUB a 5", "1 MPUB a 6 8", "1 MPUB a 9 9", "1 MPUB a 10 10",
	}, stored(srv))
	requireBooks(t, p)
}

func TestFoldLimitsAreKept(t *testing.T) {
	const all, size = 50, 20
	for _, row := range []struct {
		name    string
		cfg     actor.Config
		members int
	}{
		{"off", actor.Config{FoldMessages: 1}, 1},
		{"off, whatever the bytes", actor.Config{FoldMessages: 1, FoldBytes: 1 << 20}, 1},
		{"twelve", actor.Config{FoldMessages: 12}, 12},
		{"bytes for seven", actor.Config{FoldMessages: 12, FoldBytes: 4 + 7*(4+size)}, 7},
		{"one byte less", actor.Config{FoldMessages: 12, FoldBytes: 4 + 7*(4+size) - 1}, 6},
		{"bytes for none", actor.Config{FoldMessages: 12, FoldBytes: 1}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv, gate := newDouble(t), newTurnstile()
			cfg := row.cfg
			cfg.Dial, cfg.DialTimeout = gate.config(srv).Dial, patience
			p := newFolder(t, srv.Addr, &cfg)
			done := make(doneChan, all)
			for i := range all {
				require.NoError(t, p.PublishAsync("t", fmt.Appendf(nil, "%-*d", size, i), done, i))
			}
			connect(t, p, gate, 1)
			requireAcked(t, done, 0, all)
			var want []string
			for i := 0; i < all; i += row.members {
				below := min(all, i+row.members)
				name := "1 MPUB t"
				if below-i == 1 {
					name = "1 PUB t"
				}
				want = append(want, name+numbered(i, below))
			}
			require.Equal(t, want, stored(srv))
			require.Equal(t, 2, srv.Conns()[0].Reads, "one write")
		})
	}
}

// leaver publishes a number to topic a, with a context that ends with cancel.
func leaver(p *actor.Producer, number int) (cancel context.CancelFunc, ended <-chan error) {
	ctx, cancel := context.WithCancel(context.Background())
	return cancel, started(func() error { return p.PublishContext(ctx, "a", fmt.Append(nil, number)) })
}

// Whoever leaves before the write is not in it, and the others are in one fold. Whoever leaves behind it does not know, and the
// answer is still the others'.
func TestFoldWhoseMemberLeaves(t *testing.T) {
	leak.Check(t)
	srv, gate := newDouble(t), newTurnstile()
	p := newFolder(t, srv.Addr, folding(gate, srv))
	before := publishWords(t, p, 0, "a a")
	cancel, ended := leaver(p, 2)
	waitingCallers(t, 1)
	behind := publishWords(t, p, 3, "a a")
	cancel()
	err := receive(t, ended)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
	connect(t, p, gate, 1)
	requireAcked(t, before, 0, 2)
	requireAcked(t, behind, 3, 2)
	require.Equal(t, []string{"1 MPUB a 0 1 3 4"}, stored(srv))

	for number := 5; number <= 7; number++ { // the first, the middle and the last of its fold
		srv, gate := newDouble(t), newTurnstile()
		p := newFolder(t, srv.Addr, folding(gate, srv))
		before := publishWords(t, p, 5, strings.Repeat("a ", number-5))
		cancel, ended := leaver(p, number)
		waitingCallers(t, 1)
		behind := publishWords(t, p, number+1, strings.Repeat("a ", 7-number))
		srv.Add(wiretest.OnPublish(1).Stall())
		connect(t, p, gate, 1)
		require.NoError(t, srv.WaitMessages(testContext(t), 3))
		cancel()
		err := receive(t, ended)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
		srv.Resume()
		requireAcked(t, before, 5, number-5)
		requireAcked(t, behind, number+1, 7-number)
		require.Equal(t, []string{"1 MPUB a 5 6 7"}, stored(srv))
		require.NoError(t, p.Flush(testContext(t)))
		require.Equal(t, [2]uint64{2, 1}, [2]uint64{p.Stats().Acked, p.Stats().Unknown})
		requireBooks(t, p)
	}
}
