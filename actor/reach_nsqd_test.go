package actor_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// refusedNow waits until a publish fails because the system refuses connections. The first attempt behind a kill may have been
// accepted by it, and then reset.
func refusedNow(t *testing.T, p *actor.Producer) (err error) {
	t.Helper()
	until(t, "connections are refused", func() bool {
		err = p.Publish("topic", []byte("body"))
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	requireDown(t, err)
	return err
}

// socketPath returns a path for a Unix socket. A t.TempDir's may be too long.
func socketPath(t *testing.T) string {
	dir, err := os.MkdirTemp("", "nsqd")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "nsqd.sock")
}

// nsqd on a Unix socket, killed, gone for a while, and back again, is what it is on TCP.
func TestUnixSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nsqd takes a path with a drive's letter for host:port")
	}
	leak.Check(t)
	path := socketPath(t)
	nsqd := nsqdtest.Start(t, "-tcp-address="+path, "-mem-queue-size=0", "-sync-every=1")
	nsqd.CreateTopic("topic")
	p := newProducer(t, "unix:"+path, &actor.Config{BackoffMin: time.Millisecond, BackoffMax: 20 * time.Millisecond, FoldMessages: 256})
	body, large := []byte("body"), make([]byte, 1<<20)
	require.NoError(t, p.Publish("topic", body))
	require.NoError(t, p.Publish("topic", large), "more than the socket's buffer")
	bodies := [][]byte{large, large, large, large, body}
	require.NoError(t, p.MultiPublish("topic", bodies))
	require.EqualValues(t, 7, nsqd.MessageCount("topic"))

	nsqd.Kill()
	err := refusedNow(t, p)
	require.ErrorContains(t, err, " at unix:"+path+": ")
	require.NoError(t, os.Remove(path), "which nsqd leaves behind when it is killed, and does not listen on again")
	until(t, "the socket is gone", func() bool {
		err = p.Publish("topic", body)
		return err != nil && strings.Contains(err.Error(), "no such file")
	})
	require.ErrorIs(t, err, actor.ErrNotConnected)
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))

	nsqd.Restart()
	until(t, "the producer has connected without being asked", func() bool { return p.Stats().Link == state.Up })
	done := make(doneChan, 1000)
	for range cap(done) {
		require.NoError(t, p.PublishAsync("topic", body, done))
	}
	for range cap(done) {
		require.NoError(t, receive(t, done).Error)
	}
	nsqd.Restart() // which closes, and removes the socket, in good order
	until(t, "the producer has connected without being asked", func() bool { return p.Ping() == nil })
	require.NoError(t, p.Publish("topic", body))
	requireBooks(t, p)
	stats := p.Stats()
	require.EqualValues(t, 3, stats.Connections)
	require.LessOrEqual(t, stats.Unknown, uint64(1), "the one that the kill came upon")
	require.Zero(t, stats.Pending)
	p.Stop()
	require.EqualValues(t, 1, nsqd.MessageCount("topic"))
}

// nsqd is stopped dead, and the socket's buffer fills: the outcomes and their times are TCP's.
func TestUnixSocketOfAStoppedNsqd(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are stopped on Linux here")
	}
	leak.Check(t)
	path := socketPath(t)
	nsqd := nsqdtest.Start(t, "-tcp-address="+path)
	p := newProducer(t, "unix:"+path, &actor.Config{
		ResponseTimeout: 300 * time.Millisecond, WriteTimeout: 100 * time.Millisecond, HandshakeTimeout: 300 * time.Millisecond,
	})
	require.NoError(t, p.Ping())
	nsqd.Pause()
	done := make(doneChan, 20)
	for range cap(done) {
		require.NoError(t, p.PublishAsync("topic", make([]byte, 1<<20), done))
	}
	outcomes := map[actor.Outcome]int{}
	for range cap(done) {
		err := receive(t, done).Error
		require.Error(t, err)
		outcomes[actor.OutcomeOf(err)]++
	}
	// One publish may have been written whole; the socket's buffer has room for no second one.
	require.LessOrEqual(t, outcomes[actor.Unknown], 1, "%v", outcomes)
	require.Equal(t, cap(done), outcomes[actor.Unknown]+outcomes[actor.NotSent], "%v", outcomes)
	nsqd.Resume()
	until(t, "the producer is back", func() bool { return p.Publish("topic", []byte("body")) == nil })
	requireBooks(t, p)
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 on the loopback interface: %v", err)
	}
	l.Close()
	nsqd := nsqdtest.Start(t, "-tcp-address=[::1]:0")
	require.Contains(t, nsqd.TCPAddr, "[::1]:")
	p := newProducer(t, nsqd.TCPAddr, nil)
	require.NoError(t, p.Publish("topic", []byte("body")))
	require.Equal(t, nsqd.TCPAddr, p.String())
	nsqd.Kill()
	require.ErrorContains(t, refusedNow(t, p), " at "+nsqd.TCPAddr+": ")
}

func TestCleanStopOnAUnixSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nsqd takes a path with a drive's letter for host:port")
	}
	path := socketPath(t)
	nsqd := nsqdtest.Start(t, "-tcp-address="+path)
	p := newProducer(t, "unix:"+path, nil)
	for range 1000 {
		require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
	}
	p.Stop()
	require.EqualValues(t, 1000, p.Stats().Acked)
	nsqd.Terminate()
	require.NotContains(t, nsqd.Log(), "ERROR")
	require.Equal(t, 1, strings.Count(nsqd.Log(), "exiting ioloop"), nsqd.Log())
}
