package actor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// mixture publishes the numbers from one to below another in turns: to three topics, as PUB, as an MPUB of two and as DPUB. It
// returns the channel of their results.
func mixture(t *testing.T, p *actor.Producer, from, below int) doneChan {
	t.Helper()
	done := make(doneChan, below-from)
	for i := from; i < below; i++ {
		topic, body := fmt.Sprintf("topic-%d", i%3), fmt.Append(nil, i)
		var err error
		switch i % 4 {
		case 0, 1:
			err = p.PublishAsync(topic, body, done, i)
		case 2:
			err = p.MultiPublishAsync(topic, [][]byte{body, fmt.Appendf(nil, "%d again", i)}, done, i)
		case 3:
			err = p.DeferredPublishAsync(topic, time.Second, body, done, i)
		}
		require.NoError(t, err)
	}
	return done
}

// mixed returns what these numbers of a mixture look like to whom they reached.
func mixed(numbers ...int) (all []arrived) {
	for _, i := range numbers {
		topic, body := fmt.Sprintf("topic-%d", i%3), fmt.Sprint(i)
		switch i % 4 {
		case 0, 1:
			all = append(all, arrived{"PUB", topic, 0, 0, body})
		case 2:
			all = append(all, arrived{"MPUB", topic, 0, 0, body}, arrived{"MPUB", topic, 0, 1, body + " again"})
		case 3:
			all = append(all, arrived{"DPUB", topic, time.Second, 0, body})
		}
	}
	return all
}

// guilt is what nsqd says of a form that it refuses, and what becomes of the publish by that.
var guilt = [4][]struct {
	code    string
	outcome actor.Outcome
}{
	{{wire.CodeBadTopic, actor.Refused}, {wire.CodePubFailed, actor.Refused}},
	{{wire.CodeBadMessage, actor.Refused}, {"E_NEVER_HEARD_OF", actor.Refused}},
	{{wire.CodeBadBody, actor.Refused}, {wire.CodeMPubFailed, actor.Unknown}},
	{{wire.CodeInvalid, actor.Refused}, {wire.CodeDPubFailed, actor.Refused}},
}

// An error frame in the middle of a pipeline of every form and several topics: what stands before it is acked, what it answers
// ends by it, and all that stands behind goes again, once, in the order of the calls over all topics, before what is newer.
func TestErrorFrameAmongFormsAndTopics(t *testing.T) {
	leak.Check(t)
	const old, all = 16, 24
	for guilty := range old {
		for _, g := range guilt[guilty%4] {
			t.Run(fmt.Sprintf("%d %s", guilty, g.code), func(t *testing.T) {
				srv := newDouble(t, wiretest.OnPublish(guilty+1).Conn(1).Error(g.code, "because of the test"))
				gate := newTurnstile()
				p := newProducer(t, srv.Addr, gate.config(srv))
				done := mixture(t, p, 0, old)
				gate.admit()
				receive(t, gate.asked)
				receive(t, gate.asked) // the second attempt, so that the frame has come
				early := results(t, done, guilty+1)
				require.Empty(t, done, "nothing else has ended")
				newer := mixture(t, p, old, all)
				gate.admit()

				for i := range guilty {
					require.NoError(t, early[i], "before the guilty")
				}
				require.Equal(t, g.outcome, actor.OutcomeOf(early[guilty]), "%v", early[guilty])
				var refusal *wire.ReplyError
				require.ErrorAs(t, early[guilty], &refusal)
				require.Equal(t, &wire.ReplyError{Code: g.code, Text: "because of the test"}, refusal)
				for i, err := range results(t, done, old-guilty-1) {
					require.NoError(t, err, i)
				}
				for i, err := range results(t, newer, all-old) {
					require.NoError(t, err, i)
				}
				require.Equal(t, mixed(append(span(0, guilty), span(guilty+1, all)...)...), arrivals(srv))
				require.Equal(t, 2, srv.Stats().Conns)
				require.EqualValues(t, all-1, p.Stats().Acked)
				requireBooks(t, p)
			})
		}
	}
}

// The same with a frame on each of many connections, the first command's or another's, while more is published all the time:
// the order of the calls is the order of what nsqd stores.
func TestErrorFramesOneBehindTheOther(t *testing.T) {
	leak.Check(t)
	const all = 200
	var faults []wiretest.Fault
	for conn := 1; conn <= 8; conn++ {
		faults = append(faults, wiretest.OnPublish([]int{1, 2, 5, 20}[conn%4]).Conn(conn).Error(wire.CodeBadTopic, "no"))
	}
	srv := newDouble(t, faults...)
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: 40})
	told := results(t, mixture(t, p, 0, all), all)
	var acked []int
	refused := 0
	for i := range all {
		switch actor.OutcomeOf(told[i]) {
		case actor.Acked:
			acked = append(acked, i)
		case actor.Refused:
			refused++
		default:
			require.NoError(t, told[i], i)
		}
	}
	require.Equal(t, 8, refused, "one for each frame")
	require.Equal(t, mixed(acked...), arrivals(srv))
	require.EqualValues(t, 9, p.Stats().Connections)
	requireBooks(t, p)
}

// E_MPUB_FAILED says nothing about what was stored: part of the batch may be, or all of it. The batch is unknown and not sent
// again by itself, not even where what is unknown is.
func TestFailedBatchIsUnknown(t *testing.T) {
	leak.Check(t)
	frame := wire.AppendFrame(nil, wire.FrameError, "E_MPUB_FAILED MPUB failed")
	for _, retryUnknown := range []bool{false, true} {
		srv := newDouble(t, wiretest.OnPublish(2).Conn(1).Answer(frame), wiretest.OnPublish(2).Conn(1).Answered().Close())
		gate := newTurnstile()
		cfg := gate.config(srv)
		cfg.RetryUnknown = retryUnknown
		p := newProducer(t, srv.Addr, cfg)
		gate.admit()
		gate.admit()
		done := mixture(t, p, 1, 6)
		told := results(t, done, 5)
		require.Equal(t, actor.Unknown, actor.OutcomeOf(told[2]))
		var refusal *wire.ReplyError
		require.ErrorAs(t, told[2], &refusal)
		require.Equal(t, wire.CodeMPubFailed, refusal.Code)
		for _, i := range []int{1, 3, 4, 5} {
			require.NoError(t, told[i])
		}
		require.Equal(t, mixed(1, 2, 3, 4, 5), arrivals(srv), "all of it had been stored")
		require.Equal(t, [3]uint64{4, 0, 1}, [3]uint64{p.Stats().Acked, p.Stats().Refused, p.Stats().Unknown})
	}
}
