package wiretest_test

import (
	"bufio"
	"compress/flate"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// climber is a client that carries out what it was granted. It takes heartbeats wherever they come.
type climber struct {
	t     *testing.T
	raw   net.Conn
	tls   *tls.Conn     // nil without TLS
	read  *bufio.Reader // of the topmost layer
	w     wiretest.WriteFlusher
	beats int
}

// unbuffered is a writer without compression.
type unbuffered struct{ io.Writer }

func (unbuffered) Flush() error { return nil }

// climb sends IDENTIFY and goes through all upgrades that were granted, to the last OK.
func climb(t *testing.T, nc net.Conn, options string, config *tls.Config) *climber {
	c, granted := start(t, nc, options)
	if granted.TLSv1 {
		require.NoError(t, c.encrypt(config))
		c.expect(ok)
	}
	if granted.Deflate || granted.Snappy {
		c.compress(granted.Snappy)
		c.expect(ok)
	}
	return c
}

type grants struct {
	TLSv1        bool `json:"tls_v1"`
	Deflate      bool
	Snappy       bool
	AuthRequired bool `json:"auth_required"`
}

func start(t *testing.T, nc net.Conn, options string) (*climber, grants) {
	c := &climber{t: t, raw: nc}
	c.reads(nc)
	c.send(wire.Magic + identify(options))
	frame, err := c.next()
	require.NoError(t, err)
	var granted grants
	require.NoErrorf(t, json.Unmarshal([]byte(frame[len("response "):]), &granted), "%q", frame)
	return c, granted
}

// reads makes nc, in clear, what the client reads and writes.
func (c *climber) reads(nc net.Conn) { c.read, c.w = bufio.NewReader(nc), unbuffered{nc} }

// skip takes heartbeats that are there in clear. Neither a TLS record nor a compressed stream begins as they do.
func (c *climber) skip() {
	for {
		head, err := c.read.Peek(4)
		if err != nil || string(head) != "\x00\x00\x00\x0f" {
			return
		}
		frame, err := readFrame(c.read)
		require.NoError(c.t, err)
		require.Equal(c.t, heartbeatFrame, frame)
		c.beats++
	}
}

const heartbeatFrame = "response _heartbeat_"

// clear is the connection below TLS, with what was read ahead.
type clear struct {
	net.Conn
	c     *climber
	r     *bufio.Reader
	begun bool
}

func (b *clear) Read(p []byte) (int, error) {
	if !b.begun {
		b.c.skip()
		b.begun = true
	}
	return b.r.Read(p)
}

func (c *climber) encrypt(config *tls.Config) error {
	conn := tls.Client(&clear{Conn: c.raw, c: c, r: c.read}, config)
	err := conn.Handshake()
	if err != nil {
		return err
	}
	c.tls, c.read, c.w = conn, bufio.NewReader(conn), unbuffered{conn}
	return nil
}

func (c *climber) compress(snappy bool) {
	c.skip()
	if snappy {
		c.read, c.w = bufio.NewReader(stored.NewReader(c.read)), stored.NewWriter(c.w)
		return
	}
	w, err := flate.NewWriter(c.w, 6)
	require.NoError(c.t, err)
	c.read, c.w = bufio.NewReader(flate.NewReader(c.read)), w
}

func (c *climber) send(raw string) {
	_, err := io.WriteString(c.w, raw)
	require.NoError(c.t, err)
	require.NoError(c.t, c.w.Flush())
}

// next returns the next frame that is not a heartbeat.
func (c *climber) next() (string, error) {
	for {
		frame, err := readFrame(c.read)
		if err != nil || frame != heartbeatFrame {
			return frame, err
		}
		c.beats++
	}
}

func (c *climber) expect(want ...string) {
	for i, w := range want {
		frame, err := c.next()
		require.NoErrorf(c.t, err, "frame %d, expecting %q", i, w)
		require.Equalf(c.t, w, frame, "frame %d", i)
	}
}

// ends takes no more frames, and an end that is not a deadline's.
func (c *climber) ends() {
	frame, err := c.next()
	require.Errorf(c.t, err, "unexpected frame %q", frame)
	assert.False(c.t, timeout(err), "the server did not close")
}
