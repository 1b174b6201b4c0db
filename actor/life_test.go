package actor_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// turnstile is a dial hook that lets one attempt through for each admit.
type turnstile struct {
	asked  chan struct{} // gets one for each attempt
	admits chan struct{}
}

func newTurnstile() *turnstile {
	return &turnstile{make(chan struct{}, 1000), make(chan struct{}, 1000)}
}

func (s *turnstile) admit() { s.admits <- struct{}{} }

func (s *turnstile) config(srv *wiretest.Server) *actor.Config {
	return &actor.Config{DialTimeout: patience, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		s.asked <- struct{}{}
		select {
		case <-s.admits:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return srv.Dial(ctx, network, addr)
	}}
}

// publishNumbers publishes the numbers from one to below another, and returns the channel for their results.
func publishNumbers(t *testing.T, p *actor.Producer, topic string, from, below int) chan *actor.Transaction {
	done := make(chan *actor.Transaction, below-from)
	for i := from; i < below; i++ {
		require.NoError(t, p.PublishAsync(topic, fmt.Appendf(nil, "%d", i), done, i))
	}
	return done
}

// results receives n results and returns their errors by what was published.
func results(t *testing.T, done <-chan *actor.Transaction, n int) map[int]error {
	errs := make(map[int]error)
	for range n {
		result := receive(t, done)
		require.NotContains(t, errs, result.Args[0], "a second result")
		errs[result.Args[0].(int)] = result.Error
	}
	return errs
}

func numbersStored(srv *wiretest.Server, topic string) (numbers []int) {
	for _, m := range srv.Messages() {
		var n int
		if fmt.Sscan(string(m.Body), &n); m.Topic == topic {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func span(from, below int) (all []int) {
	for i := from; i < below; i++ {
		all = append(all, i)
	}
	return all
}

func TestErrorFrameInThePipeline(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnPublish(8).Conn(1).Error(wire.CodeBadTopic, "because of the test"))
	gate := newTurnstile()
	p := newProducer(t, srv.Addr, gate.config(srv))
	old := publishNumbers(t, p, "topic", 0, 20)
	gate.admit()
	receive(t, gate.asked)
	receive(t, gate.asked) // the second attempt, so that the frame has come
	early := results(t, old, 8)
	for i := range 7 {
		require.NoError(t, early[i], "before the guilty")
	}
	var refusal *wire.ReplyError
	require.ErrorAs(t, early[7], &refusal)
	require.Equal(t, &wire.ReplyError{Code: wire.CodeBadTopic, Text: "because of the test"}, refusal)
	require.Equal(t, actor.Refused, actor.OutcomeOf(early[7]))
	require.Empty(t, old, "nothing else has failed")
	require.EqualValues(t, 12, p.Stats().Pending)

	newer := publishNumbers(t, p, "topic", 20, 30)
	gate.admit()
	for i, err := range results(t, old, 12) {
		require.NoError(t, err, i)
	}
	for i, err := range results(t, newer, 10) {
		require.NoError(t, err, i)
	}
	require.Equal(t, append(span(0, 7), span(8, 30)...), numbersStored(srv, "topic"), "once each, what goes again before what is newer")
	require.Equal(t, 2, srv.Stats().Conns)
	requireBooks(t, p)
}

// To stand behind another's error uses up no attempt: good publishes live through more frames than MaxAttempts.
func TestTheInnocentOutliveManyFrames(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Topic("bad").Error(wire.CodeBadTopic, ""))
	gate := newTurnstile()
	p := newProducer(t, srv.Addr, gate.config(srv))
	done := make(chan *actor.Transaction, 100)
	for i := range 100 {
		topic := "good"
		if i%10 == 0 {
			topic = "bad"
		}
		require.NoError(t, p.PublishAsync(topic, fmt.Appendf(nil, "%d", i), done, i))
	}
	for range 50 {
		gate.admit()
	}
	var good []int
	for i, err := range results(t, done, 100) {
		if i%10 == 0 {
			require.Equal(t, actor.Refused, actor.OutcomeOf(err))
		} else {
			require.NoError(t, err)
		}
	}
	for i := range 100 {
		if i%10 != 0 {
			good = append(good, i)
		}
	}
	require.Equal(t, good, numbersStored(srv, "good"))
	require.EqualValues(t, 11, p.Stats().Connections)
}

func TestLossLeavesTheWrittenUnknown(t *testing.T) {
	leak.Check(t)
	for name, cut := range map[string]func(*wiretest.Server){"reset": (*wiretest.Server).ResetAll, "closed": (*wiretest.Server).CloseAll} {
		t.Run(name, func(t *testing.T) {
			srv := newDouble(t, wiretest.OnPublish(4).Conn(1).Stall())
			door := newBarrier()
			p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience})
			done := publishNumbers(t, p, "topic", 0, 10)
			door.open()
			require.NoError(t, srv.WaitMessages(testContext(t), 10))
			early := results(t, done, 3)
			cut(srv)
			for i := range 3 {
				require.NoError(t, early[i])
			}
			for i, err := range results(t, done, 7) {
				require.ErrorIs(t, err, actor.ErrConnectionLost, i)
				require.NotErrorIs(t, err, actor.ErrNotConnected)
				require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
			}
			require.NoError(t, p.Publish("topic", []byte("10")))
			require.Equal(t, span(0, 11), numbersStored(srv, "topic"), "what is unknown is not sent again")
			require.EqualValues(t, 2, p.Stats().Connections)
			requireBooks(t, p)
		})
	}
}

// What was not written whole is certainly not stored, and goes again with all that stands behind it.
func TestLossSendsThePartlyWrittenAgain(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnByte(150_000).Conn(1).Reset())
	gate := newTurnstile()
	p := newProducer(t, srv.Addr, gate.config(srv)) // in memory, where buffers have a known size
	gate.admit()
	gate.admit()
	require.NoError(t, p.Ping())
	done := make(chan *actor.Transaction, 3)
	for i, size := range []int{1 << 20, 10, 1 << 20} {
		require.NoError(t, p.PublishAsync("topic", anyBytes(size), done, i))
	}
	for i, err := range results(t, done, 3) {
		require.NoError(t, err, i)
	}
	var sizes []int
	for _, m := range srv.Messages() {
		require.Equal(t, 2, m.Conn)
		require.Equal(t, anyBytes(len(m.Body)), m.Body)
		sizes = append(sizes, len(m.Body))
	}
	require.Equal(t, []int{1 << 20, 10, 1 << 20}, sizes)
}

func TestAttemptsAreCounted(t *testing.T) {
	leak.Check(t)
	for _, attempts := range []int{0, 1, 5} {
		t.Run(fmt.Sprint(attempts), func(t *testing.T) {
			srv := newDouble(t, wiretest.OnByte(100_000).Reset())
			p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial, MaxAttempts: attempts})
			want := attempts
			if attempts == 0 {
				want = 3
			}
			err := receive(t, started(func() error { return p.Publish("topic", make([]byte, 1<<20)) }))
			require.ErrorIs(t, err, actor.ErrNotConnected)
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			require.ErrorContains(t, err, fmt.Sprintf("%d connections lost", want))
			tried := 0
			for _, c := range srv.Conns() {
				if c.Bytes > 10_000 {
					tried++
				}
			}
			require.Equal(t, want, tried)
			require.Zero(t, srv.Stats().Messages)
			require.NoError(t, p.Publish("topic", []byte("small")), "a publish that had no part in it starts anew")
		})
	}
}

func TestFailuresOfNsqd(t *testing.T) {
	leak.Check(t)
	body := []byte("body")
	for _, failure := range []struct {
		code    string
		outcome actor.Outcome
		publish func(*actor.Producer) error
	}{
		{wire.CodePubFailed, actor.Refused, func(p *actor.Producer) error { return p.Publish("failing", body) }},
		{wire.CodeDPubFailed, actor.Refused, func(p *actor.Producer) error { return p.DeferredPublish("failing", 1, body) }},
		{wire.CodeMPubFailed, actor.Unknown, func(p *actor.Producer) error { return p.MultiPublish("failing", [][]byte{body, body}) }},
		{wire.CodeAuthFailed, actor.Refused, func(p *actor.Producer) error { return p.Publish("failing", body) }},
		{wire.CodeUnauthorized, actor.Refused, func(p *actor.Producer) error { return p.Publish("failing", body) }},
		{"E_NEVER_HEARD_OF", actor.Refused, func(p *actor.Producer) error { return p.Publish("failing", body) }},
	} {
		t.Run(failure.code, func(t *testing.T) {
			srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Topic("failing").Error(failure.code, "exiting"))
			p := newProducer(t, srv.Addr, nil)
			err := failure.publish(p)
			require.Equal(t, failure.outcome, actor.OutcomeOf(err))
			var refusal *wire.ReplyError
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, &wire.ReplyError{Code: failure.code, Text: "exiting"}, refusal)
			began := time.Now()
			require.NoError(t, p.Publish("topic", body), "the first pause is waited for")
			pause := time.Since(began)
			if refusal.Fact().Retry == wire.RetryLater {
				require.Greater(t, pause, 25*time.Millisecond) // 50, but for what the result took to get here
			}
			require.Equal(t, 1, srv.Stats().Messages)
			requireBooks(t, p)
		})
	}
}
