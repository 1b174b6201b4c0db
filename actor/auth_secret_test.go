package actor_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// repeats are the ways of an nsqd to say the secret again.
func repeats(secret string) map[string]wiretest.Fault {
	said := func(kind wire.FrameType, data string) []byte { return wire.AppendFrame(nil, kind, data) }
	response, refusal := said(wire.FrameResponse, secret+", is it?"), said(wire.FrameError, "E_INVALID it is "+secret)
	return map[string]wiretest.Fault{
		"a refused publish":            wiretest.OnPublish(1).Error(wire.CodeUnauthorized, "topic for "+secret),
		"a code":                       wiretest.OnPublish(1).Error(secret, "no"),
		"a longer code":                wiretest.OnPublish(1).Error("E_INVALID:"+secret, "no"),
		"no answer to a publish":       wiretest.OnPublish(1).Answer(response),
		"a response behind AUTH":       wiretest.OnAuth().Answered().Send(response),
		"an error behind AUTH":         wiretest.OnAuth().Answered().Send(refusal),
		"a response before the answer": wiretest.OnPublish(1).Send(response),
		"an error for nobody":          wiretest.OnPublish(1).Send(refusal),
	}
}

// Whatever an nsqd that has the secret says, and when, neither errors nor the log repeat it.
func TestSecretThatNsqdRepeats(t *testing.T) {
	leak.Check(t)
	for _, secret := range []string{secret, "SESAME"} {
		for name, fault := range repeats(secret) {
			t.Run(secret+", "+name, func(t *testing.T) {
				log := new(memo)
				cfg := quickly(actor.Config{AuthSecret: secret, MaxAttempts: 1})
				cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
				srv := wiretest.Config{AuthSecret: secret, Faults: []wiretest.Fault{fault}}.NewServer()
				t.Cleanup(srv.Close)
				p := newProducer(t, srv.Addr, cfg)
				quoted := func() bool { // it is not where a write has failed before the frame was read
					err := p.Publish("topic", []byte("body"))
					require.Error(t, err)
					require.NotContains(t, err.Error(), secret)
					if refused := (*wire.ReplyError)(nil); errors.As(err, &refused) {
						require.NotContains(t, refused.Code+" "+refused.Text, secret)
					}
					return strings.Contains(err.Error(), "***")
				}
				until(t, "an error that quotes nsqd", quoted)
				until(t, "another one, perhaps from memory", quoted)
				until(t, "a record that does", func() bool { quoted(); return strings.Contains(log.String(), "***") })
				require.NotContains(t, log.String(), secret)
			})
		}
	}
}

// A secret that looks like nsqd's codes, or like a part of them, does not change what they say of a publish; nor does none.
func TestSecretThatIsACode(t *testing.T) {
	leak.Check(t)
	for _, secret := range []string{wire.CodeMPubFailed, "E_", "MPUB", "FAILED", "E", ""} {
		srv := wiretest.Config{AuthSecret: secret, Faults: []wiretest.Fault{
			wiretest.OnPublish(1).Conn(1).Error(wire.CodeMPubFailed, "for <"+secret+">"),
			wiretest.OnPublish(1).Conn(2).Error(wire.CodeMPubFailed, ""),
		}}.NewServer()
		p := newProducer(t, srv.Addr, quickly(actor.Config{AuthSecret: secret}))
		shown := "for <***>"
		if secret == "" {
			shown = "for <>"
		}
		for _, text := range []string{shown, ""} {
			err := p.MultiPublish("topic", [][]byte{{1}, {2}})
			require.Equal(t, actor.Unknown, actor.OutcomeOf(err), "some of it may be stored: %v", err)
			var refusal *wire.ReplyError
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, &wire.ReplyError{Code: wire.CodeMPubFailed, Text: text}, refusal)
			until(t, "up again", func() bool { return p.Ping() == nil })
		}
		p.Stop()
		srv.Close()
	}
}
