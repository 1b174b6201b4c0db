package actor_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

const secret = "correct-horse-battery-staple"

// door is an auth server as nsqd asks it.
type door struct {
	addr   string
	asked  chan url.Values // what it was asked first
	visits atomic.Int64
	topics atomic.Value // of string: the pattern of those allowed
	ttl    atomic.Int64 // in seconds
	closed atomic.Bool  // it answers with an error
	delay  atomic.Int64
}

func newDoor(t *testing.T, topics string) *door {
	d := &door{asked: make(chan url.Values, 1)}
	d.topics.Store(topics)
	d.ttl.Store(3600)
	srv := httptest.NewServer(http.HandlerFunc(d.answer))
	t.Cleanup(srv.Close)
	d.addr = strings.TrimPrefix(srv.URL, "http://")
	return d
}

func (d *door) answer(w http.ResponseWriter, r *http.Request) {
	d.visits.Add(1)
	select {
	case d.asked <- r.URL.Query():
	default:
	}
	time.Sleep(time.Duration(d.delay.Load()))
	if d.closed.Load() {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	var allowed []map[string]any
	if r.URL.Query().Get("secret") == secret {
		allowed = append(allowed, map[string]any{"topic": d.topics.Load(), "channels": []string{".*"}, "permissions": []string{"publish"}})
	}
	json.NewEncoder(w).Encode(map[string]any{"ttl": d.ttl.Load(), "identity": "somebody", "authorizations": allowed})
}

// authorised starts an nsqd that asks the door.
func authorised(t *testing.T, d *door, flags ...string) *nsqdtest.Nsqd {
	return nsqdtest.Start(t, append(flags, "-auth-http-address="+d.addr)...)
}

// quickly makes pauses short.
func quickly(cfg actor.Config) *actor.Config {
	cfg.BackoffMin, cfg.BackoffMax = 10*time.Millisecond, 50*time.Millisecond
	return &cfg
}

func TestAuthGranted(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	for _, with := range []string{"", "TLS", "TLS and deflate", "deflate"} {
		t.Run(with, func(t *testing.T) {
			d := newDoor(t, "^allowed$")
			nsqd := authorised(t, d, a.Flags(here, time.Hour)...)
			cfg := &actor.Config{AuthSecret: secret, Deflate: strings.Contains(with, "deflate")}
			if strings.Contains(with, "TLS") {
				cfg.TlsV1, cfg.TlsConfig = true, encrypted(a).TlsConfig
			}
			p := newProducer(t, nsqd.TCPAddr, cfg)
			require.NoError(t, p.Publish("allowed", []byte("body")))
			asked := receive(t, d.asked)
			require.Equal(t, secret, asked.Get("secret"))
			require.Equal(t, fmt.Sprint(strings.Contains(with, "TLS")), asked.Get("tls"))
			require.EqualValues(t, 1, d.visits.Load())
			p.Stop()
			nsqd.Terminate()
			require.NotContains(t, nsqd.Log(), "ERROR")
		})
	}
}

// memo is a slog.Handler's output.
type memo struct {
	mu   sync.Mutex
	text strings.Builder
}

func (m *memo) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.Write(b)
}

func (m *memo) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

// Where there is no connection for want of authorisation, the error says why, and neither it nor the log has the secret.
func TestAuthThatComesToNothing(t *testing.T) {
	leak.Check(t)
	unreachable := func(t *testing.T) string { return nsqdtest.Start(t, "-auth-http-address=127.0.0.1:1").TCPAddr }
	for _, c := range []struct {
		name   string
		secret string
		server func(t *testing.T) string // its address
		says   string
	}{
		{"no secret", "", func(t *testing.T) string { return authorised(t, newDoor(t, ".*")).TCPAddr }, "AuthSecret is not set"},
		{"a wrong one", "wrong-" + secret, func(t *testing.T) string { return authorised(t, newDoor(t, ".*")).TCPAddr }, wire.CodeUnauthorized},
		{"unreachable", secret, unreachable, wire.CodeAuthFailed},
		{"nsqd's code for it", wire.CodeAuthFailed, unreachable, "AUTH: nsqd: *** AUTH failed"},
		{"a word of nsqd's", "authorizations", func(t *testing.T) string { return authorised(t, newDoor(t, ".*")).TCPAddr },
			wire.CodeUnauthorized + " AUTH no *** found"},
		{"an error that repeats the secret", secret, func(t *testing.T) string {
			return wiretestAuth(t, wiretest.OnAuth().Error(wire.CodeInvalid, "invalid command "+secret)).Addr
		}, "invalid command ***"},
		{"no answer", secret, func(t *testing.T) string { return wiretestAuth(t, wiretest.OnAuth().Freeze()).Addr }, "HandshakeTimeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := new(memo)
			cfg := quickly(actor.Config{AuthSecret: c.secret, HandshakeTimeout: time.Second})
			cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
			p := newProducer(t, c.server(t), cfg)
			for range 3 {
				err := p.Publish("topic", []byte("body"))
				require.ErrorIs(t, err, actor.ErrNotConnected)
				require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
				require.ErrorContains(t, err, c.says)
				require.NotContains(t, err.Error(), cmp.Or(c.secret, secret))
			}
			until(t, "a record", func() bool { return strings.Contains(log.String(), "cannot connect") })
			require.NotContains(t, log.String(), cmp.Or(c.secret, secret))
			require.Zero(t, p.Stats().Connections)
		})
	}
}

func wiretestAuth(t *testing.T, faults ...wiretest.Fault) *wiretest.Server {
	srv := wiretest.Config{AuthSecret: secret, Faults: faults}.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

// Who is not asked for it does not give the secret away.
func TestAuthThatIsNotRequired(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{AuthSecret: secret})
	require.NoError(t, p.Publish("topic", []byte("body")))
	require.Equal(t, 2, srv.Messages()[0].Number, "behind IDENTIFY")
}

// elsewhere is a connection that seems to go to another machine.
type elsewhere struct {
	net.Conn
	remote net.Addr
}

func (e elsewhere) RemoteAddr() net.Addr { return e.remote }

func TestAuthInClear(t *testing.T) {
	leak.Check(t)
	pipe, _ := net.Pipe()
	for _, c := range []struct {
		remote  net.Addr
		allowed bool
		sent    bool
	}{
		{&net.TCPAddr{IP: net.IPv4(127, 8, 8, 8)}, false, true},
		{&net.TCPAddr{IP: net.IPv6loopback}, false, true},
		{&net.UnixAddr{Name: "/run/nsqd.sock", Net: "unix"}, false, true},
		{pipe.RemoteAddr(), false, true},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}, false, false},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}, true, true},
		{&net.TCPAddr{}, false, false},
		{(*net.TCPAddr)(nil), false, false},
		{&net.IPAddr{IP: net.IPv4(127, 0, 0, 1)}, false, false},
		{nil, false, false},
		{nil, true, true},
	} {
		srv := wiretestAuth(t)
		p := newProducer(t, srv.Addr, &actor.Config{AuthSecret: secret, AuthInClear: c.allowed,
			Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return elsewhere{conn, c.remote}, err
			}})
		err := p.Publish("topic", []byte("body"))
		if c.sent {
			require.NoError(t, err, "%v", c.remote)
			continue
		}
		require.ErrorIs(t, err, actor.ErrNotConnected)
		require.ErrorContains(t, err, "not sent in clear")
		require.NotContains(t, err.Error(), secret)
		require.Zero(t, srv.Stats().Messages)
	}
}

// A topic that is not allowed costs its publishes and nobody else's, and few connections, folded or not.
func TestTopicThatIsNotAllowed(t *testing.T) {
	leak.Check(t)
	for _, fold := range []int{1, 256} {
		d := newDoor(t, "^[ac]$")
		nsqd := authorised(t, d)
		p := newFolder(t, nsqd.TCPAddr, &actor.Config{AuthSecret: secret, FoldMessages: fold})
		began := time.Now()
		done := publishWords(t, p, 0, strings.TrimSpace(strings.Repeat("a b c b ", 100)))
		for i, err := range results(t, done, 400) {
			if i%2 == 0 {
				require.NoError(t, err, i)
				continue
			}
			requireRefusal(t, err, wire.CodeUnauthorized)
			require.ErrorContains(t, err, `on "b"`)
		}
		require.EqualValues(t, 200, nsqd.MessageCount("a")+nsqd.MessageCount("c"))
		require.Zero(t, nsqd.MessageCount("b"))
		require.Equal(t, actor.Refused, actor.OutcomeOf(p.MultiPublish("b", [][]byte{{1}})))
		require.Equal(t, actor.Refused, actor.OutcomeOf(p.DeferredPublish("b", 0, []byte{1})))
		require.NoError(t, p.Publish("a", []byte{1}))
		require.LessOrEqual(t, p.Stats().Connections, 2+uint64(time.Since(began)/(5*time.Second)))
		requireBooks(t, p)

		if fold > 1 { // what is allowed later is taken later
			d.topics.Store(".*")
			until(t, "asked again", func() bool { return p.Publish("b", []byte{1}) == nil })
		}
	}
}

// When nsqd cannot ask again after the permission's time is over, publishes are refused or not sent until it can.
func TestPermissionThatExpires(t *testing.T) {
	leak.Check(t)
	d := newDoor(t, ".*")
	d.ttl.Store(1)
	nsqd := authorised(t, d)
	p := newProducer(t, nsqd.TCPAddr, quickly(actor.Config{AuthSecret: secret}))
	acked := uint64(0)
	publish := func() error {
		err := p.Publish("topic", []byte("body"))
		if err == nil {
			acked++
		} else {
			require.NotEqual(t, actor.Unknown, actor.OutcomeOf(err), "%v", err)
			require.ErrorContains(t, err, wire.CodeAuthFailed)
		}
		return err
	}
	until(t, "asked again", func() bool { require.NoError(t, publish()); return d.visits.Load() >= 3 })
	d.closed.Store(true)
	until(t, "the time is over", func() bool { return publish() != nil })
	until(t, "down", func() bool { return errors.Is(publish(), actor.ErrNotConnected) })
	d.closed.Store(false)
	until(t, "up again", func() bool { return publish() == nil })
	require.Equal(t, acked, nsqd.MessageCount("topic"))
	requireBooks(t, p)
}

// While nsqd waits for its auth server, heartbeats come before the answer to AUTH.
func TestSlowAuth(t *testing.T) {
	leak.Check(t)
	d := newDoor(t, ".*")
	d.delay.Store(int64(1500 * time.Millisecond))
	nsqd := authorised(t, d)
	p := newProducer(t, nsqd.TCPAddr, &actor.Config{AuthSecret: secret, HeartbeatInterval: time.Second})
	require.NoError(t, p.Publish("topic", []byte("body")))
	require.EqualValues(t, 1, p.Stats().Connections)
	p.Stop()
	nsqd.Terminate()
	require.NotContains(t, nsqd.Log(), "ERROR")
}
