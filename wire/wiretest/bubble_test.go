//go:build go1.25

package wiretest_test

import (
	"context"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// inBubble runs a test with fake time on an in-memory server.
func inBubble(t *testing.T, faults []wiretest.Fault, test func(t *testing.T, srv *wiretest.Server, c net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		srv := wiretest.NewInMemory(faults...)
		defer srv.Close()
		c, err := srv.Dial(context.Background(), "tcp", srv.Addr)
		require.NoError(t, err)
		defer c.Close()
		test(t, srv, c)
	})
}

func write(t *testing.T, c net.Conn, raw string) {
	_, err := io.WriteString(c, raw)
	require.NoError(t, err)
}

func expect(t *testing.T, c net.Conn, want string) {
	got, err := readFrame(c)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

const heartbeat = "response _heartbeat_"

func TestBubbleHeartbeats(t *testing.T) {
	for options, interval := range map[string]time.Duration{`{}`: 30 * time.Second, `{"heartbeat_interval":1000}`: time.Second, `{"heartbeat_interval":60000}`: time.Minute} {
		inBubble(t, nil, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
			write(t, c, wire.Magic+identify(options))
			expect(t, c, ok)
			began := time.Now()
			for n := range 5 { // answered
				expect(t, c, heartbeat)
				require.Equal(t, time.Duration(n+1)*interval, time.Since(began))
				write(t, c, "NOP\n")
			}
			expect(t, c, heartbeat) // unanswered
			if frame, err := readFrame(c); err == nil {
				require.Equal(t, heartbeat, frame, "due at the moment of the end")
				_, err = readFrame(c)
				require.Equal(t, io.EOF, err)
			}
			require.Equal(t, 7*interval, time.Since(began), "two intervals behind the last command")
			require.Equal(t, 5, srv.Stats().Nops)
		})
	}
}

func TestBubbleHeartbeatsBeforeIdentify(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
		began := time.Now()
		time.Sleep(time.Hour) // nsqd waits for the magic without a limit
		write(t, c, wire.Magic)
		expect(t, c, heartbeat)
		require.Equal(t, time.Hour+30*time.Second, time.Since(began))
	})
}

func TestBubbleNoHeartbeats(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
		write(t, c, wire.Magic+identify(`{"heartbeat_interval":-1}`))
		expect(t, c, ok)
		time.Sleep(24 * time.Hour)
		write(t, c, "PUB t\n"+sized("x"))
		expect(t, c, ok)
		require.Zero(t, srv.Stats().Heartbeats)
	})
}

// The deadline for a command covers its body, however often something of it arrives.
func TestBubbleSlowBody(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
		write(t, c, wire.Magic+identify(`{"heartbeat_interval":1000}`))
		expect(t, c, ok)
		began := time.Now()
		write(t, c, "PUB t\n"+int32s(100))
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for range 100 {
				time.Sleep(100 * time.Millisecond)
				if _, err := io.WriteString(c, "x"); err != nil {
					return
				}
			}
		}()
		expect(t, c, heartbeat)
		frame, err := readFrame(c)
		if frame == heartbeat {
			frame, err = readFrame(c)
		}
		require.NoError(t, err)
		require.Equal(t, "error E_BAD_MESSAGE PUB failed to read message body", frame)
		require.Equal(t, 2*time.Second, time.Since(began))
		require.Zero(t, srv.Stats().Messages)
		<-gone // the bubble's clock stops with the test
	})
}

// A client that does not read makes nsqd's writes fail after one interval.
func TestBubbleClientDoesNotRead(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
		write(t, c, wire.Magic+identify(`{"heartbeat_interval":1000}`))
		began := time.Now()
		var err error
		for err == nil {
			_, err = io.WriteString(c, "PUB t\n"+sized("x"))
		}
		require.Equal(t, time.Second, time.Since(began))
		synctest.Wait()
		require.Zero(t, srv.Stats().Open)
	})
}

func TestBubbleDelayAndBusy(t *testing.T) {
	inBubble(t, []wiretest.Fault{wiretest.OnPublish(1).Through(3).Delay(time.Second), wiretest.OnPublish(4).Busy(time.Minute)}, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
		write(t, c, wire.Magic)
		began := time.Now()
		for range 3 {
			write(t, c, "PUB t\n"+sized("x"))
			time.Sleep(100 * time.Millisecond)
		}
		for n := range 3 {
			expect(t, c, ok)
			require.Equal(t, time.Second+time.Duration(n)*100*time.Millisecond, time.Since(began))
		}
		began = time.Now()
		write(t, c, "PUB t\n"+sized("x"))
		expect(t, c, heartbeat)
		expect(t, c, heartbeat)
		expect(t, c, ok)
		require.Equal(t, time.Minute, time.Since(began))
	})
}

func TestBubbleFreeze(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
		write(t, c, wire.Magic+identify(`{"heartbeat_interval":1000}`))
		expect(t, c, ok)
		srv.Freeze()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err := readFrame(c)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "no heartbeats")
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		srv.Resume()
		expect(t, c, heartbeat)
	})
}

// A write that blocks reports at its deadline how far it got.
func TestBubblePartialWrite(t *testing.T) {
	inBubble(t, []wiretest.Fault{wiretest.OnAccept().Freeze()}, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
		began := time.Now()
		require.NoError(t, c.SetWriteDeadline(began.Add(20*time.Millisecond)))
		n, err := c.Write(make([]byte, 100_000))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 64<<10, n, "exactly the buffer")
		require.Equal(t, 20*time.Millisecond, time.Since(began))
		n, err = c.Write(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Zero(t, n)
	})
}

// A client that has half-closed gets the answers that were being held.
func TestBubbleHalfCloseWhileStalled(t *testing.T) {
	inBubble(t, []wiretest.Fault{wiretest.OnPublish(1).Stall()}, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
		write(t, c, wire.Magic+"PUB t\n"+sized("x"))
		require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
		synctest.Wait()
		require.Equal(t, 1, srv.Stats().Open)
		srv.Resume()
		expect(t, c, ok)
		_, err := readFrame(c)
		require.Equal(t, io.EOF, err)
	})
}

func TestBubbleBlackhole(t *testing.T) {
	inBubble(t, []wiretest.Fault{wiretest.OnIdentify().Answered().Blackhole()}, func(t *testing.T, srv *wiretest.Server, c net.Conn) {
		write(t, c, wire.Magic+identify(`{"heartbeat_interval":1000}`))
		expect(t, c, ok)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, 1, srv.Stats().Open, "no deadline either")
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
		_, err := readFrame(c)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "no heartbeat in all that time")
	})
}
