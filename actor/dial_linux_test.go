package actor

import (
	"context"
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listen starts a listener that takes connections and says nothing, and returns NewProducer's address for it.
func listen(t *testing.T, network, addr string) string {
	t.Helper()
	l, err := net.Listen(network, addr)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	if network == "unix" {
		return "unix:" + addr
	}
	return l.Addr().String()
}

// dialled returns a connection as the producer makes it.
func dialled(t *testing.T, addr string) net.Conn {
	t.Helper()
	p, err := NewProducer(addr, nil)
	require.NoError(t, err)
	conn, err := p.dial(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func option(t *testing.T, conn syscall.Conn, level, name int) (value int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { value, err = syscall.GetsockoptInt(int(fd), level, name) }))
	require.NoError(t, err)
	return value
}

// What Config.Dial's comment says of net.Dialer's connections.
func TestSocketOptions(t *testing.T) {
	conn := dialled(t, listen(t, "tcp", "127.0.0.1:0")).(*net.TCPConn)
	assert.Equal(t, 1, option(t, conn, syscall.IPPROTO_TCP, syscall.TCP_NODELAY))
	assert.Equal(t, 1, option(t, conn, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE))
	idle := option(t, conn, syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE)
	assert.Equal(t, 15, idle)
	dead := idle + option(t, conn, syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL)*option(t, conn, syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT)
	assert.Equal(t, 150, dead, "some 2.5 minutes")
	boundUnsent(conn)
	assert.Equal(t, unsentBytes, option(t, conn, syscall.IPPROTO_TCP, tcpNotsentLowat))
}

// foreign is a connection of somebody else's making, around one that has the socket.
type foreign struct{ *net.TCPConn }

// Only TCP's sockets get TCP's option; others are left as they are, and none is harmed.
func TestOtherConnectionsAreLeftAlone(t *testing.T) {
	unix := dialled(t, listen(t, "unix", filepath.Join(t.TempDir(), "socket"))).(*net.UnixConn)
	before := option(t, unix, syscall.SOL_SOCKET, syscall.SO_SNDBUF)
	boundUnsent(unix)
	assert.Equal(t, before, option(t, unix, syscall.SOL_SOCKET, syscall.SO_SNDBUF))
	_, err := unix.Write([]byte("works"))
	assert.NoError(t, err)

	tcp := dialled(t, listen(t, "tcp", "127.0.0.1:0")).(*net.TCPConn)
	left := option(t, tcp, syscall.IPPROTO_TCP, tcpNotsentLowat)
	boundUnsent(foreign{tcp})
	assert.Equal(t, left, option(t, tcp, syscall.IPPROTO_TCP, tcpNotsentLowat))
	near, far := net.Pipe()
	boundUnsent(near)
	near.Close()
	far.Close()
	boundUnsent(near)

	tcp.Close()
	boundUnsent(tcp)
}
