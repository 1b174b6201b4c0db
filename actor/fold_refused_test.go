package actor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// This file is about folds that nsqd refuses: whom it concerns, and how many connections it costs.

// stricter is a double with lower limits than the client's. Each of its connections begins with a heartbeat.
func stricter(t *testing.T, maxMsgSize, maxBodySize int, faults ...wiretest.Fault) *wiretest.Server {
	t.Helper()
	faults = append(faults, wiretest.OnIdentify().Heartbeat())
	srv := wiretest.Config{MaxMsgSize: maxMsgSize, MaxBodySize: maxBodySize, Faults: faults}.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

// requireCost checks how many connections there were, and that the heartbeat of each was answered.
func requireCost(t *testing.T, srv *wiretest.Server, p *actor.Producer, conns int) {
	t.Helper()
	until(t, "the last of them", func() bool { // which nobody may have needed
		return p.Stats().Connections >= uint64(conns) && srv.Stats().Nops >= conns
	})
	s := srv.Stats()
	require.Equal(t, conns, s.Conns)
	require.EqualValues(t, conns, p.Stats().Connections)
	require.Equal(t, [2]int{conns, conns}, [2]int{s.Heartbeats, s.Nops})
	requireBooks(t, p)
}

// requireRefusal checks that a publish ended as refused, by nsqd's words of this code.
func requireRefusal(t *testing.T, err error, code string) {
	t.Helper()
	require.Equal(t, actor.Refused, actor.OutcomeOf(err), "%v", err)
	var refusal *wire.ReplyError
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, code, refusal.Code)
}

// publishSizes publishes numbers from 0 on to topic a, with bodies of these sizes.
func publishSizes(t *testing.T, p *actor.Producer, sizes []int) doneChan {
	t.Helper()
	done := make(doneChan, len(sizes))
	for i, size := range sizes {
		require.NoError(t, p.PublishAsync("a", fmt.Appendf(nil, "%-*d", size, i), done, i))
	}
	return done
}

// sizes returns n sizes up to and with the largest.
func sizes(n, largest int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = largest - i%(largest/2)
	}
	return all
}

// One of a fold is larger than nsqd takes. The members go again each by itself; only the guilty one is refused, and the others
// are acked, in order, before what is newer. That takes three connections.
func TestOneGuiltyAmongInnocent(t *testing.T) {
	leak.Check(t)
	const all, largest = 256, 100
	for _, guilty := range []int{0, 127, all - 1} {
		for _, size := range []int{largest + 1, 5_000, 16_000} { // all of which can be in a fold
			t.Run(fmt.Sprint(guilty, " with ", size), func(t *testing.T) {
				srv, gate := stricter(t, largest, 0), newTurnstile()
				p := newFolder(t, srv.Addr, folding(gate, srv))
				members := sizes(all, largest)
				members[guilty] = size
				done := publishSizes(t, p, members)
				connect(t, p, gate, 1)
				receive(t, gate.asked)
				receive(t, gate.asked)
				require.Empty(t, done, "the answer to the fold is nobody's yet")
				newer := publishWords(t, p, all, "a b a")
				connect(t, p, gate, 1)
				receive(t, gate.asked)
				early := results(t, done, guilty+1)
				require.Empty(t, done)
				newest := publishWords(t, p, all+3, "b a")
				connect(t, p, gate, 1)

				for i := range guilty {
					require.NoError(t, early[i])
				}
				requireRefusal(t, early[guilty], wire.CodeBadMessage)
				require.ErrorContains(t, early[guilty], fmt.Sprintf("PUB message too big %d > %d", size, largest))
				var own *actor.Error
				require.True(t, errors.As(early[guilty], &own))
				require.Equal(t, [2]string{"Publish", "a"}, [2]string{own.Op, own.Topic})
				requireAcked(t, done, guilty+1, all-guilty-1)
				for _, newer := range []doneChan{newer, newest} {
					for i, err := range results(t, newer, cap(newer)) {
						require.NoError(t, err, i)
					}
				}
				var want []string
				for i := range all {
					if i < guilty {
						want = append(want, fmt.Sprint("2 PUB a ", i))
					} else if i > guilty {
						want = append(want, fmt.Sprint("3 PUB a ", i))
					}
				}
				want = append(want, "3 MPUB a 256 258 260", "3 MPUB b 257 259")
				require.Equal(t, want, stored(srv))
				require.Equal(t, 2, srv.Stats().Refused)
				requireCost(t, srv, p, 3)
			})
		}
	}
}

// Of the second guilty one the producer knows, if it is no smaller: that costs no connection. A smaller one is news.
func TestSecondGuilty(t *testing.T) {
	leak.Check(t)
	const all, largest = 20, 100
	for _, row := range []struct {
		guilty map[int]int // sizes by number
		conns  int
	}{
		{map[int]int{3: 150, 7: 150}, 3},
		{map[int]int{3: 150, 7: 151, 8: 9_000, 19: 150}, 3},
		{map[int]int{0: 101, 1: 101, 2: 102}, 3},
		{map[int]int{3: 150, 7: 149}, 4},
		{map[int]int{3: 150, 4: 149, 5: 148, 6: 149, 7: 150}, 5},
		{map[int]int{0: 150, 19: 101}, 4},
	} {
		t.Run(fmt.Sprint(row.guilty), func(t *testing.T) {
			srv, gate := stricter(t, largest, 0), newTurnstile()
			p := newFolder(t, srv.Addr, folding(gate, srv))
			members := sizes(all, largest)
			for i, size := range row.guilty {
				members[i] = size
			}
			done := publishSizes(t, p, members)
			connect(t, p, gate, row.conns)
			var innocent []int
			for i, err := range results(t, done, all) {
				if row.guilty[i] > 0 {
					requireRefusal(t, err, wire.CodeBadMessage)
				} else {
					require.NoError(t, err, i)
				}
			}
			for i := range all {
				if row.guilty[i] == 0 {
					innocent = append(innocent, i)
				}
			}
			require.Equal(t, innocent, numbersStored(srv, "a"), "in order")
			requireCost(t, srv, p, row.conns)
			require.Equal(t, row.conns-1, srv.Stats().Refused)
		})
	}
}

// tooLarge publishes a body of 150 bytes in each form.
var tooLarge = map[string]func(p *actor.Producer) error{
	"Publish": func(p *actor.Producer) error { return p.Publish("b", make([]byte, 150)) },
	"PublishAsync": func(p *actor.Producer) error {
		done := make(doneChan, 1)
		if err := p.PublishAsync("b", make([]byte, 150), done); err != nil {
			return err
		}
		return (<-done).Error
	},
	"DeferredPublish": func(p *actor.Producer) error { return p.DeferredPublish("b", 0, make([]byte, 150)) },
	"MultiPublish":    func(p *actor.Producer) error { return p.MultiPublish("b", [][]byte{{1}, make([]byte, 150)}) },
}

// What was learned holds for later publishes, until a connection ends without a frame; of a batch nothing is known.
func TestLessonLastsUntilALoss(t *testing.T) {
	leak.Check(t)
	for name, form := range tooLarge {
		t.Run(name, func(t *testing.T) {
			srv := stricter(t, 100, 0, wiretest.OnPublish(wiretest.Every).Topic("c").Error(wire.CodeBadTopic, "no"))
			p := newFolder(t, srv.Addr, &actor.Config{FoldMessages: 256, Dial: srv.Dial})
			conns := 1
			refuse := func(cost int) {
				t.Helper()
				err := form(p)
				requireRefusal(t, err, wire.CodeBadMessage)
				require.Equal(t, cost == 0, strings.Contains(err.Error(), "before"), "%v", err)
				conns += cost
				require.NoError(t, p.Publish("a", make([]byte, 100)))
				requireCost(t, srv, p, conns)
			}
			news, known := 1, 0
			if name == "MultiPublish" {
				known = 1
			}
			refuse(news)
			refuse(known)
			requireRefusal(t, p.Publish("c", []byte("x")), wire.CodeBadTopic) // a frame is no loss
			conns++
			refuse(known)
			for range 2 {
				srv.CloseAll()
				conns++
				until(t, "the next connection", func() bool { return p.Stats().Connections == uint64(conns) })
				refuse(news)
				refuse(known)
			}
			require.Zero(t, srv.MessageCount("b"))
		})
	}
}

// A batch teaches nothing, and what was learned says nothing of batches, which are as large as their messages together.
func TestLessonsAndBatches(t *testing.T) {
	leak.Check(t)
	srv := stricter(t, 100, 0)
	p := newFolder(t, srv.Addr, &actor.Config{FoldMessages: 256, Dial: srv.Dial})
	requireRefusal(t, tooLarge["MultiPublish"](p), wire.CodeBadMessage)
	requireRefusal(t, p.Publish("a", make([]byte, 200)), wire.CodeBadMessage)
	requireCost(t, srv, p, 3)
	require.NoError(t, p.MultiPublish("a", [][]byte{make([]byte, 100), make([]byte, 100), make([]byte, 100)}))
	requireRefusal(t, tooLarge["MultiPublish"](p), wire.CodeBadMessage)
	requireCost(t, srv, p, 4)
	require.Equal(t, 3, srv.Stats().Messages)
}

// E_BAD_MESSAGE has other meanings than a body's size. From them nothing follows for other bodies.
func TestNoLessonFromOtherWords(t *testing.T) {
	leak.Check(t)
	const says = "failed to read message body"
	srv, gate := newDouble(t, wiretest.OnPublish(1).Conn(1).Error(wire.CodeBadMessage, "MPUB "+says),
		wiretest.OnPublish(2).Conn(2).Error(wire.CodeBadMessage, "PUB "+says)), newTurnstile()
	p := newFolder(t, srv.Addr, folding(gate, srv))
	done := publishWords(t, p, 0, "a a a a")
	connect(t, p, gate, 3)
	told := results(t, done, 4)
	requireRefusal(t, told[1], wire.CodeBadMessage)
	for _, i := range []int{0, 2, 3} {
		require.NoError(t, told[i])
	}
	require.NoError(t, p.Publish("a", []byte("4")), "of the same size")
	require.NoError(t, p.Publish("a", []byte("larger")))
	require.Equal(t, []string{"2 PUB a 0", "3 PUB a 2", "3 PUB a 3", "3 PUB a 4", "3 PUB a larger"}, stored(srv))
	require.EqualValues(t, 3, p.Stats().Connections)
	requireBooks(t, p)
}

// Whoever leaves while nsqd refuses the fold does not go again, not even if it is the guilty one: then nobody is refused.
func TestGuiltyOneLeaves(t *testing.T) {
	leak.Check(t)
	left := make(chan struct{})
	srv, gate := newDouble(t, wiretest.OnPublish(1).Conn(1).Do(func() { <-left }),
		wiretest.OnPublish(1).Conn(1).Error(wire.CodeBadMessage, "MPUB message too big 1 > 0")), newTurnstile()
	p := newFolder(t, srv.Addr, folding(gate, srv))
	before := publishWords(t, p, 0, "a a")
	cancel, ended := leaver(p, 2)
	waitingCallers(t, 1)
	behind := publishWords(t, p, 3, "a")
	connect(t, p, gate, 1)
	require.NoError(t, srv.WaitCommands(testContext(t), 2))
	cancel()
	err := receive(t, ended)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, actor.Unknown, actor.OutcomeOf(err), "it was written, and nsqd had not spoken yet")
	close(left)
	connect(t, p, gate, 1)
	requireAcked(t, before, 0, 2)
	requireAcked(t, behind, 3, 1)
	require.Equal(t, []string{"2 PUB a 0", "2 PUB a 1", "2 PUB a 3"}, stored(srv))
	require.EqualValues(t, 2, p.Stats().Connections)
	requireBooks(t, p)
}

// Any other refusal is the answer to every member, since a fold has one topic, and to nobody else in the same write.
func TestRefusalOfAFoldIsItsMembersOwn(t *testing.T) {
	leak.Check(t)
	for _, code := range []string{
		wire.CodeBadTopic, wire.CodeInvalid, wire.CodeUnauthorized, wire.CodeAuthFirst, wire.CodeAuthFailed, wire.CodeAuthDisabled,
		wire.CodeAuthError, wire.CodePubFailed, wire.CodeMPubFailed, "E_NEVER_HEARD_OF",
	} {
		for _, members := range []int{1, 3} {
			for _, retryUnknown := range []bool{false, true} {
				t.Run(fmt.Sprint(code, members, retryUnknown), func(t *testing.T) {
					srv := stricter(t, 0, 0, wiretest.OnPublish(wiretest.Every).Conn(1).Topic("b").Error(code, "because of the test"))
					gate := newTurnstile()
					cfg := folding(gate, srv)
					cfg.BackoffMin, cfg.RetryUnknown = time.Millisecond, retryUnknown
					p := newFolder(t, srv.Addr, cfg)
					before := publishWords(t, p, 0, "a a")
					bad := publishWords(t, p, 2, strings.Repeat("b ", members))
					behind := publishWords(t, p, 5, "c d c c a")
					connect(t, p, gate, 1)
					receive(t, gate.asked)
					receive(t, gate.asked)
					told := results(t, bad, members)
					newer := publishWords(t, p, 10, "c b")
					connect(t, p, gate, 1)

					// All of topic a came before the fold, since it is one command.
					requireAcked(t, before, 0, 2)
					for i, err := range results(t, behind, 5) {
						require.NoError(t, err, i)
					}
					want := []string{"1 MPUB a 0 1 9", "2 MPUB c 5 7 8 10", "2 PUB d 6", "2 PUB b 11"}
					later := results(t, newer, 2)
					require.NoError(t, later[10])
					if code == wire.CodeUnauthorized { // the topic is barred for a while
						requireRefusal(t, later[11], code)
						want = want[:3]
					} else {
						require.NoError(t, later[11])
					}
					for i, err := range told {
						var refusal *wire.ReplyError
						require.ErrorAs(t, err, &refusal, i)
						require.Equal(t, &wire.ReplyError{Code: code, Text: "because of the test"}, refusal)
						outcome := actor.Refused
						if code == wire.CodeMPubFailed {
							outcome = actor.Unknown
						}
						require.Equal(t, outcome, actor.OutcomeOf(err), i)
					}
					require.Equal(t, want, stored(srv))
					requireCost(t, srv, p, 2)
				})
			}
		}
	}
}
