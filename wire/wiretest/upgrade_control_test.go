package wiretest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest"
)

// onAll runs a test with each combination of upgrades, over TCP and in memory.
func onAll(t *testing.T, test func(t *testing.T, srv *wiretest.Server, climb func() *climber)) {
	for name, c := range combinations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
				srv := upgrading(t)
				test(t, srv, func() *climber { return climb(t, dial(srv).Conn, c.options, trusted().clientTLS()) })
			})
		})
	}
}

// Whatever a read of the connection is stopped in, the layers above it go on afterwards.
func TestUpgradedStopReadingAndResume(t *testing.T) {
	onAll(t, func(t *testing.T, srv *wiretest.Server, climb func() *climber) {
		c := climb()
		for n := range 100 {
			srv.StopReading()
			c.send("PUB t\n" + sized("x"))
			before := c.beats
			srv.Heartbeat()
			require.NoError(t, c.raw.SetReadDeadline(time.Now().Add(patience)))
			frame, err := readFrame(c.read)
			require.NoError(t, err)
			require.Equal(t, heartbeatFrame, frame)
			require.Equal(t, before, c.beats)
			require.Equal(t, n, srv.MessageCount("t"))
			srv.Resume()
			c.expect(ok)
		}
	})
}

func TestUpgradedStallAndResume(t *testing.T) {
	onAll(t, func(t *testing.T, srv *wiretest.Server, climb func() *climber) {
		c := climb()
		srv.Stall()
		for range 3 {
			c.send("PUB t\n" + sized("x"))
		}
		require.NoError(t, srv.WaitMessages(within(t), 3))
		srv.Heartbeat()
		frame, err := readFrame(c.read)
		require.NoError(t, err)
		require.Equal(t, heartbeatFrame, frame)
		srv.Resume()
		c.expect(ok, ok, ok)
		srv.Freeze()
		c.send("PUB t\n" + sized("x"))
		srv.Resume()
		c.expect(ok)
	})
}

// A Stall holds an upgrade wherever it comes, and Resume lets it go on.
func TestStalledUpgrade(t *testing.T) {
	for at, when := range map[string]wiretest.When{
		"accept":                 wiretest.OnAccept(),
		"IDENTIFY":               wiretest.OnIdentify(),
		"behind IDENTIFY":        wiretest.OnIdentify().Answered(),
		"TLS":                    wiretest.OnTLS(),
		"behind TLS":             wiretest.OnTLS().Answered(),
		"compression":            wiretest.OnCompression(),
		"behind the compression": wiretest.OnCompression().Answered(),
	} {
		for name, c := range combinations {
			t.Run(fmt.Sprintf("%s/%s", at, name), func(t *testing.T) {
				t.Parallel()
				var srv *wiretest.Server
				stalled := make(chan struct{}, 1)
				srv = upgrading(t, when.Stall(), when.Do(func() { stalled <- struct{}{} }))
				go func() {
					select {
					case <-stalled:
						time.Sleep(time.Millisecond)
						srv.Resume()
					case <-within(t).Done():
					}
				}()
				client := climb(t, dialMemory(t, srv).Conn, c.options, trusted().clientTLS())
				client.send("PUB t\n" + sized("x"))
				client.expect(ok)
				select {
				case stalled <- struct{}{}: // a moment that this combination does not have
				default:
				}
			})
		}
	}
}

// Heartbeats from one goroutine and answers from another go through the same layers.
func TestUpgradedHeartbeatsAmongAnswers(t *testing.T) {
	onAll(t, func(t *testing.T, srv *wiretest.Server, climb func() *climber) {
		c := climb()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				case <-time.After(100 * time.Microsecond):
					srv.Heartbeat()
				}
			}
		}()
		for n := range 50 {
			body := strings.Repeat("0123456789", 1+n*40)
			c.send("PUB t\n" + sized(body) + "PUB t\n" + sized("x") + "NOP\n")
			c.expect(ok, ok)
		}
		close(stop)
		<-stopped
		assert.Len(t, srv.Messages(), 100)
	})
}

// Answers to what came in one read leave in one write, with a compression too.
func TestUpgradedAnswersLeaveTogether(t *testing.T) {
	srv := upgrading(t)
	c := climb(t, dialMemory(t, srv).Conn, combinations["deflate"].options, nil)
	srv.StopReading()                                  // until all of it is there
	c.send(strings.Repeat("PUB t\n"+sized("x"), 5000)) // more than what flate returns at once
	srv.Resume()
	raw := make([]byte, 4096)
	n, err := c.raw.Read(raw)
	require.NoError(t, err)
	require.NoError(t, srv.WaitMessages(within(t), 5000))
	require.Less(t, n, 4096)
	require.NoError(t, c.raw.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	_, err = c.raw.Read(raw)
	require.True(t, timeout(err), "5000 answers came in one piece")
}
