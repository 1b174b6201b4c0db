package wiretest_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// onBoth runs a test over TCP and over the in-memory connection, which is to be no different.
func onBoth(t *testing.T, test func(t *testing.T, dial func(*wiretest.Server) *client)) {
	t.Run("tcp", func(t *testing.T) {
		t.Parallel()
		test(t, func(srv *wiretest.Server) *client { return dialTCP(t, srv) })
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, func(srv *wiretest.Server) *client { return dialMemory(t, srv) })
	})
}

// newServer starts a server with a small buffer, so that it can be filled.
func newServer(t *testing.T, faults ...wiretest.Fault) *wiretest.Server {
	srv := wiretest.Config{Buffer: 8 << 10, Faults: faults}.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

func TestConnDeadlines(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		c := dial(newServer(t))
		require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		n, err := c.Read(make([]byte, 1))
		require.Zero(t, n)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())

		require.NoError(t, c.SetReadDeadline(time.Now().Add(-time.Second)), "past deadlines hold at once")
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(-time.Second)))
		n, err = c.Write([]byte("x"))
		require.Zero(t, n)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		require.NoError(t, c.SetDeadline(time.Time{}), "and can be taken back")
		c.open("{}")
		require.Equal(t, ok, c.frame())

		waiting := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			waiting <- err
		}()
		select {
		case err := <-waiting:
			t.Fatalf("read returned with nothing to read: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
		require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)), "a deadline reaches a read that waits")
		require.ErrorIs(t, <-waiting, os.ErrDeadlineExceeded)
	})
}

func TestConnPartialWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		srv.StopReading()
		const count = 20 // MiB: more than the system's buffers
		rest := bytes.Repeat(pub(t, "t", strings.Repeat("x", 1<<20)), count)
		var stuck int
		for stuck < 3 { // until the buffers are full
			require.NoError(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
			n, err := c.Write(rest)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Less(t, n, len(rest))
			if rest = rest[n:]; n == 0 {
				stuck++
			}
		}
		srv.Resume()
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(patience)))
		c.send(rest)
		for range count {
			require.Equal(t, ok, c.frame(), "what was written in parts arrives in step")
		}
	})
}

func TestConnHalfClose(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		srv.Stall()
		c.open("{}")
		c.send(pub(t, "t", "x"))
		require.NoError(t, srv.WaitMessages(within(t), 1))
		require.NoError(t, c.Conn.(interface{ CloseWrite() error }).CloseWrite())
		srv.Resume()
		require.Equal(t, ok, c.frame())
		require.Equal(t, ok, c.frame())
		_, err := c.frames.Next()
		require.Equal(t, io.EOF, err)
		_, err = c.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
	})
}

func TestConnClosedByPeer(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		srv.CloseAll()
		_, err := c.frames.Next()
		require.Equal(t, io.EOF, err)
		n, err := c.Write([]byte("x"))
		require.NoError(t, err, "the system takes a write that nobody reads")
		require.Equal(t, 1, n)
		require.Eventually(t, func() bool {
			_, err = c.Write([]byte("x"))
			return err != nil
		}, patience, time.Millisecond)
		require.ErrorIs(t, err, syscall.EPIPE)
	})
}

func TestConnReset(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		srv.ResetAll()
		_, err := c.frames.Next()
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = c.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
	})
}

// A server that closes with bytes unread resets the connection, as nsqd does behind most error frames.
func TestConnClosedUnread(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		srv.StopReading()
		c.send(pub(t, "t", strings.Repeat("x", 1000)))
		srv.CloseAll()
		_, err := c.frames.Next()
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

func TestConnClosedByOneself(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		waiting := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			waiting <- err
		}()
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-waiting, net.ErrClosed)
		_, err := c.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, c.Close(), net.ErrClosed)
		require.NoError(t, srv.Wait(within(t), func(s wiretest.Stats) bool { return s.Open == 0 }))
	})
}

func TestConnWriteEndsWithReset(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		srv.StopReading()
		failed := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 16<<20))
			failed <- err
		}()
		select {
		case err := <-failed:
			t.Fatalf("16 MiB written to a server that does not read: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		srv.ResetAll()
		require.ErrorIs(t, <-failed, syscall.ECONNRESET)
	})
}

func TestDial(t *testing.T) {
	srv := wiretest.NewInMemory()
	defer srv.Close()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := srv.Dial(over, "tcp", srv.Addr)
	require.ErrorIs(t, err, context.Canceled)
	c := dialMemory(t, srv)
	assert.Equal(t, "pipe", c.RemoteAddr().Network())
	n, err := c.Write(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = c.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	c.send([]byte(wire.Magic))
	c.send(pub(t, "t", "x"))
	require.Equal(t, ok, c.frame())
	srv.Close()
	_, err = srv.Dial(context.Background(), "tcp", srv.Addr)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorIs(t, srv.Listen(), net.ErrClosed)
}

// Servers without sockets have names of their own, so that several can stand in one pool.
func TestNamesInMemory(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		srv := wiretest.NewInMemory()
		srv.Close()
		require.Regexp(t, `^nsqd-[1-9][0-9]*\.invalid:4150$`, srv.Addr)
		require.False(t, seen[srv.Addr], "also where an earlier one is closed")
		seen[srv.Addr] = true
	}
}
