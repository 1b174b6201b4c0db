package wiretest_test

import (
	"bufio"
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// client is a raw connection to a server, with a bound on everything it waits for.
type client struct {
	t *testing.T
	net.Conn
	frames *wire.Reader
}

const patience = 10 * time.Second

func dialTCP(t *testing.T, srv *wiretest.Server) *client {
	nc, err := net.Dial("tcp", srv.Addr)
	require.NoError(t, err)
	return newClient(t, nc)
}

func dialMemory(t *testing.T, srv *wiretest.Server) *client {
	nc, err := srv.Dial(context.Background(), "tcp", srv.Addr)
	require.NoError(t, err)
	return newClient(t, nc)
}

func newClient(t *testing.T, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
	return &client{t: t, Conn: nc, frames: wire.NewReader(bufio.NewReader(nc))}
}

func (c *client) send(raw []byte) {
	_, err := c.Write(raw)
	require.NoError(c.t, err)
}

// frame returns the next frame as text, its type ahead.
func (c *client) frame() string {
	f, err := c.frames.Next()
	require.NoError(c.t, err)
	return f.Type.String() + " " + string(f.Data)
}

func (c *client) open(identify string) {
	c.send(wire.AppendIdentify([]byte(wire.Magic), []byte(identify)))
}

func pub(t *testing.T, topic, body string) []byte {
	raw, err := wire.AppendPub(nil, topic, []byte(body))
	require.NoError(t, err)
	return raw
}

func TestSmoke(t *testing.T) {
	srv := wiretest.NewServer(wiretest.OnPublish(2).Error(wire.CodeBadTopic, "no"))
	defer srv.Close()
	for _, dial := range []func(*testing.T, *wiretest.Server) *client{dialTCP, dialMemory} {
		c := dial(t, srv)
		c.open(`{"feature_negotiation":true}`)
		require.Contains(t, c.frame(), `"version":"1.3.0"`)
		c.send(pub(t, "a", "x"))
		require.Equal(t, "response OK", c.frame())
		c.send(pub(t, "a", "x"))
		require.Equal(t, "error E_BAD_TOPIC no", c.frame())
		_, err := c.frames.Next()
		require.Error(t, err)
	}
	require.Len(t, srv.Messages(), 2)
}

// within bounds a wait.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
