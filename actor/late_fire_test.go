package actor

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A process that was stopped for a while, as with SIGSTOP or a frozen container, finds its timers due before its reader has read
// what nsqd said meanwhile: the connection is not given up unless it is still silent a little later.
func TestTimersThatAreLateWait(t *testing.T) {
	p, err := NewProducer("127.0.0.1:4150", &Config{HeartbeatInterval: time.Second, ReadTimeout: time.Second})
	require.NoError(t, err)
	l := newLoop(p)
	t.Cleanup(func() { l.timer.Stop() })
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	connect := func() *connection {
		l.conn = &connection{conn: near, close: func() {}, heard: 1}
		return l.conn
	}

	l.began = time.Now().Add(-10 * time.Second)
	c := connect()
	l.due = c.heard + int64(time.Second)
	before := l.clock()
	l.fire()
	require.NoError(t, c.broken)
	require.GreaterOrEqual(t, l.due, before+int64(lastWords))
	require.LessOrEqual(t, l.due, l.clock()+int64(lastWords))
	l.due = l.clock() - 2*int64(lastWords)
	l.fire()
	require.Equal(t, errSilent, c.broken, "once, not as often as the timer is late")

	c = connect()
	for range 10 { // this test itself may be late
		if l.due = l.clock(); c.broken == nil {
			c.late = false
			l.fire()
		}
	}
	require.Equal(t, errSilent, c.broken, "on time")
}

// What nsqd has said counts before what it has not, though the loop comes by its timer first.
func TestTimersListenFirst(t *testing.T) {
	p, err := NewProducer("127.0.0.1:4150", &Config{HeartbeatInterval: time.Second, ReadTimeout: time.Second})
	require.NoError(t, err)
	l := newLoop(p)
	t.Cleanup(func() { l.timer.Stop() })
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	l.conn = &connection{conn: near, close: func() {}, heard: 1}
	replies := make(chan reply, 1)
	l.replies = replies
	replies <- reply{beat: true}
	l.began = time.Now().Add(-10 * time.Second)
	l.due = l.clock()
	l.fire()
	require.NoError(t, l.conn.broken)
	require.Empty(t, replies)
	require.True(t, l.conn.nop, "the heartbeat is taken")
	require.Equal(t, l.conn.heard+int64(time.Second), l.due, "the silence begins anew")
}
