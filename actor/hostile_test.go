package actor_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// nonsense is what no nsqd says where an answer is due.
var nonsense = []struct {
	name string
	raw  []byte
	is   error  // what the error wraps
	says string // what it says
}{
	{"text", []byte("I am not an nsqd, whatever you may think"), wire.ErrFrame, ""},
	{"zeroes", make([]byte, 64), wire.ErrFrame, "size is 0"},
	{"HTTP", []byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), wire.ErrHTTP, "4150, not 4151"},
	{"size 3", []byte{0, 0, 0, 3, 0, 0, 0}, wire.ErrFrame, "size is 3"},
	{"size -1", []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, wire.ErrFrame, "size is -1"},
	{"size of 2 GiB", []byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 'O', 'K'}, wire.ErrFrame, "size is 2147483647"},
	{"size above the cap", wire.AppendFrame(nil, wire.FrameResponse, string(make([]byte, wire.MaxFrameSize))), wire.ErrFrame, "sizes are from 4"},
	{"NO", wire.AppendFrame(nil, wire.FrameResponse, "NO"), nil, "NO"},
	{"ok", wire.AppendFrame(nil, wire.FrameResponse, "ok"), nil, "ok"},
	{"OK and more", wire.AppendFrame(nil, wire.FrameResponse, "OK "), nil, `"OK "`},
	{"an empty response", wire.AppendFrame(nil, wire.FrameResponse, ""), nil, ""},
	{"a message", wire.AppendFrame(nil, wire.FrameMessage, "0123456789012345678901234567body"), nil, "message frame"},
	{"a message that says OK", wire.AppendFrame(nil, wire.FrameMessage, "OK"), nil, "message frame"},
	{"a frame of unknown type", wire.AppendFrame(nil, 7, "OK"), nil, "FrameType(7)"},
	{"a frame of negative type", wire.AppendFrame(nil, -1, "OK"), nil, "FrameType(-1)"},
}

// requireTruth holds what callers were told against the record: what was acked is stored once, what was not sent, or refused,
// never.
func requireTruth(t *testing.T, srv *wiretest.Server, topic string, told map[int]error) {
	t.Helper()
	stored := make(map[int]int)
	for _, n := range numbersStored(srv, topic) {
		stored[n]++
	}
	for n, err := range told {
		switch actor.OutcomeOf(err) {
		case actor.Acked:
			require.Equal(t, 1, stored[n], "%d was acked", n)
		case actor.NotSent, actor.Refused:
			require.Zero(t, stored[n], "%d: %v", n, err)
		case actor.Unknown:
			require.LessOrEqual(t, stored[n], 1, "%d is unknown", n)
		}
	}
}

// Nonsense in the middle of a pipeline: what was answered before is acked, the rest is unknown, and the next connection works.
func TestNonsenseForAnAnswer(t *testing.T) {
	leak.Check(t)
	for _, bad := range nonsense {
		t.Run(bad.name, func(t *testing.T) {
			srv := newDouble(t, wiretest.OnPublish(3).Conn(1).Answer(bad.raw))
			door := newBarrier()
			p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience})
			done := publishNumbers(t, p, "topic", 0, 6)
			door.open()
			told := results(t, done, 6)
			for i, err := range told {
				if i < 2 {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, actor.ErrConnectionLost)
				require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
				require.ErrorContains(t, err, bad.says)
				if bad.is != nil {
					require.ErrorIs(t, err, bad.is)
				}
			}
			requireTruth(t, srv, "topic", told)
			require.NoError(t, p.Publish("after", []byte("body")))
			require.EqualValues(t, 2, p.Stats().Connections)
			requireBooks(t, p)
		})
	}
}

func TestNonsenseForAHandshake(t *testing.T) {
	leak.Check(t)
	agreed := wire.AppendFrame(nil, wire.FrameResponse, `{"max_rdy_count":2500,"version":"1.3.0"}`)
	type answer struct {
		name string
		raw  []byte
		is   error
		says string
	}
	all := []answer{
		{"OK", wire.AppendOK(nil), nil, "IDENTIFY"},
		{"half of the JSON", wire.AppendFrame(nil, wire.FrameResponse, `{"max_rdy_count":`), nil, "IDENTIFY"},
		{"an OK behind it", wire.AppendOK(agreed[:len(agreed):len(agreed)]), nil, "not sent"},
		{"a heartbeat and an OK behind it", wire.AppendOK(wire.AppendHeartbeat(agreed[:len(agreed):len(agreed)])), nil, "not sent"},
		{"HTTP behind it", append(agreed[:len(agreed):len(agreed)], "HTTP/1.1"...), wire.ErrHTTP, "4151"},
		{"AUTH required", wire.AppendFrame(nil, wire.FrameResponse, `{"auth_required":true}`), nil, "AUTH"},
		{"an error", wire.AppendFrame(nil, wire.FrameError, "E_BAD_BODY no"), nil, "E_BAD_BODY no"},
	}
	for _, bad := range nonsense {
		all = append(all, answer(bad))
	}
	for _, bad := range all {
		t.Run(bad.name, func(t *testing.T) {
			srv := newDouble(t, wiretest.OnIdentify().Conn(1).Answer(bad.raw))
			p := newProducer(t, srv.Addr, &actor.Config{BackoffMin: time.Millisecond, BackoffMax: time.Millisecond})
			err := p.Publish("topic", []byte("0"))
			require.ErrorIs(t, err, actor.ErrNotConnected)
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			require.ErrorContains(t, err, bad.says)
			if bad.is != nil {
				require.ErrorIs(t, err, bad.is)
			}
			until(t, "the next connection works", func() bool { return p.Publish("after", []byte("body")) == nil })
			require.Zero(t, srv.MessageCount("topic"))
			require.EqualValues(t, 1, p.Stats().Connections)
			requireBooks(t, p)
		})
	}
}

func TestHTTPServer(t *testing.T) {
	leak.Check(t)
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	p := newProducer(t, srv.Listener.Addr().String(), nil)
	err := p.Publish("topic", []byte("body"))
	require.ErrorIs(t, err, wire.ErrHTTP)
	require.ErrorContains(t, err, "4150, not 4151")
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
}

func TestHandshakeOfNothingButHeartbeats(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnIdentify().Ignore())
	p := newProducer(t, srv.Addr, &actor.Config{HandshakeTimeout: 50 * time.Millisecond})
	result, tooLong := started(func() error { return p.Publish("topic", []byte("body")) }), testContext(t).Done()
	for {
		select {
		case err := <-result:
			require.ErrorIs(t, err, actor.ErrNotConnected)
			return
		case <-tooLong:
			require.FailNow(t, "heartbeats hold up the handshake")
		case <-time.After(time.Millisecond):
			srv.Heartbeat()
		}
	}
}

// An answer that nobody asked for ends the connection, and is nobody's ack.
func TestUnaskedAnswer(t *testing.T) {
	leak.Check(t)
	unasked := map[string][]byte{
		"OK":                    wire.AppendOK(nil),
		"two OKs":               wire.AppendOK(wire.AppendOK(nil)),
		"an error":              wire.AppendFrame(nil, wire.FrameError, "E_INVALID what was that"),
		"an error of no words":  wire.AppendFrame(nil, wire.FrameError, ""),
		"an error and an OK":    wire.AppendOK(wire.AppendFrame(nil, wire.FrameError, "E_INVALID")),
		"a heartbeat and an OK": wire.AppendOK(wire.AppendHeartbeat(nil)),
	}
	for _, bad := range nonsense {
		unasked[bad.name] = bad.raw
	}
	for name, raw := range unasked {
		t.Run("idle: "+name, func(t *testing.T) {
			srv := newDouble(t)
			p := newProducer(t, srv.Addr, nil)
			for i := range 5 {
				require.NoError(t, p.Publish("topic", fmt.Append(nil, i)))
				srv.Send(raw)
				until(t, "another connection", func() bool { return p.Stats().Connections == uint64(i+2) })
			}
			require.Equal(t, span(0, 5), numbersStored(srv, "topic"))
			require.EqualValues(t, 5, p.Stats().Acked)
		})
	}
	t.Run("one too many, under load", func(t *testing.T) {
		srv := newDouble(t, wiretest.OnPublish(5).Conn(1).Answer(wire.AppendOK(wire.AppendOK(nil))))
		door := newBarrier()
		p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience})
		done := publishNumbers(t, p, "topic", 0, 10)
		door.open()
		told := results(t, done, 10)
		requireTruth(t, srv, "topic", told)
		until(t, "another connection", func() bool { return p.Stats().Connections == 2 })
		require.NoError(t, p.Publish("after", []byte("body")))
	})
	t.Run("before the command is whole", func(t *testing.T) {
		for attempts, outcome := range map[int]actor.Outcome{1: actor.NotSent, 2: actor.Acked} {
			srv := newDouble(t, wiretest.OnByte(1000).Conn(1).StopReading()) // lest the rest be written before the answer is read
			srv.Add(wiretest.OnByte(1000).Conn(1).Do(func() { srv.Send(wire.AppendOK(nil)) }))
			p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial, MaxAttempts: attempts})
			err := p.Publish("topic", make([]byte, 1<<20))
			require.Equal(t, outcome, actor.OutcomeOf(err), "%v", err)
			if err != nil {
				require.ErrorContains(t, err, "a command that was not sent")
			}
			require.Equal(t, attempts-1, srv.Stats().Messages, "on the second connection or never")
			require.NoError(t, p.Publish("after", []byte("body")))
			require.EqualValues(t, 2, p.Stats().Connections)
		}
	})
	// What is said behind an answer too many counts as little as that: the frame must not pass for the command's own refusal.
	t.Run("an OK and an error before the command is whole", func(t *testing.T) {
		both := append(wire.AppendOK(nil), wire.AppendFrame(nil, wire.FrameError, wire.CodeBadMessage)...)
		srv := newDouble(t, wiretest.OnByte(1000).Conn(1).StopReading())
		srv.Add(wiretest.OnByte(1000).Conn(1).Do(func() { srv.Send(both) }))
		p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial})
		require.NoError(t, p.Publish("topic", make([]byte, 1<<20)))
		require.EqualValues(t, 2, p.Stats().Connections)
	})
	t.Run("an error before the command is whole", func(t *testing.T) {
		srv := newDouble(t, wiretest.OnByte(1000).Conn(1).Error(wire.CodeBadMessage, "too large for me"))
		p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial})
		err := p.Publish("topic", make([]byte, 1<<20))
		require.Equal(t, actor.Refused, actor.OutcomeOf(err), "%v", err)
		require.ErrorContains(t, err, "too large for me")
		require.NoError(t, p.Publish("after", []byte("body")))
		require.Equal(t, 1, srv.Stats().Messages)
	})
}

// An error that comes while a command waits for its first byte to be written is no answer to it: the command goes to the next
// connection. Once a byte is written, it may be.
func TestErrorBeforeTheFirstByte(t *testing.T) {
	leak.Check(t)
	for written, outcome := range map[int]actor.Outcome{0: actor.Acked, 1: actor.Refused} {
		srv := newDouble(t)
		blocked := make(chan struct{}, 1)
		p := newProducer(t, srv.Addr, &actor.Config{WriteTimeout: patience, Dial: tapped(func(conn net.Conn, b []byte) (int, error) {
			if bytes.HasPrefix(b, []byte(wire.Magic)) || srv.Stats().Conns > 1 {
				return conn.Write(b)
			}
			n := 0
			select {
			case blocked <- struct{}{}:
				n, _ = conn.Write(b[:written])
			default:
				time.Sleep(time.Millisecond) // as a full socket would take its deadline
			}
			return n, os.ErrDeadlineExceeded
		})})
		require.NoError(t, p.Ping())
		result := started(func() error { return p.Publish("topic", []byte("body")) })
		until(t, "the write has been tried", func() bool { return len(blocked) == 1 })
		srv.Send(wire.AppendFrame(nil, wire.FrameError, "E_INVALID what was that"))
		err := receive(t, result)
		require.Equal(t, outcome, actor.OutcomeOf(err), "%d written: %v", written, err)
		require.NoError(t, p.Publish("after", []byte("body")))
		require.EqualValues(t, 2, p.Stats().Connections)
	}
}

// Frames that end in the middle, by a close or by silence.
func TestTruncatedFrames(t *testing.T) {
	leak.Check(t)
	for _, frame := range [][]byte{wire.AppendOK(nil), wire.AppendFrame(nil, wire.FrameError, "E_BAD_TOPIC no"), wire.AppendHeartbeat(nil)} {
		for cut := range len(frame) {
			for name, end := range map[string]wiretest.Fault{
				"close":   wiretest.OnPublish(1).Conn(1).Answered().Close(),
				"reset":   wiretest.OnPublish(1).Conn(1).Answered().Reset(),
				"silence": wiretest.OnPublish(1).Conn(1).Answered().Freeze(),
			} {
				if name == "silence" && cut%5 != 1 {
					continue // these take their time
				}
				srv := newDouble(t, wiretest.OnPublish(1).Conn(1).Answer(frame[:cut]), end)
				p := newProducer(t, srv.Addr, &actor.Config{ResponseTimeout: 20 * time.Millisecond})
				err := p.Publish("topic", []byte("0"))
				require.ErrorIs(t, err, actor.ErrConnectionLost, "%d bytes of %q, then %s", cut, frame, name)
				require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
				require.NoError(t, p.Publish("topic", []byte("1")))
				require.Equal(t, []int{0, 1}, numbersStored(srv, "topic"))
				p.Shutdown(context.Background())
				srv.Close()
			}
		}
	}
}

// Answers in pieces, however small, are answers.
func TestAnswersInPieces(t *testing.T) {
	leak.Check(t)
	for n := 1; n <= 12; n++ {
		srv := newDouble(t, wiretest.OnAccept().Split(n), wiretest.OnPublish(15).Conn(1).Heartbeat(),
			wiretest.OnPublish(20).Conn(1).Error(wire.CodeBadTopic, "in pieces"))
		p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial})
		told := results(t, publishNumbers(t, p, "topic", 0, 30), 30)
		for i, err := range told {
			if i == 19 {
				require.ErrorContains(t, err, "in pieces")
				require.Equal(t, actor.Refused, actor.OutcomeOf(err))
			} else {
				require.NoError(t, err)
			}
		}
		require.Equal(t, append(span(0, 19), span(20, 30)...), numbersStored(srv, "topic"), "pieces of %d", n)
	}
}

// Whatever bytes come, all publishes end, the truth is told, and the producer recovers.
func TestRandomAnswers(t *testing.T) {
	leak.Check(t)
	for round := range 100 {
		random := rand.New(rand.NewPCG(1, uint64(round)))
		raw := make([]byte, 1+random.IntN(40))
		for i := range raw {
			raw[i] = byte(random.IntN(256))
			if random.IntN(2) == 0 {
				raw[i] = 0
			}
		}
		srv := newDouble(t, wiretest.OnPublish(1+random.IntN(6)).Conn(1).Answer(raw))
		p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial, ResponseTimeout: 20 * time.Millisecond})
		told := results(t, publishNumbers(t, p, "topic", 0, 6), 6)
		requireTruth(t, srv, "topic", told)
		require.NoError(t, p.Publish("after", []byte("body")), "%x", raw)
		requireBooks(t, p)
		p.Shutdown(context.Background())
		srv.Close()
	}
}

// The peer's length field makes nobody allocate.
func TestLengthFieldsAllocateNothing(t *testing.T) {
	srv := wiretest.Config{InMemory: true}.NewServer()
	t.Cleanup(srv.Close)
	p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial})
	require.NoError(t, p.Ping())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const rounds = 9 // not so many in a row that connecting is slowed down
	for i := range rounds {
		srv.Send([]byte{0x7f, 0xff, 0xff, byte(i), 0, 0, 0, 0})
		until(t, "another connection", func() bool { return p.Stats().Connections == uint64(i+2) })
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(rounds)*1<<20, "a connection has its buffers, the double's of 128 KiB among them")
}
