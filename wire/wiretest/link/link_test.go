package link_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest/link"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// server accepts what comes over a link.
type server struct {
	t        *testing.T
	listener net.Listener
	path     *link.Link
}

// newServer starts a server and a link to it, and closes both when the test has ended.
func newServer(t *testing.T) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	path := link.New(listener.Addr().String())
	t.Cleanup(path.Close)
	return &server{t, listener, path}
}

func bounded(t *testing.T, nc net.Conn, err error) *net.TCPConn {
	t.Helper()
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
	return nc.(*net.TCPConn)
}

func (s *server) dial() *net.TCPConn {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.path.Addr)
	return bounded(s.t, nc, err)
}

// connect opens a connection and returns its two ends.
func (s *server) connect() (client, served *net.TCPConn) {
	s.t.Helper()
	client = s.dial()
	require.NoError(s.t, s.listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)))
	nc, err := s.listener.Accept()
	return client, bounded(s.t, nc, err)
}

// wait waits until the link's figures are as wanted.
func (s *server) wait(holds func(link.Stats) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(s.t, s.path.Wait(ctx, holds))
}

// struck waits until that many limits have been reached.
func (s *server) struck(n int) {
	s.t.Helper()
	s.wait(func(stats link.Stats) bool { return stats.Struck == n })
}

func send(t *testing.T, to net.Conn, data []byte) {
	t.Helper()
	_, err := to.Write(data)
	require.NoError(t, err)
}

// expect requires that these bytes come next.
func expect(t *testing.T, from net.Conn, data []byte) {
	t.Helper()
	got := make([]byte, len(data))
	_, err := io.ReadFull(from, got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got), "other bytes than were sent")
}

// expectEnd requires that the connection ends with a FIN next.
func expectEnd(t *testing.T, from net.Conn) {
	t.Helper()
	n, err := from.Read(make([]byte, 1))
	require.Zero(t, n)
	require.Equal(t, io.EOF, err)
}

// expectReset requires that the connection ends with a reset next.
func expectReset(t *testing.T, from net.Conn) {
	t.Helper()
	n, err := from.Read(make([]byte, 1))
	require.Zero(t, n)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// expectSilence requires that for a while nothing comes, not even an end.
func expectSilence(t *testing.T, from net.Conn) {
	t.Helper()
	expectSilenceFor(t, from, 30*time.Millisecond)
}

func expectSilenceFor(t *testing.T, from net.Conn, d time.Duration) {
	t.Helper()
	require.NoError(t, from.SetReadDeadline(time.Now().Add(d)))
	n, err := from.Read(make([]byte, 1))
	require.Zero(t, n)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, from.SetReadDeadline(time.Now().Add(patience)))
}

// flood writes until nothing is taken for a while, or until it is through, and returns how much was taken.
func flood(t *testing.T, to net.Conn, size int) (taken int) {
	t.Helper()
	data := make([]byte, 256<<10)
	for taken < size {
		require.NoError(t, to.SetWriteDeadline(time.Now().Add(200*time.Millisecond)))
		n, err := to.Write(data[:min(size-taken, len(data))])
		taken += n
		if n == 0 {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			break
		}
	}
	require.NoError(t, to.SetWriteDeadline(time.Now().Add(patience)))
	return taken
}

func noise(size int) []byte {
	data := make([]byte, size)
	rand.New(rand.NewSource(int64(size))).Read(data)
	return data
}

// background runs f on a goroutine of its own, which has ended when the test does.
func background(t *testing.T, f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	t.Cleanup(func() { <-ended })
}

func TestPassesAllBothWays(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	ask, answer := noise(5<<20+1), noise(3<<20+7)
	background(t, func() { client.Write(ask) })
	background(t, func() { served.Write(answer) })
	expect(t, served, ask)
	expect(t, client, answer)
	s.wait(func(stats link.Stats) bool {
		return stats == link.Stats{Conns: 1, Open: 1, Up: int64(len(ask)), Down: int64(len(answer))}
	})
	other, otherServed := s.connect()
	send(t, other, []byte("another"))
	expect(t, otherServed, []byte("another"))
	require.Equal(t, 2, s.path.Stats().Open)
}

// Ends pass as they are, behind all bytes, on a short path as on a long one.
func TestEndsPass(t *testing.T) {
	data := noise(1 << 20)
	for _, roundTrip := range []time.Duration{0, 40 * time.Millisecond} {
		for name, test := range map[string]func(t *testing.T, client, served *net.TCPConn){
			"half-close": func(t *testing.T, client, served *net.TCPConn) {
				send(t, client, data)
				require.NoError(t, client.CloseWrite())
				expect(t, served, data)
				expectEnd(t, served)
				send(t, served, data)
				expect(t, client, data)
				require.NoError(t, served.Close())
				expectEnd(t, client)
			},
			"half-close by the server": func(t *testing.T, client, served *net.TCPConn) {
				send(t, served, data)
				require.NoError(t, served.CloseWrite())
				expect(t, client, data)
				expectEnd(t, client)
				send(t, client, data)
				expect(t, served, data)
				require.NoError(t, client.Close())
				expectEnd(t, served)
			},
			"close": func(t *testing.T, client, served *net.TCPConn) {
				send(t, client, data)
				require.NoError(t, client.Close())
				expect(t, served, data)
				expectEnd(t, served)
				require.NoError(t, served.Close())
			},
			"close by the server": func(t *testing.T, client, served *net.TCPConn) {
				send(t, served, data)
				require.NoError(t, served.Close())
				expect(t, client, data)
				expectEnd(t, client)
				require.NoError(t, client.Close())
			},
			"close, and the server goes on": func(t *testing.T, client, served *net.TCPConn) {
				require.NoError(t, client.Close())
				expectEnd(t, served)
				for {
					if _, err := served.Write(data); err != nil {
						require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "%v", err)
						return
					}
				}
			},
			"reset": func(t *testing.T, client, served *net.TCPConn) {
				send(t, client, data)
				expect(t, served, data[:1000])
				require.NoError(t, client.SetLinger(0))
				require.NoError(t, client.Close())
				got, err := io.ReadAll(served)
				require.ErrorIs(t, err, syscall.ECONNRESET)
				require.True(t, bytes.HasPrefix(data[1000:], got))
			},
			"reset by the server": func(t *testing.T, client, served *net.TCPConn) {
				send(t, served, data[:1000])
				expect(t, client, data[:1000])
				send(t, client, []byte("not read"))
				require.NoError(t, served.SetLinger(0))
				require.NoError(t, served.Close())
				expectReset(t, client)
			},
			"last words, then a reset because of what was not read": func(t *testing.T, client, served *net.TCPConn) {
				wrote := make(chan error, 1)
				background(t, func() {
					_, err := io.Copy(client, zeros{})
					wrote <- err
				})
				expect(t, served, make([]byte, 1))
				send(t, served, data[:1000])
				require.NoError(t, served.Close())
				expect(t, client, data[:1000])
				err := <-wrote
				require.Error(t, err)
				require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "%v", err)
			},
		} {
			t.Run(name+" after "+roundTrip.String(), func(t *testing.T) {
				s := newServer(t)
				s.path.RoundTrip(roundTrip)
				client, served := s.connect()
				test(t, client, served)
				s.wait(func(stats link.Stats) bool { return stats.Open == 0 })
			})
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestNobodyBehindTheLink(t *testing.T) {
	s := newServer(t)
	require.NoError(t, s.listener.Close())
	nc, err := net.Dial("tcp", s.path.Addr)
	if err == nil { // else the reset was faster
		expectReset(t, bounded(t, nc, nil))
	}
	s.wait(func(stats link.Stats) bool { return stats == link.Stats{Conns: 1} })
}

// A server that does not read holds up the client, as it does without a link, which keeps little for it.
func TestServerThatDoesNotRead(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	const much = 64 << 20
	taken := flood(t, client, much)
	require.Less(t, taken, much/2, "the kernels' buffers, and little more")
	require.NoError(t, client.CloseWrite())
	n, err := io.Copy(io.Discard, served)
	require.NoError(t, err)
	require.EqualValues(t, taken, n)
}

func TestWaitEndsWithItsContext(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := s.path.Wait(ctx, func(link.Stats) bool { return false })
	require.ErrorIs(t, err, context.Canceled)
	require.EqualError(t, err, "link: context canceled, at {Conns:0 Open:0 Up:0 Down:0 Struck:0}")
	require.NoError(t, s.path.Wait(ctx, func(link.Stats) bool { return true }))
}

// Whoever waits is woken by each change of the figures.
func TestWaitIsWoken(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var client, served *net.TCPConn
	for _, change := range []struct {
		cause func()
		want  link.Stats
	}{
		{func() { client, served = s.connect() }, link.Stats{Conns: 1, Open: 1}},
		{func() { send(t, client, []byte("abc")) }, link.Stats{Conns: 1, Open: 1, Up: 3}},
		{func() { send(t, served, []byte("de")) }, link.Stats{Conns: 1, Open: 1, Up: 3, Down: 2}},
		{func() { s.path.LimitUp(0, link.Stall) }, link.Stats{Conns: 1, Open: 1, Up: 3, Down: 2, Struck: 1}},
		{func() { s.path.ResetAll() }, link.Stats{Conns: 1, Up: 3, Down: 2, Struck: 1}},
	} {
		waits, woken := make(chan struct{}, 1), make(chan error, 1)
		background(t, func() {
			woken <- s.path.Wait(ctx, func(stats link.Stats) bool {
				select {
				case waits <- struct{}{}:
				default:
				}
				return stats == change.want && s.path.Stats() == stats
			})
		})
		<-waits
		change.cause()
		require.NoError(t, <-woken)
	}
}
