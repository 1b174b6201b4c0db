package wiretest_test

import (
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

func TestStallAndResume(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		before := dial(srv)
		before.open("{}")
		require.Equal(t, ok, before.frame())
		srv.Stall()
		after := dial(srv)
		after.open("{}")
		for range 3 {
			before.send(pub(t, "t", "x"))
		}
		require.NoError(t, srv.WaitMessages(within(t), 3), "it goes on reading and storing")
		require.NoError(t, srv.WaitCommands(within(t), 5))
		srv.Heartbeat()
		require.Equal(t, "response _heartbeat_", before.frame(), "heartbeats are not held")
		require.Equal(t, "response _heartbeat_", after.frame())
		require.NoError(t, before.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		n, err := before.Read(make([]byte, 1))
		require.Zero(t, n)
		require.True(t, timeout(err))
		srv.Send(wire.AppendFrame(nil, wire.FrameResponse, "extra"))
		srv.Resume()
		require.NoError(t, before.SetReadDeadline(time.Now().Add(patience)))
		for range 3 {
			require.Equal(t, ok, before.frame())
		}
		require.Equal(t, "response extra", before.frame())
		require.Equal(t, ok, after.frame())
		require.Equal(t, "response extra", after.frame())
		before.send(pub(t, "t", "x"))
		require.Equal(t, ok, before.frame())
	})
}

func TestStopReadingAndResume(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		for range 1000 { // stopping must reach a read that is waiting, and leave it whole
			srv.StopReading()
			c.send(pub(t, "t", "x"))
			srv.Heartbeat()
			require.Equal(t, "response _heartbeat_", c.frame())
			srv.Resume()
			require.Equal(t, ok, c.frame())
		}
		srv.StopReading()
		c.send(pub(t, "t", "x"))
		time.Sleep(20 * time.Millisecond)
		require.Equal(t, 1000, srv.MessageCount("t"))
		other := dial(srv)
		other.open("{}")
		time.Sleep(20 * time.Millisecond)
		require.Equal(t, 1001, srv.Stats().Commands, "connections to come are stopped too")
		srv.Resume()
		require.Equal(t, ok, c.frame())
		require.Equal(t, ok, other.frame())
	})
}

func TestFreezeAndResume(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		srv.Freeze()
		c.send(pub(t, "t", "x"))
		time.Sleep(20 * time.Millisecond)
		require.Zero(t, srv.Stats().Messages)
		srv.Heartbeat()
		require.Equal(t, "response _heartbeat_", c.frame(), "only on request")
		srv.Resume()
		require.Equal(t, ok, c.frame())
	})
}

func TestListenerComesAndGoes(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		addr := srv.Addr
		open := dial(srv)
		open.open("{}")
		require.Equal(t, ok, open.frame())
		for range 3 {
			srv.CloseListener()
			srv.CloseListener()
			_, err := net.Dial("tcp", addr)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			_, err = srv.Dial(within(t), "tcp", addr)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			open.send(pub(t, "t", "x"))
			require.Equal(t, ok, open.frame(), "open connections live on")
			require.Eventually(t, func() bool { return srv.Listen() == nil }, patience, time.Millisecond,
				"the port, from which a connection may go out to somebody else meanwhile, is free")
			require.NoError(t, srv.Listen())
			require.Equal(t, addr, srv.Addr)
			c := dial(srv)
			c.open("{}")
			require.Equal(t, ok, c.frame())
		}
		require.Equal(t, 4, srv.Stats().Conns)
	})
}

func TestCloseAllAndResetAll(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		for _, end := range []struct {
			all  func()
			want string
		}{{srv.CloseAll, "end"}, {srv.ResetAll, "reset"}} {
			srv.Stall()
			c := dial(srv)
			c.open("{}")
			stored := srv.Stats().Messages
			c.send(pub(t, "t", "x"))
			require.NoError(t, srv.WaitMessages(within(t), stored+1))
			end.all()
			assert.Equal(t, end.want, c.rest(end.want), "stored, and the client cannot know")
			srv.Resume()
			require.NoError(t, srv.Wait(within(t), func(s wiretest.Stats) bool { return s.Open == 0 }))
		}
	})
}

// An answer that a closing leaves out must not be followed by a later one: the client would take that for the answer to the
// earlier command.
func TestCloseAllLeavesNoGap(t *testing.T) {
	const publishes = 64
	var script []wiretest.Fault
	raw := wire.AppendIdentify([]byte(wire.Magic), []byte("{}"))
	for i := range publishes {
		script = append(script, wiretest.OnPublish(i+1).Answer(wire.AppendFrame(nil, wire.FrameResponse, strconv.Itoa(i))))
		raw = append(raw, pub(t, "t", "x")...)
	}
	cut := 0
	for round := range 1000 {
		srv := newServer(t, script...)
		closing := make(chan struct{})
		srv.Add(wiretest.OnPublish(1 + round%publishes).Do(func() { close(closing) }))
		go func() {
			<-closing
			srv.CloseAll()
		}()
		c := dialMemory(t, srv)
		c.send(raw)
		require.Equal(t, ok, c.frame())
		answered := 0
		for ; ; answered++ {
			f, err := c.frames.Next()
			if err != nil {
				break
			}
			require.Equal(t, strconv.Itoa(answered), string(f.Data), "in round %d", round)
		}
		if answered < publishes {
			cut++
		}
		srv.Close()
	}
	require.NotZero(t, cut)
}
