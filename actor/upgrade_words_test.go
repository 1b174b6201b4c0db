package actor_test

import (
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// upgrading starts a double that grants TLS and deflate.
func upgrading(t *testing.T, a *authority.Authority, faults ...wiretest.Fault) *wiretest.Server {
	t.Helper()
	pair := &tls.Config{Certificates: []tls.Certificate{a.Pair(here, time.Hour)}}
	srv := wiretest.Config{TLS: pair, Deflate: true, Faults: faults}.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

// thresholds are the moments before a layer is put on, by what seals calls the layers.
var thresholds = map[string]wiretest.When{
	"TLS":             wiretest.OnIdentify().Answered(),
	"deflate":         wiretest.OnIdentify().Answered(),
	"TLS and deflate": wiretest.OnTLS().Answered(), // between the two
}

// requireNoConnection publishes, and returns why that came to nothing for want of a connection.
func requireNoConnection(t *testing.T, srv *wiretest.Server, cfg *actor.Config) error {
	t.Helper()
	p := newProducer(t, srv.Addr, cfg)
	err := p.Publish("topic", []byte("body"))
	require.ErrorIs(t, err, actor.ErrNotConnected)
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
	require.Zero(t, p.Stats().Connections)
	require.Zero(t, srv.Stats().Messages)
	return err
}

// What nsqd says where it should put on a layer is why there is no connection, and not taken for the layer's beginning.
func TestWordsBeforeALayer(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	for name, cfg := range seals(a) {
		for _, piece := range []int{0, 1} {
			said := func(kind wire.FrameType, data string) error {
				frame := wire.AppendFrame(nil, kind, data)
				srv := upgrading(t, a, wiretest.OnAccept().Split(piece), thresholds[name].Send(frame))
				return requireNoConnection(t, srv, cfg)
			}
			var refusal *wire.ReplyError
			require.ErrorAs(t, said(wire.FrameError, "E_IDENTIFY_FAILED in two minds"), &refusal, name)
			require.Equal(t, &wire.ReplyError{Code: wire.CodeIdentifyFailed, Text: "in two minds"}, refusal, name)
			require.ErrorContains(t, said(wire.FrameResponse, "OK"), "a command that was not sent: a response frame", name)
			require.ErrorContains(t, said(wire.FrameMessage, "body"), "a command that was not sent: a message frame", name)
		}
	}
}

// A heartbeat that comes before a layer is answered behind the handshake, without a publish to carry the answer.
func TestHeartbeatBeforeALayer(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	for name, cfg := range seals(a) {
		for _, piece := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, pieces of %d", name, piece), func(t *testing.T) {
				srv := upgrading(t, a, wiretest.OnAccept().Split(piece), thresholds[name].Heartbeat())
				p := newProducer(t, srv.Addr, cfg)
				require.NoError(t, p.Ping())
				require.NoError(t, srv.Wait(testContext(t), func(s wiretest.Stats) bool { return s.Nops > 0 }))
				require.NoError(t, p.Publish("topic", []byte("body")))
				require.Equal(t, 1, srv.Stats().Nops)
				require.Equal(t, 1, srv.Stats().Conns)
			})
		}
	}
}

// An upgrade is confirmed by OK and by nothing that resembles it.
func TestUpgradeThatIsNotConfirmed(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	moments := map[string]wiretest.When{
		"TLS": wiretest.OnTLS(), "deflate": wiretest.OnCompression(), "TLS and deflate": wiretest.OnCompression(),
	}
	for name, cfg := range seals(a) {
		for _, answer := range []string{"", "O", "ok", "OK ", "KO", "CLOSE_WAIT"} {
			srv := upgrading(t, a, moments[name].Answer(wire.AppendFrame(nil, wire.FrameResponse, answer)))
			err := requireNoConnection(t, srv, cfg)
			require.ErrorContains(t, err, fmt.Sprintf("%q instead of OK", answer), name)
		}
	}
}
