package actor_test

import (
	"bufio"
	"compress/flate"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// A callback that pins or revokes certificates is asked about each connection: crypto/tls does not ask it about a session that
// is resumed.
func TestEachCertificateIsPutToTheCallback(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, a.Flags(here, time.Hour)...)
	cfg := encrypted(a)
	var revoked atomic.Bool
	cfg.TlsConfig.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error {
		if revoked.Load() {
			return errors.New("revoked")
		}
		return nil
	}
	conns := make(chan net.Conn, 10)
	cfg.Dial = dialTo(conns)
	p := newProducer(t, nsqd.TCPAddr, cfg)
	require.NoError(t, p.Publish("topic", []byte("body")))
	revoked.Store(true)
	receive(t, conns).Close()
	receive(t, conns) // the next attempt
	eventually(t, func() bool { return p.Ping() != nil }, "refused")
	err := p.Publish("topic", []byte("body"))
	require.ErrorContains(t, err, "revoked")
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
}

// A Dial hook's connection may have no address.
func TestTLSWithoutAnyName(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, a.Flags(here, time.Hour)...)
	p := newProducer(t, "nsqd behind a proxy", &actor.Config{TlsV1: true, TlsConfig: &tls.Config{InsecureSkipVerify: true},
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", nsqd.TCPAddr)
			return elsewhere{conn, nil}, err
		}})
	require.NoError(t, p.Publish("topic", []byte("body")))
}

// HandshakeTimeout ends the context that callbacks of the user's tls.Config have.
func TestCallbackThatWaits(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, append(a.Flags(here, time.Hour), "-tls-client-auth-policy=require-verify")...)
	cfg := encrypted(a)
	cfg.HandshakeTimeout = 100 * time.Millisecond
	cfg.TlsConfig.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	p := newProducer(t, nsqd.TCPAddr, cfg)
	err := receive(t, started(func() error { return p.Publish("topic", []byte("body")) }))
	require.ErrorIs(t, err, actor.ErrNotConnected)
}

// An OK that nobody asked for may lie within a layer, behind the handshake's last, where wire's reader does not see it yet.
func TestStrayOKWithinALayer(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	cert := &tls.Config{Certificates: []tls.Certificate{a.Pair(here, time.Hour)}}
	for _, granted := range []string{`{"tls_v1":true}`, `{"deflate":true}`, `{"tls_v1":true,"deflate":true}`} {
		addr := straying(t, granted, cert)
		for range 100 {
			cfg := &actor.Config{Deflate: strings.Contains(granted, "deflate"), ResponseTimeout: 200 * time.Millisecond, MaxAttempts: 1}
			if strings.Contains(granted, "tls") {
				cfg.TlsV1, cfg.TlsConfig = true, encrypted(a).TlsConfig
			}
			p, err := actor.NewProducer(addr, cfg)
			require.NoError(t, err)
			require.NotEqual(t, actor.Acked, actor.OutcomeOf(p.Publish("topic", []byte("body"))), granted)
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			p.Shutdown(ctx)
			cancel()
		}
	}
}

// straying is a server that says one OK too many behind the handshake's last, in the same segment, and answers no publish.
func straying(t *testing.T, granted string, cert *tls.Config) (addr string) {
	listener, err := net.Listen("tcp", here+":0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	serve := func(conn net.Conn) {
		defer conn.Close()
		raw := &bunch{Conn: conn}
		lines := bufio.NewReader(raw)
		io.ReadFull(lines, make([]byte, len(wire.Magic)))
		if _, err := wire.ReadCommand(lines, wire.Limits{}); err != nil {
			return
		}
		raw.Write(wire.AppendFrame(nil, wire.FrameResponse, granted))
		out, in, flush := io.Writer(raw), io.Reader(raw), func() error { return nil }
		if strings.Contains(granted, "tls") {
			s := tls.Server(raw, cert)
			if s.Handshake() != nil {
				return
			}
			out, in = s, s
			out.Write(wire.AppendOK(nil))
		}
		if strings.Contains(granted, "deflate") {
			d, _ := flate.NewWriter(out, 6)
			out, flush = d, d.Flush
			out.Write(wire.AppendOK(nil))
			flush()
		}
		out.Write(wire.AppendOK(nil))
		flush()
		io.Copy(io.Discard, in)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return listener.Addr().String()
}

// Bodies of few different letters are what compress/flate takes longest for: seconds for 64 KiB at level 9. Shutdown does not wait.
func TestShutdownWhileDeflating(t *testing.T) {
	leak.Check(t)
	nsqd := nsqdtest.Start(t)
	p := newProducer(t, nsqd.TCPAddr, &actor.Config{Deflate: true, DeflateLevel: 9})
	body := noise(1 << 20)
	for i := range body {
		body[i] = '0' + body[i]&1
	}
	require.NoError(t, p.Ping())
	for range 20 {
		require.NoError(t, p.PublishAsync("topic", body, nil))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err := p.Shutdown(ctx)
	end, _ := ctx.Deadline()
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(end), 500*time.Millisecond) // some 10 ms, but for the race detector
}
