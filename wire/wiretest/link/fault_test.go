package link_test

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest/link"
)

func TestStallAndResume(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	send(t, client, []byte("a"))
	expect(t, served, []byte("a"))
	s.wait(func(stats link.Stats) bool { return stats.Up == 1 })
	s.path.Stall()
	before := s.path.Stats()
	const much = 64 << 20
	taken := flood(t, client, much)
	require.Less(t, taken, much/2, "nothing is read")
	send(t, served, []byte("b"))
	expectSilence(t, client)
	expectSilence(t, served)
	require.Equal(t, before, s.path.Stats())

	s.path.Resume()
	require.NoError(t, client.CloseWrite())
	n, err := io.Copy(io.Discard, served)
	require.NoError(t, err)
	require.EqualValues(t, taken, n)
	expect(t, client, []byte("b"))
}

// What is under way when the link stalls stays there, and a writer whose server does not read is stalled as well.
func TestStallWhileWriting(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	taken := flood(t, client, 64<<20)
	s.path.Stall()
	require.NoError(t, served.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
	passed, err := io.Copy(io.Discard, served)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Less(t, passed, int64(taken))
	require.Equal(t, passed, s.path.Stats().Up)

	s.path.Resume()
	require.NoError(t, served.SetReadDeadline(time.Now().Add(patience)))
	_, err = io.CopyN(io.Discard, served, int64(taken)-passed)
	require.NoError(t, err)
}

// However long the path is, and so however much could be under way, a stalled link reads nothing.
func TestStallOnALongPath(t *testing.T) {
	s := newServer(t)
	s.path.RoundTrip(time.Hour)
	client, _ := s.connect()
	s.path.Stall()
	const much = 64 << 20
	require.Less(t, flood(t, client, much), much/2)
}

func TestStallKeepsWhatIsUnderWay(t *testing.T) {
	s := newServer(t)
	s.path.RoundTrip(600 * time.Millisecond)
	client, served := s.connect()
	send(t, client, []byte("a"))
	time.Sleep(10 * time.Millisecond) // for the link to have read it
	s.path.Stall()
	expectSilenceFor(t, served, 350*time.Millisecond)
	s.path.Resume()
	expect(t, served, []byte("a"))
}

func TestStallConcernsNewConnections(t *testing.T) {
	s := newServer(t)
	s.path.Stall()
	client, served := s.connect()
	send(t, client, []byte("a"))
	expectSilence(t, served)
	s.path.Resume()
	expect(t, served, []byte("a"))
}

func TestSwallow(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	s.path.RoundTrip(40 * time.Millisecond)
	send(t, client, []byte("under way"))
	s.path.Swallow()
	const much = 64 << 20
	require.Equal(t, much, flood(t, client, much), "all is taken")
	require.Equal(t, much, flood(t, served, much))
	expectSilence(t, client)
	expectSilence(t, served)
	require.Zero(t, s.path.Stats().Up+s.path.Stats().Down)

	unheard := s.dial()
	require.Equal(t, much, flood(t, unheard, much))
	expectSilence(t, unheard)
	require.NoError(t, s.listener.(*net.TCPListener).SetDeadline(time.Now().Add(30*time.Millisecond)))
	_, err := s.listener.Accept()
	require.Error(t, err, "nobody reaches the server")

	s.path.Resume()
	s.path.RoundTrip(0)
	fresh, freshServed := s.connect()
	send(t, fresh, []byte("b"))
	expect(t, freshServed, []byte("b"))
	require.Equal(t, much, flood(t, client, much), "what was swallowed remains so")
	expectSilence(t, served)
}

// A write that is blocked when the peers vanish comes to nothing more.
func TestSwallowWhileWriting(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	taken := flood(t, client, 64<<20)
	s.path.Swallow()
	time.Sleep(10 * time.Millisecond) // for the write to end
	passed := s.path.Stats().Up
	require.Less(t, passed, int64(taken))
	_, err := io.CopyN(io.Discard, served, passed)
	require.NoError(t, err)
	expectSilence(t, served)
}

// Who has been swallowed learns nothing of the other's end, in whatever way it comes, nor of his own.
func TestSwallowedEnds(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn) error{
		"half-close": (*net.TCPConn).CloseWrite,
		"close":      (*net.TCPConn).Close,
		"reset":      func(nc *net.TCPConn) error { nc.SetLinger(0); return nc.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			client, served := s.connect()
			other, otherServed := s.connect()
			s.path.Swallow()
			require.NoError(t, end(client))
			expectSilence(t, served)
			require.NoError(t, end(otherServed))
			expectSilence(t, other)
			require.Equal(t, 2, s.path.Stats().Open)
			s.path.ResetAll()
			expectReset(t, served)
			expectReset(t, other)
			s.wait(func(stats link.Stats) bool { return stats.Open == 0 })
		})
	}
}

func TestSwallowedHalfClosesOfBoth(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	s.path.Swallow()
	require.NoError(t, client.CloseWrite())
	require.NoError(t, served.CloseWrite())
	expectSilence(t, client)
	expectSilence(t, served)
	s.path.ResetAll()
	expectReset(t, client)
	expectReset(t, served)
	s.wait(func(stats link.Stats) bool { return stats.Open == 0 })
}

func TestResetAll(t *testing.T) {
	for name, before := range map[string]func(*link.Link){
		"open":      func(*link.Link) {},
		"stalled":   (*link.Link).Stall,
		"swallowed": (*link.Link).Swallow,
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			client, served := s.connect()
			before(s.path)
			s.path.ResetAll()
			expectReset(t, client)
			expectReset(t, served)
			s.wait(func(stats link.Stats) bool { return stats == link.Stats{Conns: 1} })
			s.path.Resume()
			client, served = s.connect()
			send(t, client, []byte("a"))
			expect(t, served, []byte("a"))
		})
	}
}

// A FIN at both ends, and no reset, however much still comes.
func TestCloseAll(t *testing.T) {
	for name, before := range map[string]func(*link.Link){
		"open":      func(*link.Link) {},
		"stalled":   (*link.Link).Stall,
		"swallowed": (*link.Link).Swallow,
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			client, served := s.connect()
			before(s.path)
			send(t, client, noise(1000))
			s.path.CloseAll()
			const much = 16 << 20
			require.Equal(t, much, flood(t, client, much))
			require.Equal(t, much, flood(t, served, much))
			_, err := io.Copy(io.Discard, served)
			require.NoError(t, err)
			expectEnd(t, client)
			require.NoError(t, client.CloseWrite())
			require.Equal(t, 1, s.path.Stats().Open)
			require.NoError(t, served.CloseWrite())
			s.wait(func(stats link.Stats) bool { return stats.Open == 0 })
		})
	}
}

func TestCloseAllBehindAHalfClose(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	require.NoError(t, client.CloseWrite())
	expectEnd(t, served)
	s.path.CloseAll()
	expectEnd(t, client)
	require.NoError(t, served.Close())
	s.wait(func(stats link.Stats) bool { return stats.Open == 0 })
}
