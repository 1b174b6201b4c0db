package wiretest_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

const authorized = `response {"identity":"wiretest","identity_url":"","permission_count":1}`

func authServed(t *testing.T, config wiretest.Config) *wiretest.Server {
	srv := config.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

func TestAuthorize(t *testing.T) {
	type question struct{ secret, topic string }
	var asked []question
	srv := authServed(t, wiretest.Config{InMemory: true, Authorize: func(secret, topic string) bool {
		asked = append(asked, question{secret, topic})
		return secret == "mine" && topic == "t"
	}})
	c := dialMemory(t, srv)
	c.open(`{"feature_negotiation":true}`)
	require.Contains(t, c.frame(), `"auth_required":true`)
	c.send(wire.AppendAuth(nil, []byte("mine")))
	require.Equal(t, authorized, c.frame())
	c.send([]byte("PUB t\n" + sized("x") + "MPUB t\n" + batch("x", "y") + "NOP\nDPUB u 1\n" + sized("x")))
	require.Equal(t, []string{ok, ok, `error E_UNAUTHORIZED AUTH failed for DPUB on "u" ""`}, []string{c.frame(), c.frame(), c.frame()})
	_, err := c.frames.Next()
	require.Error(t, err)

	c = dialMemory(t, srv)
	c.open(`{}`)
	require.Equal(t, ok, c.frame())
	c.send(append(wire.AppendAuth(nil, []byte("yours")), pub(t, "t", "x")...))
	require.Equal(t, []string{authorized, `error E_UNAUTHORIZED AUTH failed for PUB on "t" ""`}, []string{c.frame(), c.frame()})

	srv.Close()
	require.Equal(t, []question{{"mine", "t"}, {"mine", "t"}, {"mine", "u"}, {"yours", "t"}}, asked, "once for each command")
	require.Equal(t, 3, srv.MessageCount("t"))
	require.Equal(t, "yours", string(srv.Conns()[1].Auth))
	require.Equal(t, 2, srv.Stats().Refused)
}

// A permission that ends while somebody publishes.
func TestAuthorizeChangesItsMind(t *testing.T) {
	var allowed atomic.Bool
	allowed.Store(true)
	srv := authServed(t, wiretest.Config{InMemory: true, Authorize: func(string, string) bool { return allowed.Load() }})
	c := dialMemory(t, srv)
	c.open(`{}`)
	c.send(append(wire.AppendAuth(nil, []byte("s")), pub(t, "t", "x")...))
	require.Equal(t, []string{ok, authorized, ok}, []string{c.frame(), c.frame(), c.frame()})
	allowed.Store(false)
	c.send(pub(t, "t", "x"))
	require.Equal(t, `error E_UNAUTHORIZED AUTH failed for PUB on "t" ""`, c.frame())
}

// With both, the secret decides about AUTH and the function about topics.
func TestAuthorizeWithSecret(t *testing.T) {
	onlyT := func(secret, topic string) bool { return topic == "t" }
	srv := authServed(t, wiretest.Config{InMemory: true, AuthSecret: "s", Authorize: onlyT})
	for secret, want := range map[string][]string{
		"s":     {ok, authorized, ok, `error E_UNAUTHORIZED AUTH failed for PUB on "u" ""`},
		"other": {ok, "error E_UNAUTHORIZED AUTH no authorizations found"},
	} {
		c := dialMemory(t, srv)
		c.open(`{}`)
		c.send(append(wire.AppendAuth(nil, []byte(secret)), append(pub(t, "t", "x"), pub(t, "u", "x")...)...))
		for _, frame := range want {
			require.Equal(t, frame, c.frame())
		}
	}
}

// A heartbeat before AUTH's reply, and a reply that fails or does not come.
func TestAuthFaults(t *testing.T) {
	srv := authServed(t, wiretest.Config{InMemory: true, AuthSecret: "s", Faults: faults(
		wiretest.OnAuth().Conn(1).Heartbeat(), wiretest.OnAuth().Conn(1).Answered().Heartbeat(),
		wiretest.OnAuth().Conn(2).Error(wire.CodeAuthFailed, "AUTH failed"),
		wiretest.OnAuth().Conn(3).Silence(),
	)})
	for _, want := range [][]string{
		{ok, heartbeatFrame, authorized, heartbeatFrame, ok},
		{ok, "error E_AUTH_FAILED AUTH failed"},
		{ok, ok},
	} {
		c := dialMemory(t, srv)
		c.open(`{}`)
		c.send(append(wire.AppendAuth(nil, []byte("s")), pub(t, "t", "x")...))
		for _, frame := range want {
			require.Equal(t, frame, c.frame())
		}
	}
}
