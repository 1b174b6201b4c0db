package actor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// sized is the beginning of a frame that states that size, and some bytes that might be its content.
func sized(size uint32, rest string) []byte {
	return append([]byte{byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}, rest...)
}

// answers that no nsqd gives. Each ends the connection; the publish that it stands in for may have been stored.
var brokenAnswers = map[string][]byte{
	"not OK":            wire.AppendFrame(nil, wire.FrameResponse, "NO"),
	"OK and more":       wire.AppendFrame(nil, wire.FrameResponse, "OK "),
	"OK in lower case":  wire.AppendFrame(nil, wire.FrameResponse, "ok"),
	"empty":             wire.AppendFrame(nil, wire.FrameResponse, ""),
	"OK as a message":   wire.AppendFrame(nil, wire.FrameMessage, "OK"),
	"unknown type":      wire.AppendFrame(nil, wire.FrameType(7), "OK"),
	"negative type":     wire.AppendFrame(nil, wire.FrameType(-1), "OK"),
	"garbage":           []byte("\x00\x01\x02garbage and more garbage"),
	"HTTP":              []byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"),
	"size 0":            sized(0, "\x00\x00\x00\x00OK"),
	"size 3":            sized(3, "\x00\x00\x00\x00OK"),
	"size -1":           sized(0xffffffff, "\x00\x00\x00\x00OK"),
	"size 2 GiB":        sized(0x7fffffff, "\x00\x00\x00\x00OK"),
	"size above limits": sized(wire.MaxFrameSize+1, "\x00\x00\x00\x00OK"),
}

// TestBrokenAnswers lets the third publish of five meet each of them: the two before it are acked, it is unknown, those behind
// it were not answered on that connection, and the next connection serves as if nothing had been.
func TestBrokenAnswers(t *testing.T) {
	for name, answer := range brokenAnswers {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			srv := newDouble(t, wiretest.OnPublish(3).Conn(1).Answer(answer))
			p := newProducer(t, srv.Addr, nil)
			for i := range 5 {
				err := p.Publish("topic", fmt.Append(nil, i))
				if i != 2 {
					require.NoError(t, err, i)
					continue
				}
				require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
				require.ErrorIs(t, err, actor.ErrConnectionLost)
				var mine *actor.Error
				require.ErrorAs(t, err, &mine)
			}
			require.Equal(t, 2, srv.Stats().Conns)
			require.Equal(t, []string{"0", "1", "2", "3", "4"}, bodies(srv))
			requireBooks(t, p)
		})
	}
}

func bodies(srv *wiretest.Server) (all []string) {
	for _, m := range srv.Messages() {
		all = append(all, string(m.Body))
	}
	return all
}

// TestBrokenHandshakes lets the first connection's IDENTIFY be answered by each of them: that attempt fails, as not sent, and
// the next one comes by itself.
func TestBrokenHandshakes(t *testing.T) {
	for name, answer := range brokenAnswers {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			srv := newDouble(t, wiretest.OnIdentify().Conn(1).Answer(answer))
			p := newProducer(t, srv.Addr, &actor.Config{
				HandshakeTimeout: 200 * time.Millisecond, BackoffMin: time.Millisecond, BackoffMax: time.Millisecond,
			})
			err := p.Publish("topic", []byte("body"))
			require.ErrorIs(t, err, actor.ErrNotConnected)
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			if name == "HTTP" {
				require.ErrorIs(t, err, wire.ErrHTTP)
				require.ErrorContains(t, err, "4150, not 4151")
			}
			require.NoError(t, srv.Wait(testContext(t), func(s wiretest.Stats) bool { return s.Conns >= 2 }))
			eventually(t, func() bool { return p.Publish("topic", []byte("body")) == nil }, "the second connection serves")
		})
	}
}

// TestAnswerBehindTheHandshake sends an OK right behind the answer to IDENTIFY. It acks nothing, wherever the reads cut.
func TestAnswerBehindTheHandshake(t *testing.T) {
	checkLeaks(t)
	srv := newDouble(t, wiretest.OnIdentify().Conn(1).Answered().Send(wire.AppendOK(nil)), wiretest.OnPublish(wiretest.Every).Conn(1).Ignore())
	p := newProducer(t, srv.Addr, &actor.Config{BackoffMin: time.Millisecond, BackoffMax: time.Millisecond})
	err := p.Publish("topic", []byte("first"))
	if err == nil { // the attempt had ended before the publish was written
		require.Equal(t, []string{"first"}, bodies(srv))
		return
	}
	require.NotEqual(t, actor.Refused, actor.OutcomeOf(err))
	eventually(t, func() bool { return p.Publish("topic", []byte("second")) == nil }, "the second connection serves")
	require.Equal(t, 2, srv.Messages()[0].Conn)
}

// TestSurplusAnswerAtRest sends what nobody asked for while nothing is in flight.
func TestSurplusAnswerAtRest(t *testing.T) {
	for name, surplus := range map[string][]byte{
		"OK":          wire.AppendOK(nil),
		"two OKs":     wire.AppendOK(wire.AppendOK(nil)),
		"error frame": wire.AppendFrame(nil, wire.FrameError, "E_INVALID nothing in particular"),
		"message":     wire.AppendFrame(nil, wire.FrameMessage, "a message for a consumer"),
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			srv := newDouble(t)
			p := newProducer(t, srv.Addr, nil)
			require.NoError(t, p.Publish("topic", []byte("0")))
			srv.Send(surplus)
			require.NoError(t, srv.WaitConns(testContext(t), 2))
			eventually(t, func() bool { return p.Stats().Connections == 2 }, "the second connection is up")
			require.NoError(t, p.Publish("topic", []byte("1")))
			require.Equal(t, []string{"0", "1"}, bodies(srv))
			require.Equal(t, 2, srv.Messages()[1].Conn)
			requireBooks(t, p)
		})
	}
}

// TestSplitAnswers cuts the whole conversation, handshake, heartbeats, OKs and an error frame, into pieces of n bytes.
func TestSplitAnswers(t *testing.T) {
	for n := 1; n <= 12; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			srv := newDouble(t,
				wiretest.OnAccept().Split(n),
				wiretest.OnIdentify().Heartbeat(),
				wiretest.OnIdentify().Answered().Heartbeat(),
				wiretest.OnPublish(2).Answered().Heartbeat(),
				wiretest.OnPublish(4).Conn(1).Error(wire.CodeBadMessage, "refused by script"),
			)
			p := newProducer(t, srv.Addr, nil)
			for i := 1; i <= 6; i++ {
				err := p.Publish("topic", fmt.Append(nil, i))
				if i != 4 {
					require.NoError(t, err)
					continue
				}
				var refusal *wire.ReplyError
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, wire.ReplyError{Code: wire.CodeBadMessage, Text: "refused by script"}, *refusal)
				require.Equal(t, actor.Refused, actor.OutcomeOf(err))
			}
			require.Equal(t, []string{"1", "2", "3", "5", "6"}, bodies(srv))
			require.NoError(t, srv.Wait(testContext(t), func(s wiretest.Stats) bool { return s.Nops >= 2 }))
		})
	}
}

// TestNoMemoryByThePeersWord lets a server state sizes up to 2 GiB, in the handshake and behind it.
func TestNoMemoryByThePeersWord(t *testing.T) {
	huge := sized(0x7fffffff, "")
	srv := newDouble(t, wiretest.OnIdentify().Conn(1).Answer(huge), wiretest.OnPublish(1).Conn(2).Answer(huge))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := newProducer(t, srv.Addr, &actor.Config{BackoffMin: time.Millisecond, BackoffMax: time.Millisecond})
	require.Equal(t, actor.NotSent, actor.OutcomeOf(p.Publish("topic", []byte("body"))))
	require.NoError(t, srv.WaitConns(testContext(t), 2))
	eventually(t, func() bool { return actor.OutcomeOf(p.Publish("topic", []byte("body"))) == actor.Unknown }, "the second connection's turn")
	require.NoError(t, p.Publish("topic", []byte("body")))
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
}

// TestWrongPort dials a server that speaks HTTP, as nsqd does on its other port.
func TestWrongPort(t *testing.T) {
	srv := newDouble(t, wiretest.OnIdentify().Answer([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")))
	p := newProducer(t, srv.Addr, nil)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := p.PingContext(ctx)
	require.True(t, errors.Is(err, wire.ErrHTTP), "%v", err)
}
