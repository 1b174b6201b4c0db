package actor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// until polls for what no channel tells of.
func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			require.FailNow(t, "never: "+what, "%s", leak.Stacks())
		}
	}
}

// arrived is what a message looks like to whom it reached.
type arrived struct {
	command, topic string
	delay          time.Duration
	index          int
	body           string
}

func arrivals(srv *wiretest.Server) (all []arrived) {
	for _, m := range srv.Messages() {
		all = append(all, arrived{m.Command, m.Topic, m.Delay, m.Index, string(m.Body)})
	}
	return all
}

// anyBytes returns n bytes in which every value comes up.
func anyBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + i>>8)
	}
	return b
}

func TestEveryFormArrivesByteForByte(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	ctx := testContext(t)
	var want []arrived

	bodies := [][]byte{{0}, []byte("\n"), []byte("PUB other\n\x00\x00\x00\x01x"), []byte("NOP\n"), anyBytes(256)}
	for _, size := range []int{16<<10 - 20, 16 << 10, 64<<10 - 10, 64 << 10, 64<<10 + 1, 1 << 20} { // where copies and pieces begin and end
		bodies = append(bodies, anyBytes(size))
	}
	for _, topic := range []string{"t", "A.b_c-9", "t#ephemeral", strings.Repeat("x", 64), strings.Repeat("y", 54) + "#ephemeral"} {
		for _, body := range bodies {
			require.NoError(t, p.Publish(topic, body))
			require.NoError(t, p.PublishContext(ctx, topic, body))
			pub := arrived{"PUB", topic, 0, 0, string(body)}
			want = append(want, pub, pub)
		}
		require.NoError(t, p.MultiPublish(topic, bodies))
		require.NoError(t, p.MultiPublishContext(ctx, topic, bodies[:1]))
		for i, body := range append(bodies[:len(bodies):len(bodies)], bodies[0]) {
			want = append(want, arrived{"MPUB", topic, 0, i % len(bodies), string(body)})
		}
	}
	for _, delay := range []struct{ asked, sent time.Duration }{
		{0, 0},
		{1, time.Millisecond},
		{time.Millisecond - 1, time.Millisecond},
		{time.Millisecond, time.Millisecond},
		{time.Millisecond + 1, 2 * time.Millisecond},
		{time.Hour - 1, time.Hour},
		{time.Hour, time.Hour},
	} {
		require.NoError(t, p.DeferredPublish("later", delay.asked, []byte("d")))
		require.NoError(t, p.DeferredPublishContext(ctx, "later", delay.asked, []byte("d")))
		dpub := arrived{"DPUB", "later", delay.sent, 0, "d"}
		want = append(want, dpub, dpub)
	}

	got := arrivals(srv)
	require.Len(t, got, len(want))
	for i := range want {
		require.True(t, want[i] == got[i], "message %d: %.200q instead of %.200q", i, fmt.Sprint(got[i]), fmt.Sprint(want[i]))
	}
	require.Equal(t, 1, srv.Stats().Conns)
	requireBooks(t, p)
	require.EqualValues(t, srv.Stats().Publishes, p.Stats().Acked)
}

func TestOrderIsKept(t *testing.T) {
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	const n = 5000
	done := make(chan *actor.Transaction, n)
	for i := range n {
		require.NoError(t, p.PublishAsync("order", fmt.Appendf(nil, "%d", i), done, i))
	}
	for i := range n {
		result := receive(t, done)
		require.NoError(t, result.Error)
		require.Equal(t, []any{i}, result.Args, "results come in the order of the answers")
		result.Release()
	}
	for i, m := range srv.Messages() {
		require.Equal(t, fmt.Sprint(i), string(m.Body))
	}
}

// lender lends out a topic and a body in memory that is used again, and damages both when they come back.
type lender struct{ topic, body []byte }

func (l *lender) lend(topic, body string) (string, []byte) {
	l.topic, l.body = append(l.topic[:0], topic...), append(l.body[:0], body...)
	return unsafe.String(unsafe.SliceData(l.topic), len(l.topic)), l.body
}

func (l *lender) damage() {
	for _, b := range [][]byte{l.topic, l.body} {
		for i := range b {
			b[i] = '\n'
		}
	}
}

// The race detector sees whoever reads a topic or a body after its call has returned; the record, whoever was too late.
func TestTopicAndBodyMayBeReused(t *testing.T) {
	leak.Check(t)
	large := strings.Repeat("large", 40_000)
	soon := func(t *testing.T) context.Context {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	// each calls every form with lent memory, which it damages as soon as the form returns, and with the context that it gets.
	each := func(t *testing.T, p *actor.Producer, body string, context func(*testing.T) context.Context) {
		var l lender
		done := func(topic string, err error) {
			l.damage()
			if failed := (*actor.Error)(nil); errors.As(err, &failed) {
				require.Equal(t, topic, failed.Topic, "the error has a copy")
			}
		}
		for range 2 {
			topic, b := l.lend("pub", body)
			done("pub", p.PublishContext(context(t), topic, b))
			topic, b = l.lend("mpub", body)
			batch := [][]byte{b[:1], b}
			done("mpub", p.MultiPublishContext(context(t), topic, batch))
			clear(batch)
			topic, b = l.lend("dpub", body)
			done("dpub", p.DeferredPublishContext(context(t), topic, 1, b))
			topic, b = l.lend("async", body)
			args := []any{&l}
			if p.TryPublishAsync(topic, b, nil, args...) == nil {
				args[0] = nil
			}
			l.damage()
		}
	}
	intact := func(t *testing.T, srv *wiretest.Server, body string) {
		for _, m := range srv.Messages() {
			require.Contains(t, []string{"pub", "mpub", "dpub", "async"}, m.Topic)
			if string(m.Body) != body && string(m.Body) != body[:1] {
				require.Fail(t, "damaged", "%.40q of %d bytes on %s", m.Body, len(m.Body), m.Topic)
			}
		}
	}
	for _, body := range []string{"small", large} {
		t.Run(fmt.Sprintf("%d bytes", len(body)), func(t *testing.T) {
			t.Run("acked", func(t *testing.T) {
				srv := newDouble(t)
				p := newProducer(t, srv.Addr, nil)
				each(t, p, body, testContext0)
				require.NoError(t, p.Flush(testContext(t)))
				require.EqualValues(t, 8, p.Stats().Acked)
				intact(t, srv, body)
			})
			t.Run("given up in the queue", func(t *testing.T) {
				srv, door := newDouble(t), newBarrier()
				p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience})
				each(t, p, body, soon)
				door.open()
				require.NoError(t, p.Flush(testContext(t)))
				require.EqualValues(t, 6, p.Stats().NotSent)
				require.EqualValues(t, 2, srv.Stats().Messages, "those without a context")
				intact(t, srv, body)
			})
			t.Run("abandoned", func(t *testing.T) {
				srv := newDouble(t)
				p := newProducer(t, srv.Addr, nil)
				require.NoError(t, p.Ping())
				srv.StopReading()
				each(t, p, body, soon)
				require.NotZero(t, p.Stats().Unknown)
				srv.Resume()
				require.NoError(t, p.Flush(testContext(t)))
				require.NoError(t, p.Publish("pub", []byte(body)))
				intact(t, srv, body)
			})
			t.Run("waiting for room", func(t *testing.T) {
				srv, door := newDouble(t), newBarrier()
				p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience, MaxPending: 1})
				require.NoError(t, p.PublishAsync("pub", []byte(body), nil))
				each(t, p, body, soon)
				door.open()
				require.NoError(t, p.Flush(testContext(t)))
				require.Len(t, srv.Messages(), 1)
				intact(t, srv, body)
			})
			t.Run("refused", func(t *testing.T) {
				srv := newDouble(t, wiretest.OnPublish(1).Error(wire.CodeBadTopic, "scripted"))
				p := newProducer(t, srv.Addr, nil)
				each(t, p, body, testContext0)
				require.NoError(t, p.Flush(testContext(t)))
				require.EqualValues(t, 8, p.Stats().Refused)
			})
		})
	}
}

func testContext0(t *testing.T) context.Context { return testContext(t) }

func TestPing(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	require.Zero(t, srv.Stats().Conns, "a new producer does not dial")
	require.Equal(t, state.Idle, p.Stats().Phase)
	for range 3 {
		require.NoError(t, p.Ping())
	}
	require.Equal(t, 1, srv.Stats().Conns)
	require.Equal(t, 1, srv.Stats().Commands, "a Ping sends nothing behind IDENTIFY")
	require.Equal(t, state.Up, p.Stats().Link)
	require.Zero(t, p.Stats().Submitted, "a Ping is no publish")

	over, cancel := context.WithCancel(context.Background())
	cancel()
	err := p.PingContext(over)
	require.ErrorIs(t, err, context.Canceled)
	var failed *actor.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, actor.Error{Op: "Ping", Addr: srv.Addr, Outcome: actor.NotSent, Err: context.Canceled}, *failed)

	srv.CloseListener()
	srv.CloseAll()
	until(t, "the producer is down", func() bool { return p.Stats().Link == state.Down })
	require.ErrorIs(t, p.Ping(), actor.ErrNotConnected)
	listenAgain(t, srv)
	until(t, "the producer is up", func() bool { return p.Ping() == nil })
	p.Stop()
	require.True(t, p.Ping() == actor.ErrStopped)
}

func TestString(t *testing.T) {
	p := newProducer(t, "nsqd.invalid:4150", nil)
	require.Equal(t, "nsqd.invalid:4150", p.String())
	require.Equal(t, "nsqd.invalid:4150", fmt.Sprint(p))
}

// counted returns the figures that do not depend on how publishes were batched, nor on the path.
func counted(p *actor.Producer) actor.Stats {
	s := p.Stats()
	s.Queued, s.InFlight, s.Batches, s.Commands, s.Oldest, s.Window, s.LastError = 0, 0, 0, 0, 0, 0, nil
	return s
}

func TestStatsAddUp(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Topic("bad").Error(wire.CodeBadTopic, "scripted"))
	p := newProducer(t, srv.Addr, nil)
	require.Zero(t, counted(p))

	for range 3 {
		require.NoError(t, p.Publish("good", []byte("body")))
	}
	require.NoError(t, p.MultiPublish("good", [][]byte{{1}, {2}}))
	require.Error(t, p.Publish("bad", []byte("body")))
	require.Error(t, p.Publish("not a topic", []byte("body")), "was never submitted")
	require.NoError(t, p.Ping())
	require.ErrorContains(t, p.Stats().LastError, wire.CodeBadTopic)
	require.Equal(t, actor.Stats{Submitted: 5, Acked: 4, Refused: 1, Connections: 2, Phase: state.Live, Link: state.Up}, counted(p))

	srv.Stall()
	ctx, cancel := context.WithCancel(context.Background())
	left := started(func() error { return p.PublishContext(ctx, "good", []byte("12345678")) })
	kept := started(func() error { return p.MultiPublish("good", [][]byte{[]byte("1234"), []byte("1234")}) })
	require.NoError(t, srv.Wait(testContext(t), func(s wiretest.Stats) bool { return s.Publishes == 6 }))
	require.Equal(t, actor.Stats{Submitted: 7, Acked: 4, Refused: 1, Pending: 2, PendingBytes: 8 + 20, Connections: 2,
		Phase: state.Live, Link: state.Up}, counted(p))
	cancel()
	require.Equal(t, actor.Unknown, actor.OutcomeOf(receive(t, left)))
	require.Equal(t, actor.Stats{Submitted: 7, Acked: 4, Refused: 1, Unknown: 1, Pending: 1, PendingBytes: 20, Connections: 2,
		Phase: state.Live, Link: state.Up}, counted(p))
	srv.Resume()
	require.NoError(t, receive(t, kept))
	p.Stop()
	require.Equal(t, actor.Stats{Submitted: 7, Acked: 5, Refused: 1, Unknown: 1, Connections: 2, Phase: state.Closed}, counted(p))
	require.Equal(t, 8, srv.MessageCount("good"), "the one that was left, too")
}
