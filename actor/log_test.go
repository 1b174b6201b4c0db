package actor_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// logbook is a handler that passes on what it gets, and waits for as long as its gate is shut.
type logbook struct {
	records chan slog.Record
	gate    chan struct{} // closed: open
	called  *atomic.Int64
	lowest  slog.Level
}

func newLogbook() *logbook {
	return &logbook{records: make(chan slog.Record, 1000), gate: make(chan struct{}), called: new(atomic.Int64), lowest: slog.LevelInfo}
}

func (b *logbook) Enabled(_ context.Context, level slog.Level) bool { return level >= b.lowest }

func (b *logbook) Handle(_ context.Context, r slog.Record) error {
	b.called.Add(1)
	<-b.gate
	b.records <- r
	return errors.New("what a handler returns is nobody's affair")
}

func (b *logbook) WithAttrs([]slog.Attr) slog.Handler { return b }
func (b *logbook) WithGroup(string) slog.Handler      { return b }

// expect takes the next record and requires it to say just that. It returns the error in it, if any.
func (b *logbook) expect(t *testing.T, addr, text string, level slog.Level) (err error) {
	t.Helper()
	r := receive(t, b.records)
	require.Equal(t, text, r.Message)
	require.Equal(t, level, r.Level)
	require.WithinDuration(t, time.Now(), r.Time, patience)
	var names []string
	r.Attrs(func(a slog.Attr) bool {
		names = append(names, a.Key)
		switch a.Key {
		case "addr":
			require.Equal(t, addr, a.Value.String())
		case "error":
			err, _ = a.Value.Any().(error)
			require.Error(t, err)
		}
		return true
	})
	want := []string{"addr"}
	if level > slog.LevelInfo {
		want = append(want, "error")
	}
	require.Equal(t, want, names)
	return err
}

const (
	textConnected = "connected to nsqd"
	textLost      = "lost the connection to nsqd"
	textFailed    = "cannot connect to nsqd"
)

func TestLogTellsOfConnections(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnPublish(1).Conn(2).Error(wire.CodeBadTopic, "no"))
	book := newLogbook()
	close(book.gate)
	p := newProducer(t, srv.Addr, &actor.Config{Logger: slog.New(book), BackoffMin: time.Millisecond, BackoffMax: 2 * time.Millisecond})
	require.NoError(t, p.Publish("t", []byte("x")))
	require.NoError(t, book.expect(t, srv.Addr, textConnected, slog.LevelInfo))

	srv.CloseAll()
	require.ErrorIs(t, book.expect(t, srv.Addr, textLost, slog.LevelWarn), io.EOF)
	require.NoError(t, book.expect(t, srv.Addr, textConnected, slog.LevelInfo))

	require.Error(t, p.Publish("t", []byte("x")))
	var refusal *wire.ReplyError
	require.ErrorAs(t, book.expect(t, srv.Addr, textLost, slog.LevelWarn), &refusal)
	require.Equal(t, wire.CodeBadTopic, refusal.Code)
	require.NoError(t, book.expect(t, srv.Addr, textConnected, slog.LevelInfo))

	srv.CloseListener()
	srv.CloseAll()
	require.Error(t, book.expect(t, srv.Addr, textLost, slog.LevelWarn))
	require.ErrorIs(t, book.expect(t, srv.Addr, textFailed, slog.LevelWarn), syscall.ECONNREFUSED)
	require.ErrorIs(t, book.expect(t, srv.Addr, textFailed, slog.LevelWarn), syscall.ECONNREFUSED, "each attempt")
	listenAgain(t, srv)
	for r := receive(t, book.records); r.Message != textConnected; r = receive(t, book.records) {
		require.Equal(t, textFailed, r.Message)
	}
	p.Stop()
	require.Empty(t, book.records, "that a stop ends the connection is no news")
}

func TestLogTellsOfHandshakes(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnIdentify().Conn(1).Error(wire.CodeBadBody, "no"))
	book := newLogbook()
	close(book.gate)
	p := newProducer(t, srv.Addr, &actor.Config{Logger: slog.New(book), BackoffMin: time.Millisecond, BackoffMax: time.Millisecond})
	require.ErrorIs(t, p.Publish("t", []byte("x")), actor.ErrNotConnected)
	err := book.expect(t, srv.Addr, textFailed, slog.LevelWarn)
	require.ErrorAs(t, err, new(*wire.ReplyError))
	require.ErrorContains(t, err, "handshake")
	require.NoError(t, book.expect(t, srv.Addr, textConnected, slog.LevelInfo), "without a publish")
}

// TestLogAsksWhatIsEnabled, and bothers the handler with nothing else.
func TestLogAsksWhatIsEnabled(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	book := newLogbook()
	book.lowest = slog.LevelWarn
	close(book.gate)
	p := newProducer(t, srv.Addr, &actor.Config{Logger: slog.New(book)})
	require.NoError(t, p.Ping())
	srv.CloseAll()
	book.expect(t, srv.Addr, textLost, slog.LevelWarn)
	require.NoError(t, srv.Wait(testContext(t), func(s wiretest.Stats) bool { return s.Conns == 2 && s.Commands == 2 }))
	require.NoError(t, p.Publish("t", []byte("x")))
	p.Stop()
	require.EqualValues(t, 1, book.called.Load())
	require.Empty(t, book.records)
}

// TestBlockedLog has a handler that never returns. Publishes, new connections and Stop go on, with one goroutine for the
// handler that outlives the producer, and no memory for what it does not take.
func TestBlockedLog(t *testing.T) {
	leak.Check(t)
	const losses = 20
	srv := newDouble(t)
	book := newLogbook()
	p := newProducer(t, srv.Addr, &actor.Config{Logger: slog.New(book)})
	for i := range losses {
		require.NoError(t, p.Publish("t", []byte("x")))
		srv.CloseAll()
		require.NoError(t, srv.WaitConns(testContext(t), i+2))
		eventually(t, func() bool { return p.Stats().Connections == uint64(i+2) }, "connected again")
	}
	require.NoError(t, p.Flush(testContext(t)))
	began := time.Now()
	p.Stop()
	require.Less(t, time.Since(began), time.Second)
	require.EqualValues(t, losses, p.Stats().Acked)

	const scribe = "actor.(*Producer).scribe"
	eventually(t, func() bool { return leak.GoroutinesIn("nsqactor/producer/actor.") == 1 }, "one goroutine is left")
	require.Equal(t, 1, leak.GoroutinesIn(scribe))
	require.EqualValues(t, 1, book.called.Load())
	close(book.gate)
	eventually(t, func() bool { return leak.GoroutinesIn(scribe) == 0 }, "the handler has returned")
	kept := book.called.Load()
	require.InDelta(t, 16, kept-1, 1, "beside the one that the handler had")
	require.EqualValues(t, 2*losses+1-kept, p.Stats().Untold)
	for i := range kept {
		if i%2 == 0 {
			require.NoError(t, book.expect(t, srv.Addr, textConnected, slog.LevelInfo))
		} else {
			require.Error(t, book.expect(t, srv.Addr, textLost, slog.LevelWarn))
		}
	}
}

// TestLogOfAFailingDial passes on the hook's own error.
func TestLogOfAFailingDial(t *testing.T) {
	leak.Check(t)
	mine := errors.New("no route today")
	book := newLogbook()
	close(book.gate)
	p := newProducer(t, "somewhere", &actor.Config{
		Logger: slog.New(book),
		Dial:   func(context.Context, string, string) (net.Conn, error) { return nil, mine },
	})
	require.ErrorIs(t, p.Publish("t", []byte("x")), mine)
	require.ErrorIs(t, book.expect(t, "somewhere", textFailed, slog.LevelWarn), mine)
}
