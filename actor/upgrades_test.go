package actor_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
)

// upgrader is an nsqd that is only about its upgrades: how what it says arrives, and what stands between.
type upgrader struct {
	addr   string
	tls    *tls.Config // nil: not granted
	piece  int         // bytes of each write to the socket; 0: as many as there are before it waits for the client
	beats  int         // heartbeats before each answer of the handshake, and behind the last
	level  int         // of its deflate
	early  bool        // it flushes before it says anything through deflate
	mu     sync.Mutex
	bodies [][]byte
	ends   []error // how the streams of commands ended
	heard  []byte  // all that came from the last client to go, as it came
}

func (u *upgrader) start(t *testing.T) {
	listener, err := net.Listen("tcp", here+":0")
	require.NoError(t, err)
	u.addr = listener.Addr().String()
	var running sync.WaitGroup
	running.Add(1)
	go func() {
		defer running.Done()
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Add(1)
			go func() {
				defer running.Done()
				defer conn.Close()
				raw := &bunch{Conn: conn, piece: u.piece}
				end := u.serve(raw)
				u.mu.Lock()
				defer u.mu.Unlock()
				u.ends, u.heard = append(u.ends, end), raw.heard
			}()
		}
	}()
	t.Cleanup(func() { listener.Close(); running.Wait() })
}

// serve does as nsqd does, and returns how what it reads has ended.
func (u *upgrader) serve(conn *bunch) error {
	in, out := io.Reader(conn), io.Writer(conn)
	flush := func() {}
	lines := bufio.NewReader(in)
	if _, err := io.ReadFull(lines, make([]byte, len(wire.Magic))); err != nil {
		return err
	}
	command, err := wire.ReadCommand(lines, wire.Limits{})
	if err != nil {
		return err
	}
	var asked, grant struct {
		TLS     bool `json:"tls_v1"`
		Deflate bool `json:"deflate"`
		Auth    bool `json:"auth_required"`
	}
	if err := json.Unmarshal(command.Bodies[0], &asked); err != nil {
		return err
	}
	grant.TLS, grant.Deflate, grant.Auth = asked.TLS && u.tls != nil, asked.Deflate, true
	answer, _ := json.Marshal(grant)
	say := func(data string) {
		for range u.beats {
			out.Write(wire.AppendHeartbeat(nil))
			flush()
		}
		out.Write(wire.AppendFrame(nil, wire.FrameResponse, data))
		flush()
	}
	beat := func() {
		for range u.beats {
			out.Write(wire.AppendHeartbeat(nil))
			flush()
		}
	}
	say(string(answer))
	beat()
	if grant.TLS {
		secured := tls.Server(conn, u.tls)
		if err := secured.Handshake(); err != nil {
			return err
		}
		in, out = secured, secured
		say("OK")
		beat()
	}
	if grant.Deflate {
		deflater, err := flate.NewWriter(out, u.level)
		if err != nil {
			return err
		}
		in, out, flush = flate.NewReader(in), deflater, func() { deflater.Flush() }
		if u.early { // nsqd flushes now and then, whether there is anything or not
			flush()
		}
		say("OK")
		beat()
	}
	lines = bufio.NewReader(in)
	for {
		command, err := wire.ReadCommand(lines, wire.Limits{})
		switch {
		case err != nil:
			return err
		case command.Name == "AUTH":
			say(`{"permission_count":1}`)
			beat()
		case command.Name != "NOP":
			out.Write(wire.AppendOK(nil))
			flush()
			u.mu.Lock()
			u.bodies = append(u.bodies, command.Bodies...)
			u.mu.Unlock()
		}
	}
}

// bunch is a connection that writes in pieces of one size, or all at once when it is about to read.
type bunch struct {
	net.Conn
	piece int
	kept  []byte
	heard []byte
}

func (b *bunch) Write(p []byte) (int, error) {
	if b.piece == 0 {
		b.kept = append(b.kept, p...)
		return len(p), nil
	}
	for rest := p; len(rest) > 0; rest = rest[min(b.piece, len(rest)):] {
		if _, err := b.Conn.Write(rest[:min(b.piece, len(rest))]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (b *bunch) Read(p []byte) (int, error) {
	if len(b.kept) > 0 {
		if _, err := b.Conn.Write(b.kept); err != nil {
			return 0, err
		}
		b.kept = nil
	}
	n, err := b.Conn.Read(p)
	b.heard = append(b.heard, p[:n]...)
	return n, err
}

// Stop tells TLS that nothing more comes: the last that the server gets is an alert, whose type TLS 1.2 does not hide.
func TestStopNotifiesTLS(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	u := &upgrader{tls: &tls.Config{Certificates: []tls.Certificate{a.Pair(here, time.Hour)}, MaxVersion: tls.VersionTLS12}}
	u.start(t)
	cfg := encrypted(a)
	cfg.AuthSecret = secret
	p := newProducer(t, u.addr, cfg)
	require.NoError(t, p.Publish("topic", []byte("body")))
	p.Stop()
	until(t, "the end", func() bool { u.mu.Lock(); defer u.mu.Unlock(); return len(u.ends) > 0 })
	const alert, length = 21, 5 + 8 + 2 + 16 // header, nonce, alert and tag
	require.Equal(t, byte(alert), u.heard[len(u.heard)-length])
	require.Equal(t, []byte{3, 3, 0, length - 5}, u.heard[len(u.heard)-length+1:len(u.heard)-length+5])
}

// However the bytes of the upgrades arrive, one by one or those of several layers together, and with heartbeats before any
// frame, in clear too, the producer gets through; and its Stop ends each layer's stream as it should be ended.
func TestUpgradesInAnyPieces(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	for _, with := range []struct{ tls, deflate bool }{{true, false}, {false, true}, {true, true}} {
		for _, level := range []int{flate.BestSpeed, flate.DefaultCompression, flate.HuffmanOnly} {
			for _, piece := range []int{0, 1, 2, 3, 7, 1000} {
				for _, beats := range []int{0, 1, 3} {
					name := fmt.Sprintf("%v, level %d, pieces of %d, %d heartbeats", with, level, piece, beats)
					pair := &tls.Config{Certificates: []tls.Certificate{a.Pair(here, time.Hour)}}
					u := &upgrader{tls: pair, piece: piece, beats: beats, level: level, early: beats == 1 || piece == 1}
					u.start(t)
					cfg := &actor.Config{TlsV1: with.tls, Deflate: with.deflate, AuthSecret: secret}
					if with.tls {
						cfg.TlsConfig = encrypted(a).TlsConfig
					}
					p := newProducer(t, u.addr, cfg)
					for _, size := range []int{1, 1000, 100_000} {
						require.NoError(t, p.Publish("topic", noise(size)), name)
					}
					p.Stop()
					until(t, "the end", func() bool { u.mu.Lock(); defer u.mu.Unlock(); return len(u.ends) > 0 })
					require.Equal(t, []error{io.EOF}, u.ends, name)
					require.Len(t, u.bodies, 3)
					require.True(t, bytes.Equal(noise(100_000), u.bodies[2]))
				}
			}
		}
	}
}
