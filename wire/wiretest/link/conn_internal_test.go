package link

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pair returns both ends of a connection.
func pair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	dialled, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { dialled.Close() })
	accepted, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { accepted.Close() })
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

// What befalls a connection while it is connecting to the server befalls the server's end when that is there.
func TestFateWhileConnecting(t *testing.T) {
	for name, c := range map[string]struct {
		fate func(*conn)
		want error
	}{
		"reset": {func(c *conn) { c.shut(true) }, syscall.ECONNRESET},
		"close": {func(c *conn) { c.shut(false) }, io.EOF},
		"FIN":   {(*conn).finish, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			client, clientFar := pair(t)
			server, serverFar := pair(t)
			conn := newConn(new(Link), client)
			c.fate(conn)
			conn.arrived(server)
			for _, peer := range []*net.TCPConn{clientFar, serverFar} {
				require.NoError(t, peer.SetReadDeadline(time.Now().Add(10*time.Second)))
				_, err := peer.Read(make([]byte, 1))
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

// A read that was under way when the rate was lowered may bring too much: no more of it is let through at a time, and its end
// stays behind it.
func TestRateLoweredDuringARead(t *testing.T) {
	client, _ := pair(t)
	l := new(Link)
	w := &newConn(l, client).ways[up]
	l.rate = 5000
	data := make([]byte, 120)
	for _, want := range []struct {
		taken int
		more  bool
	}{{50, true}, {50, true}, {20, false}} {
		taken, more := w.take(data, io.EOF)
		require.Equal(t, want.taken, taken)
		require.Equal(t, want.more, more)
		data = data[taken:]
	}
	require.Len(t, w.marks, 4)
	require.True(t, w.marks[3].end)
}
