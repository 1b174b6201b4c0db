package wiretest_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest"
)

// While a server does not listen, no other gets its port.
func TestPortStaysTheServers(t *testing.T) {
	srv := wiretest.NewServer()
	t.Cleanup(srv.Close)
	port := int(netip.MustParseAddrPort(srv.Addr).Port())
	only := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) { // the system is to choose among this one
		const ipLocalPortRange = 51 // Linux 6.3
		c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipLocalPortRange, port|port<<16)
		})
		return err
	}}
	ask := func() error {
		l, err := only.Listen(context.Background(), "tcp4", "127.0.0.1:0")
		if err == nil {
			require.EqualValues(t, port, l.Addr().(*net.TCPAddr).Port)
			l.Close()
		}
		return err
	}
	srv.CloseListener()
	err := ask()
	if err != nil && !errors.Is(err, syscall.EADDRINUSE) {
		t.Skipf("needs Linux 6.3: %v", err)
	}
	require.Error(t, err)
	require.NoError(t, srv.Listen())
	srv.Close()
	require.NoError(t, ask())
}
