package actor_test

import (
	"errors"
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

type doneChan = chan *actor.Transaction

// asyncForm is one way to publish one message without waiting.
type asyncForm struct {
	name string
	call func(p *actor.Producer, topic string, body []byte, done doneChan, args ...any) error
}

var asyncForms = []asyncForm{
	{"PublishAsync", func(p *actor.Producer, topic string, body []byte, done doneChan, args ...any) error {
		return p.PublishAsync(topic, body, done, args...)
	}},
	{"MultiPublishAsync", func(p *actor.Producer, topic string, body []byte, done doneChan, args ...any) error {
		return p.MultiPublishAsync(topic, [][]byte{body}, done, args...)
	}},
	{"DeferredPublishAsync", func(p *actor.Producer, topic string, body []byte, done doneChan, args ...any) error {
		return p.DeferredPublishAsync(topic, time.Second, body, done, args...)
	}},
	{"TryPublishAsync", func(p *actor.Producer, topic string, body []byte, done doneChan, args ...any) error {
		return p.TryPublishAsync(topic, body, done, args...)
	}},
}

// standing waits until n callers wait for room.
func standing(t *testing.T, n int) {
	t.Helper()
	eventually(t, func() bool { return leak.GoroutinesIn("(*gate).enter") == n }, fmt.Sprintf("%d callers wait", n))
}

// TestAsyncResults mixes all forms: each has one result, in the order of the calls, with its args and without an error.
func TestAsyncResults(t *testing.T) {
	leak.Check(t)
	const n = 1000
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	done := make(doneChan, n+1)
	for i := range n {
		require.NoError(t, asyncForms[i%len(asyncForms)].call(p, "t", fmt.Appendf(nil, "%d", i), done, i, "arg"))
	}
	require.NoError(t, p.Flush(testContext(t)))
	for i := range n {
		tr := receive(t, done)
		require.NoError(t, tr.Error)
		require.Equal(t, []any{i, "arg"}, tr.Args)
		tr.Release()
	}
	require.Empty(t, done)
	messages := srv.Messages()
	require.Len(t, messages, n)
	for i, m := range messages {
		require.Equal(t, fmt.Sprint(i), string(m.Body))
		require.Equal(t, []string{"PUB", "MPUB", "DPUB", "PUB"}[i%4], m.Command)
	}
	s := p.Stats()
	require.Equal(t, [3]uint64{n, n, 0}, [3]uint64{s.Submitted, s.Acked, s.Undelivered})
	requireBooks(t, p)
}

// TestAsyncMemoryIsTheCallers: topic, body and args are reused as soon as the call has returned, while nsqd reads nothing.
func TestAsyncMemoryIsTheCallers(t *testing.T) {
	const n = 64
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	require.NoError(t, p.Ping())
	srv.StopReading()
	done := make(doneChan, n)
	body, args, batch := make([]byte, 20<<10), make([]any, 2), make([][]byte, 1) // large enough not to be copied on the way
	for i := range n {
		for j := range body {
			body[j] = byte(i)
		}
		args[0], args[1], batch[0] = i, -i, body
		switch i % 3 {
		case 0:
			require.NoError(t, p.PublishAsync("t", body, done, args...))
		case 1:
			require.NoError(t, p.MultiPublishAsync("t", batch, done, args...))
		default:
			require.NoError(t, p.DeferredPublishAsync("t", 0, body, done, args...))
		}
	}
	clear(body)
	clear(args)
	clear(batch)
	srv.Resume()
	require.NoError(t, p.Flush(testContext(t)))
	for i, m := range srv.Messages() {
		require.Len(t, m.Body, len(body))
		for _, b := range m.Body {
			if b != byte(i) {
				require.FailNow(t, "body", "message %d has a byte %d", i, b)
			}
		}
		tr := receive(t, done)
		require.NoError(t, tr.Error)
		require.Equal(t, []any{i, -i}, tr.Args)
	}
}

// TestAsyncWithoutDone: results that nobody wants are counted as outcomes and not as undelivered, and take up no room for results.
func TestAsyncWithoutDone(t *testing.T) {
	const n = 100
	srv := newDouble(t, wiretest.OnPublish(n).Error(wire.CodeBadMessage, "no"))
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: 3})
	for i := range n {
		form := asyncForms[i%3] // but Try, which might find it full
		require.NoError(t, form.call(p, "t", []byte("x"), nil, i), form.name)
	}
	require.NoError(t, p.Flush(testContext(t)))
	require.Len(t, srv.Messages(), n-1)
	s := p.Stats()
	require.Equal(t, [4]uint64{n, n - 1, 1, 0}, [4]uint64{s.Submitted, s.Acked, s.Refused, s.Pending})
	require.Zero(t, s.PendingBytes)
	require.Zero(t, s.Undelivered)
	tally, err := p.Shutdown(testContext(t))
	require.NoError(t, err)
	require.Zero(t, tally.Undelivered)
}

// TestAsyncErrorsComeAsResults: what was accepted returns nil, and says on done how it ended.
func TestAsyncErrorsComeAsResults(t *testing.T) {
	srv := newDouble(t, wiretest.OnPublish(2).Conn(1).Error(wire.CodeBadTopic, "no"), wiretest.OnPublish(2).Conn(2).Silence())
	p := newProducer(t, srv.Addr, nil)
	done := make(doneChan, 8)
	require.NoError(t, p.PublishAsync("t", []byte("good"), done))
	require.NoError(t, p.MultiPublishAsync("t", [][]byte{[]byte("bad")}, done))
	require.NoError(t, p.PublishAsync("t", []byte("behind it"), done))
	require.NoError(t, p.DeferredPublishAsync("t", 0, []byte("lost"), done))
	require.NoError(t, srv.WaitMessages(testContext(t), 3))
	srv.ResetAll()

	require.NoError(t, receive(t, done).Error)
	err := receive(t, done).Error
	require.Equal(t, &actor.Error{
		Op: "MultiPublish", Topic: "t", Addr: srv.Addr, Outcome: actor.Refused, Err: &wire.ReplyError{Code: wire.CodeBadTopic, Text: "no"},
	}, err)
	require.NoError(t, receive(t, done).Error)
	err = receive(t, done).Error
	require.ErrorIs(t, err, actor.ErrConnectionLost)
	require.Equal(t, actor.Unknown, actor.OutcomeOf(err))

	// Nobody is there: not sent, and still a result.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	nobody := newProducer(t, l.Addr().String(), nil)
	require.NoError(t, nobody.PublishAsync("t", []byte("x"), done, 1))
	tr := receive(t, done)
	require.ErrorIs(t, tr.Error, actor.ErrNotConnected)
	require.Equal(t, actor.NotSent, actor.OutcomeOf(tr.Error))
	require.Equal(t, []any{1}, tr.Args)
	requireBooks(t, nobody)
}

// TestAsyncReturnsWhatIsWrong: then there is no result, and nothing is counted or sent.
func TestAsyncReturnsWhatIsWrong(t *testing.T) {
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{MaxMsgSize: 10, MaxBodySize: 30})
	done := make(doneChan, 1)
	x := []byte("x")
	for _, c := range []struct {
		op    string
		err   error
		cause error
	}{
		{"Publish", p.PublishAsync("", x, done), wire.ErrTopic},
		{"Publish", p.PublishAsync("a b", x, done), wire.ErrTopic},
		{"Publish", p.TryPublishAsync("a\nPUB b", x, done), wire.ErrTopic},
		{"Publish", p.PublishAsync("t", nil, done), wire.ErrEmpty},
		{"Publish", p.TryPublishAsync("t", make([]byte, 11), done), wire.ErrSize},
		{"MultiPublish", p.MultiPublishAsync("t", nil, done), wire.ErrEmpty},
		{"MultiPublish", p.MultiPublishAsync("t", [][]byte{x, {}}, done), wire.ErrEmpty},
		{"MultiPublish", p.MultiPublishAsync("t", [][]byte{x, make([]byte, 11)}, done), wire.ErrSize},
		{"MultiPublish", p.MultiPublishAsync("t", [][]byte{make([]byte, 10), make([]byte, 10)}, done), wire.ErrSize},
		{"DeferredPublish", p.DeferredPublishAsync("t", -1, x, done), wire.ErrDelay},
		{"DeferredPublish", p.DeferredPublishAsync("t", time.Hour+1, x, done), wire.ErrDelay},
	} {
		require.ErrorIs(t, c.err, c.cause)
		var ours *actor.Error
		require.ErrorAs(t, c.err, &ours)
		require.Equal(t, c.op, ours.Op)
		require.Equal(t, actor.NotSent, ours.Outcome)
	}
	require.Empty(t, done)
	require.Zero(t, p.Stats().Submitted)
	require.NoError(t, p.PublishAsync("t", make([]byte, 10), done), "at the limit, and nothing has been taken from the bounds")
	require.NoError(t, receive(t, done).Error)
	require.Len(t, srv.Messages(), 1)
}

func TestTryIsBareAndCountsNothing(t *testing.T) {
	srv := newDouble(t)
	for _, c := range []struct {
		name string
		cfg  actor.Config
	}{{"by count", actor.Config{MaxPending: 2}}, {"by bytes", actor.Config{MaxPendingBytes: 16}}} {
		p := newProducer(t, srv.Addr, &c.cfg)
		require.NoError(t, p.Ping())
		srv.Stall()
		done, body := make(doneChan, 8), make([]byte, 8)
		require.NoError(t, p.TryPublishAsync("t", body, done), c.name)
		require.NoError(t, p.TryPublishAsync("t", body, nil), c.name)
		for range 10 { // which keeps nothing of the bound of results either
			for _, d := range []doneChan{done, nil} {
				require.True(t, p.TryPublishAsync("t", body, d) == actor.ErrFull, c.name)
			}
		}
		require.EqualValues(t, 2, p.Stats().Submitted)
		srv.Resume()
		require.NoError(t, receive(t, done).Error)
		require.NoError(t, p.Flush(testContext(t)))
		srv.Stall()
		for range 2 { // a result leaves its bound a moment after it was received
			eventually(t, func() bool { return p.TryPublishAsync("t", body, done) == nil }, c.name+": room again")
		}
		srv.Resume()
		require.NoError(t, receive(t, done).Error)
		require.NoError(t, receive(t, done).Error)
		require.Empty(t, done)
		requireBooks(t, p)
	}
}

// TestAsyncWaitsForRoom: the forms that wait are served in order when nsqd answers; Stop ends the wait of those left.
func TestAsyncWaitsForRoom(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: 1})
	require.NoError(t, p.Ping())
	srv.Stall()
	require.NoError(t, p.PublishAsync("t", []byte("x"), nil))
	done := make(doneChan, 8)
	var calls []<-chan error
	for i, form := range asyncForms[:3] {
		calls = append(calls, started(func() error { return form.call(p, "t", []byte("x"), nil, i) }))
		standing(t, i+1)
	}
	srv.Resume()
	for _, call := range calls {
		require.NoError(t, receive(t, call))
	}
	require.NoError(t, p.Flush(testContext(t)))
	require.EqualValues(t, 4, p.Stats().Acked)
	require.Equal(t, []string{"PUB", "PUB", "MPUB", "DPUB"}, commands(srv))

	srv.Stall()
	require.NoError(t, p.PublishAsync("t", []byte("x"), done))
	waiting := started(func() error { return p.PublishAsync("t", []byte("x"), done) })
	standing(t, 1)
	stopped := started(func() error { p.Stop(); return nil })
	require.True(t, receive(t, waiting) == actor.ErrStopped)
	for _, form := range asyncForms {
		require.True(t, form.call(p, "t", []byte("x"), done) == actor.ErrStopped, form.name)
	}
	srv.Resume()
	require.NoError(t, receive(t, stopped))
	require.NoError(t, receive(t, done).Error)
	require.Empty(t, done, "an error that was returned has no result")
	require.EqualValues(t, 5, p.Stats().Submitted)
	requireBooks(t, p)
}

func commands(srv *wiretest.Server) (names []string) {
	for _, m := range srv.Messages() {
		names = append(names, m.Command)
	}
	return names
}

// TestReleaseTwice: the second does nothing, so that no two publishes get the same transaction.
func TestReleaseTwice(t *testing.T) {
	srv := newDouble(t, wiretest.OnPublish(5).Conn(1).Error(wire.CodeBadTopic, "no")) // the first of the second round
	p := newProducer(t, srv.Addr, nil)
	done := make(doneChan, 8)
	for i := range 200 {
		require.NoError(t, p.PublishAsync("t", []byte("x"), done, i))
		tr := receive(t, done)
		require.Equal(t, i == 1, errors.As(tr.Error, new(*wire.ReplyError)))
		tr.Release()
		require.NoError(t, tr.Error, "cleared for the next")
		require.Empty(t, tr.Args)
		tr.Release()
		tr.Release()

		for j := range 3 {
			require.NoError(t, p.PublishAsync("t", []byte("x"), done, i, j))
		}
		seen := make(map[*actor.Transaction]bool)
		for j := range 3 {
			tr := receive(t, done)
			require.NoError(t, tr.Error)
			require.Equal(t, []any{i, j}, tr.Args)
			require.False(t, seen[tr], "one transaction, two publishes")
			seen[tr] = true
		}
	}
	requireBooks(t, p)
}
