package actor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// Heartbeats may stand before any frame, those of the handshake included, and the frames may come in pieces. They are answered
// without a publish to carry the answer, and not before nsqd takes commands.
func TestHeartbeatsAroundTheHandshake(t *testing.T) {
	leak.Check(t)
	agreed := wire.AppendFrame(nil, wire.FrameResponse, `{"max_rdy_count":2500,"version":"1.3.0"}`)
	accept, before, behind := wiretest.OnAccept().Heartbeat(), wiretest.OnIdentify().Heartbeat(), wiretest.OnIdentify().Answered().Heartbeat()
	for _, at := range []struct {
		name   string
		faults []wiretest.Fault
	}{
		{"before IDENTIFY was read", []wiretest.Fault{accept}},
		{"before its answer", []wiretest.Fault{before}},
		{"with its answer", []wiretest.Fault{wiretest.OnIdentify().Answer(wire.AppendHeartbeat(agreed))}},
		{"behind its answer", []wiretest.Fault{behind}},
		{"everywhere, and twice", []wiretest.Fault{accept, accept, before, before, behind, behind}},
	} {
		for _, piece := range []int{0, 1, 2, 7} {
			t.Run(fmt.Sprintf("%s, pieces of %d", at.name, piece), func(t *testing.T) {
				faults := append([]wiretest.Fault{wiretest.OnAccept().Split(piece)}, at.faults...)
				srv := newDouble(t, append(faults, wiretest.OnPublish(1).Heartbeat(), wiretest.OnPublish(1).Answered().Heartbeat())...)
				p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial})
				require.NoError(t, p.Ping())
				require.NoError(t, srv.Wait(testContext(t), func(s wiretest.Stats) bool { return s.Nops > 0 }))
				for i := range 3 {
					require.NoError(t, p.Publish("topic", fmt.Append(nil, i)))
				}
				require.Equal(t, span(0, 3), numbersStored(srv, "topic"))
				require.Greater(t, srv.Messages()[0].Number, 2, "behind IDENTIFY and NOP")
				require.Equal(t, 1, srv.Stats().Conns)
				require.Zero(t, srv.Stats().Refused)
			})
		}
	}
}

// shutDoors are the ways of a server that takes connections and ends them before they are of any use.
var shutDoors = []struct {
	name string
	end  func(wiretest.When) wiretest.Fault
	when func() wiretest.When
}{
	{"closed at once", wiretest.When.Close, wiretest.OnAccept},
	{"reset at once", wiretest.When.Reset, wiretest.OnAccept},
	{"closed on IDENTIFY", wiretest.When.Close, wiretest.OnIdentify},
	{"reset on IDENTIFY", wiretest.When.Reset, wiretest.OnIdentify},
	{"IDENTIFY refused", func(w wiretest.When) wiretest.Fault { return w.Error(wire.CodeBadBody, "no") }, wiretest.OnIdentify},
	{"something else answers", func(w wiretest.When) wiretest.Fault { return w.Answer(wire.AppendOK(nil)) }, wiretest.OnIdentify},
	{"half an answer", func(w wiretest.When) wiretest.Fault { return w.Send([]byte{0, 0, 1, 0, 0, 0, 0, 0, '{'}) }, wiretest.OnAccept},
}

// A connection that ends before it is through the handshake was none: what waited for it was not sent, and the next one comes
// without being asked for.
func TestConnectionThatEndsInTheHandshake(t *testing.T) {
	leak.Check(t)
	for _, door := range shutDoors {
		for _, network := range []string{"by TCP", "in memory"} {
			t.Run(door.name+", "+network, func(t *testing.T) {
				srv := newDouble(t, door.end(door.when().Conn(1)), door.end(door.when().Conn(2)))
				cfg := &actor.Config{BackoffMin: time.Millisecond, BackoffMax: time.Millisecond, HandshakeTimeout: 100 * time.Millisecond}
				if network == "in memory" {
					cfg.Dial = srv.Dial
				}
				p := newProducer(t, srv.Addr, cfg)
				err := p.Publish("topic", []byte("body"))
				require.ErrorIs(t, err, actor.ErrNotConnected)
				require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
				until(t, "the third connection works", func() bool { return p.Stats().Link == state.Up })
				require.NoError(t, p.Publish("topic", []byte("body")))
				require.Equal(t, 3, srv.Stats().Conns)
				require.EqualValues(t, 1, p.Stats().Connections)
				require.Len(t, srv.Messages(), 1)
				requireBooks(t, p)
			})
		}
	}
}

// A connection that ends behind the answer to IDENTIFY was one: a publish may have been written to it, and may wait for another.
func TestConnectionThatEndsBehindTheHandshake(t *testing.T) {
	leak.Check(t)
	for name, end := range map[string]func(wiretest.When) wiretest.Fault{"closed": wiretest.When.Close, "reset": wiretest.When.Reset} {
		for _, attempts := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d attempts", name, attempts), func(t *testing.T) {
				srv := newDouble(t, end(wiretest.OnIdentify().Conn(1).Answered()), end(wiretest.OnIdentify().Conn(2).Answered()))
				door := newBarrier()
				p := newProducer(t, srv.Addr, &actor.Config{Dial: door.dial, DialTimeout: patience, MaxAttempts: attempts})
				done := publishNumbers(t, p, "topic", 0, 20)
				door.open()
				told := results(t, done, 20)
				requireTruth(t, srv, "topic", told)
				until(t, "a third connection", func() bool { return p.Stats().Connections == 3 })
				require.NoError(t, p.Publish("topic", []byte("20")))
				for i, err := range told {
					if actor.OutcomeOf(err) == actor.NotSent {
						require.Equal(t, 1, attempts, "two losses are fewer than three: %d: %v", i, err)
					}
				}
				for _, m := range srv.Messages() {
					require.Equal(t, 3, m.Conn, "the others were not read")
				}
				requireBooks(t, p)
			})
		}
	}
}
