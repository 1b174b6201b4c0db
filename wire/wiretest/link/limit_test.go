package link_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest/link"
)

var limits = map[string]func(l *link.Link, n int, then link.Fate){
	"up":   (*link.Link).LimitUp,
	"down": (*link.Link).LimitDown,
}

// ends returns a connection's two ends, in the order in which bytes pass under that limit.
func (s *server) ends(direction string) (from, to *net.TCPConn) {
	s.t.Helper()
	from, to = s.connect()
	if direction == "down" {
		from, to = to, from
	}
	return from, to
}

// As many bytes as the limit says arrive, and then the connection's fate does, at both ends.
func TestLimits(t *testing.T) {
	for direction, set := range limits {
		for _, n := range []int{1, 7, 1000, 70_000} {
			data := noise(n + 1000)
			t.Run(fmt.Sprintf("reset %s %d", direction, n), func(t *testing.T) {
				s := newServer(t)
				from, to := s.ends(direction)
				set(s.path, n, link.Reset)
				background(t, func() { from.Write(data) })
				expect(t, to, data[:n])
				expectReset(t, to)
				expectReset(t, from)
				s.wait(func(stats link.Stats) bool { return stats.Open == 0 && stats.Struck == 1 })
				require.EqualValues(t, n, s.path.Stats().Up+s.path.Stats().Down)
			})
			t.Run(fmt.Sprintf("stall %s %d", direction, n), func(t *testing.T) {
				s := newServer(t)
				from, to := s.ends(direction)
				set(s.path, n, link.Stall)
				background(t, func() { from.Write(data) })
				expect(t, to, data[:n])
				s.struck(1)
				send(t, to, []byte("back"))
				expectSilence(t, to)
				expectSilence(t, from)
				s.path.Resume()
				expect(t, to, data[n:])
				expect(t, from, []byte("back"))
			})
			t.Run(fmt.Sprintf("swallow %s %d", direction, n), func(t *testing.T) {
				s := newServer(t)
				from, to := s.ends(direction)
				set(s.path, n, link.Swallow)
				background(t, func() { from.Write(data) })
				expect(t, to, data[:n])
				s.struck(1)
				const much = 16 << 20
				require.Equal(t, much, flood(t, to, much))
				expectSilence(t, to)
				expectSilence(t, from)
				s.path.Resume()
				expectSilence(t, to)
			})
		}
	}
}

// The limit's bytes are counted from the call on a connection that is open, and from its beginning on one that comes later.
func TestLimitsCountOnEachConnection(t *testing.T) {
	for direction, set := range limits {
		t.Run(direction, func(t *testing.T) {
			s := newServer(t)
			var froms, tos []*net.TCPConn
			connect := func() {
				from, to := s.ends(direction)
				froms, tos = append(froms, from), append(tos, to)
			}
			connect()
			send(t, froms[0], []byte("before"))
			expect(t, tos[0], []byte("before"))
			connect()
			set(s.path, 5, link.Reset)
			connect()
			for i := range froms {
				send(t, froms[i], []byte("four"))
				expect(t, tos[i], []byte("four"))
			}
			require.Zero(t, s.path.Stats().Struck)
			for i := range froms {
				send(t, froms[i], []byte("more"))
				expect(t, tos[i], []byte("m"))
				expectReset(t, tos[i])
			}
			s.struck(3)
		})
	}
}

// A limit that is set while the link writes counts what it writes from then on.
func TestLimitWhileWriting(t *testing.T) {
	for direction, set := range limits {
		t.Run(direction, func(t *testing.T) {
			s := newServer(t)
			from, to := s.ends(direction)
			flood(t, from, 64<<20)
			const n = 1000
			set(s.path, n, link.Stall)
			time.Sleep(10 * time.Millisecond) // for the write that was under way to end
			stats := s.path.Stats()
			before := stats.Up + stats.Down
			require.NoError(t, to.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
			passed, err := io.Copy(io.Discard, to)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.LessOrEqual(t, passed, before+n)
			stats = s.path.Stats()
			require.Equal(t, 1, stats.Struck)
			require.Equal(t, passed, stats.Up+stats.Down)
		})
	}
}

// A limit that strikes once leaves alone the other connections, open ones and later ones.
func TestLimitOnce(t *testing.T) {
	for direction, set := range limits {
		for name, then := range map[string]link.Fate{"reset": link.Reset, "stall": link.Stall, "swallow": link.Swallow} {
			t.Run(direction+" "+name, func(t *testing.T) {
				s := newServer(t)
				from, to := s.ends(direction)
				other, otherTo := s.ends(direction)
				set(s.path, 3, then.Once())
				send(t, from, []byte("1234"))
				expect(t, to, []byte("123"))
				s.struck(1)
				later, laterTo := s.ends(direction)
				for _, pair := range [][2]*net.TCPConn{{other, otherTo}, {later, laterTo}} {
					send(t, pair[0], []byte("12345678"))
					expect(t, pair[1], []byte("12345678"))
				}
				require.Equal(t, 1, s.path.Stats().Struck)
				if then == link.Reset {
					expectReset(t, to)
				} else {
					expectSilence(t, to)
				}
			})
		}
	}
}

// A limit of nothing strikes at once: open connections, and others before the server has heard anything.
func TestLimitOfNothing(t *testing.T) {
	for direction, set := range limits {
		t.Run(direction, func(t *testing.T) {
			s := newServer(t)
			from, to := s.ends(direction)
			set(s.path, 0, link.Stall)
			s.struck(1)
			send(t, from, []byte("a"))
			expectSilence(t, to)
			later, laterTo := s.ends(direction)
			send(t, later, []byte("b"))
			expectSilence(t, laterTo)
			require.Equal(t, 2, s.path.Stats().Struck)

			s.path.Resume()
			expect(t, to, []byte("a"))
			expect(t, laterTo, []byte("b"))

			set(s.path, 0, link.Reset.Once())
			s.struck(3)
			expectOneReset(t, from, later)
			set(s.path, 0, link.Swallow)
			unheard := s.dial()
			s.wait(func(stats link.Stats) bool { return stats.Conns == 3 })
			const much = 16 << 20
			require.Equal(t, much, flood(t, unheard, much))
		})
	}
}

// expectOneReset requires that one of two connections has been reset, and that nothing happens on the other.
func expectOneReset(t *testing.T, conns ...*net.TCPConn) {
	t.Helper()
	reset := 0
	for _, nc := range conns {
		if n, _ := nc.Write([]byte("x")); n == 0 {
			reset++
		}
	}
	require.Equal(t, 1, reset)
}

func TestResumeLiftsLimits(t *testing.T) {
	for direction, set := range limits {
		s := newServer(t)
		from, to := s.ends(direction)
		set(s.path, 3, link.Reset)
		send(t, from, []byte("12"))
		expect(t, to, []byte("12"))
		s.path.Resume()
		send(t, from, []byte("345"))
		expect(t, to, []byte("345"))
		later, laterTo := s.ends(direction)
		send(t, later, []byte("12345"))
		expect(t, laterTo, []byte("12345"))
		require.Zero(t, s.path.Stats().Struck)
	}
}
