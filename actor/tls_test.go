package actor_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
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

const here = "127.0.0.1"

// encrypted is a Config for an nsqd whose certificate is the authority's.
func encrypted(a *authority.Authority) *actor.Config {
	return &actor.Config{TlsV1: true, TlsConfig: &tls.Config{RootCAs: a.Pool}}
}

// allSorts publishes bodies of all kinds of sizes by all forms, and returns how many messages that makes.
func allSorts(t *testing.T, p *actor.Producer, topic string) uint64 {
	t.Helper()
	count := 0
	done := make(doneChan, 3000)
	for i := range 2000 {
		require.NoError(t, p.PublishAsync(topic, fmt.Append(nil, i), done))
	}
	for _, size := range []int{1, 16 << 10, 64 << 10, 64<<10 + 1, 1 << 20} {
		require.NoError(t, p.PublishAsync(topic, anyBytes(size), done))
		require.NoError(t, p.PublishAsync(topic, make([]byte, size), done))
		require.NoError(t, p.DeferredPublishAsync(topic, time.Hour, noise(size), done))
		count += 3
	}
	require.NoError(t, p.MultiPublishAsync(topic, [][]byte{anyBytes(1 << 20), {1}, make([]byte, 1<<20), noise(1 << 20), {2}}, done))
	for range 2000 + count + 1 {
		require.NoError(t, receive(t, done).Error)
	}
	return uint64(2000 + count + 5)
}

func TestTLS(t *testing.T) {
	a := authority.New(t)
	for _, flags := range [][]string{nil, {"-tls-required=true"}} {
		nsqd := nsqdtest.Start(t, append(a.Flags(here, time.Hour), flags...)...)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprint(tls.VersionName(version), flags), func(t *testing.T) {
				leak.Check(t)
				cfg := encrypted(a)
				cfg.TlsConfig.MaxVersion = version
				seen := make(chan tls.ConnectionState, 1)
				cfg.TlsConfig.VerifyConnection = func(s tls.ConnectionState) error { seen <- s; return nil }
				p := newFolder(t, nsqd.TCPAddr, cfg)
				topic := fmt.Sprintf("topic%x", version)
				count := allSorts(t, p, topic)
				require.Equal(t, version, receive(t, seen).Version)
				if flags == nil {
					require.Equal(t, count, nsqd.MessageCount(topic))
				}
				p.Stop()
				require.EqualValues(t, 1, p.Stats().Connections)
			})
		}
		nsqd.Terminate()
		require.NotContains(t, nsqd.Log(), "ERROR")
	}
}

// What is said of a certificate is crypto/tls's; here it is that it is asked, and that nothing is published when it says no.
func TestCertificatesThatAreNotAccepted(t *testing.T) {
	leak.Check(t)
	a, stranger := authority.New(t), authority.New(t)
	for _, bad := range []struct {
		name  string
		flags []string
		is    any
		says  string
	}{
		{"expired", a.Flags(here, -time.Hour), new(*tls.CertificateVerificationError), "expired"},
		{"for another host", a.Flags("127.0.0.2", time.Hour), new(*tls.CertificateVerificationError), "127.0.0.2, not 127.0.0.1"},
		{"by somebody else", stranger.Flags(here, time.Hour), new(x509.UnknownAuthorityError), "unknown authority"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			nsqd := nsqdtest.Start(t, bad.flags...)
			p := newProducer(t, nsqd.TCPAddr, encrypted(a))
			err := p.Publish("topic", []byte("body"))
			require.ErrorIs(t, err, actor.ErrNotConnected)
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			require.ErrorAs(t, err, bad.is)
			require.ErrorContains(t, err, bad.says)
			require.Zero(t, nsqd.MessageCount("topic"))
			require.Zero(t, p.Stats().Connections)
		})
	}
}

// The user's ServerName stays, and his Config is not written to.
func TestServerName(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, a.Flags("nsqd.example", time.Hour)...)
	cfg := encrypted(a)
	require.ErrorContains(t, newProducer(t, nsqd.TCPAddr, cfg).Publish("topic", []byte("body")), "127.0.0.1")
	require.Equal(t, &tls.Config{RootCAs: a.Pool}, cfg.TlsConfig)
	cfg.TlsConfig.ServerName = "nsqd.example"
	require.NoError(t, newProducer(t, nsqd.TCPAddr, cfg).Publish("topic", []byte("body")))
	cfg.TlsConfig = &tls.Config{InsecureSkipVerify: true}
	require.NoError(t, newProducer(t, nsqd.TCPAddr, cfg).Publish("topic", []byte("body")))

	_, err := actor.NewProducer("unix:/run/nsqd.sock", &actor.Config{TlsV1: true, Dial: noSuchHook})
	require.ErrorContains(t, err, "must have a ServerName")
}

// The zone of an IPv6 address is for the dialler: no certificate has it.
func TestServerNameWithoutZone(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	srv := wiretest.Config{TLS: &tls.Config{Certificates: []tls.Certificate{a.Pair("fe80::1", time.Hour)}}}.NewServer()
	t.Cleanup(srv.Close)
	cfg := encrypted(a)
	cfg.Dial = srv.Dial
	require.NoError(t, newProducer(t, "[fe80::1%lo]:4150", cfg).Publish("topic", []byte("body")))
	require.ErrorContains(t, newProducer(t, "[fe80::2%lo]:4150", cfg).Publish("topic", []byte("body")), "not fe80::2")
}

func TestClientCertificates(t *testing.T) {
	leak.Check(t)
	a, stranger := authority.New(t), authority.New(t)
	nsqd := nsqdtest.Start(t, append(a.Flags(here, time.Hour), "-tls-client-auth-policy=require-verify")...)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, client := range []struct {
			name  string
			certs []tls.Certificate
			says  string
		}{
			{"good", []tls.Certificate{a.Pair("client", time.Hour)}, ""},
			{"none", nil, ""},
			{"expired", []tls.Certificate{a.Pair("client", -time.Hour)}, "certificate"},
			{"untrusted", []tls.Certificate{stranger.Pair("client", time.Hour)}, "certificate"},
		} {
			t.Run(tls.VersionName(version)+", "+client.name, func(t *testing.T) {
				cfg := encrypted(a)
				cfg.TlsConfig.MaxVersion, cfg.TlsConfig.Certificates = version, client.certs
				p := newProducer(t, nsqd.TCPAddr, cfg)
				err := p.Publish("topic", []byte("body"))
				if client.name == "good" {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, actor.ErrNotConnected)
				require.ErrorContains(t, err, "remote error: tls: ")
				require.ErrorContains(t, err, client.says)
			})
		}
	}
}

// Sessions are resumed when the producer connects again, whether the user has a cache for them or not.
func TestSessionsAreResumed(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, a.Flags(here, time.Hour)...)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, cache := range []tls.ClientSessionCache{nil, tls.NewLRUClientSessionCache(0)} {
			cfg := encrypted(a)
			cfg.TlsConfig.MaxVersion, cfg.TlsConfig.ClientSessionCache = version, cache
			resumed := make(chan bool, 10)
			cfg.TlsConfig.VerifyConnection = func(s tls.ConnectionState) error { resumed <- s.DidResume; return nil }
			conns := make(chan net.Conn, 10)
			cfg.Dial = dialTo(conns)
			p := newProducer(t, nsqd.TCPAddr, cfg)
			require.NoError(t, p.Publish("topic", []byte("body")))
			require.False(t, receive(t, resumed))
			for range 3 {
				receive(t, conns).Close()
				require.True(t, receive(t, resumed))
				until(t, "published", func() bool { return p.Publish("topic", []byte("body")) == nil })
			}
		}
	}
}

// An nsqd that does not offer TLS gets IDENTIFY and nothing more, AUTH least of all.
func TestTLSIsRequired(t *testing.T) {
	leak.Check(t)
	for _, granted := range []string{`{"tls_v1":false}`, `{"auth_required":true}`, `{"deflate":true,"tls_v1":false,"auth_required":true}`} {
		listener, err := net.Listen("tcp", here+":0")
		require.NoError(t, err)
		got := make(chan []byte, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				close(got)
				return
			}
			defer conn.Close()
			conn.Write(wire.AppendFrame(nil, wire.FrameResponse, granted))
			all, _ := io.ReadAll(conn)
			got <- all
		}()
		p := newProducer(t, listener.Addr().String(), &actor.Config{TlsV1: true, Deflate: true, AuthSecret: secret})
		err = p.Publish("topic", []byte("body"))
		require.ErrorIs(t, err, actor.ErrNotConnected)
		require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
		require.ErrorContains(t, err, "nsqd does not offer TLS")
		all := receive(t, got)
		require.True(t, bytes.HasPrefix(all, []byte("  V2IDENTIFY\n")))
		require.True(t, bytes.HasSuffix(all, []byte("}")), "and nothing behind the JSON")
		require.Equal(t, 1, bytes.Count(all, []byte("\n")), "%q", all)
		require.NotContains(t, string(all), secret)
		listener.Close()
	}
	nsqd := nsqdtest.Start(t)
	p := newProducer(t, nsqd.TCPAddr, &actor.Config{TlsV1: true})
	require.ErrorContains(t, p.Publish("topic", []byte("body")), "nsqd does not offer TLS")
	require.Zero(t, nsqd.MessageCount("topic"))
}

// An nsqd that insists on TLS refuses the first publish of who does not ask for it.
func TestTLSThatNobodyAskedFor(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, append(a.Flags(here, time.Hour), "-tls-required=true")...)
	p := newProducer(t, nsqd.TCPAddr, nil)
	err := p.Publish("topic", []byte("body"))
	requireRefusal(t, err, wire.CodeInvalid)
	require.ErrorContains(t, err, "TLS required")
}

// A server that stops within an upgrade costs HandshakeTimeout, and what waits was not sent.
func TestUpgradeThatHangs(t *testing.T) {
	leak.Check(t)
	for _, granted := range []string{`{"tls_v1":true}`, `{"deflate":true}`} {
		listener, err := net.Listen("tcp", here+":0")
		require.NoError(t, err)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				conn.Write(wire.AppendFrame(nil, wire.FrameResponse, granted))
				io.Copy(io.Discard, conn) // until the producer gives up
				conn.Close()
			}
		}()
		secured := strings.Contains(granted, "tls")
		p := newProducer(t, listener.Addr().String(), &actor.Config{TlsV1: secured, Deflate: !secured, HandshakeTimeout: 100 * time.Millisecond})
		began := time.Now()
		err = p.Publish("topic", []byte("body"))
		require.ErrorIs(t, err, actor.ErrNotConnected)
		require.ErrorContains(t, err, "HandshakeTimeout")
		require.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)
		require.Less(t, time.Since(began), 100*time.Millisecond+lateness)
		require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
		p.Stop()
		listener.Close()
		receive(t, ended)
	}
}

// dialTo is a dial hook that hands out its connections.
func dialTo(conns chan<- net.Conn) dialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			conns <- conn
		}
		return conn, err
	}
}

func noSuchHook(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }

// noise is incompressible.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}
