//go:build go1.25

package wiretest_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

func inUpgradeBubble(t *testing.T, faults []wiretest.Fault, test func(t *testing.T, srv *wiretest.Server)) {
	trusted() // its keys are not made within the bubble
	synctest.Test(t, func(t *testing.T) {
		srv := wiretest.Config{InMemory: true, TLS: trusted().serverTLS(), Deflate: true, Snappy: stored, Faults: faults}.NewServer()
		defer srv.Close()
		test(t, srv)
	})
}

func TestBubbleHangingHandshake(t *testing.T) {
	inUpgradeBubble(t, nil, func(t *testing.T, srv *wiretest.Server) {
		nc, err := srv.Dial(context.Background(), "", "")
		require.NoError(t, err)
		defer nc.Close()
		c, _ := start(t, nc, asking("tls_v1", "heartbeat_interval:1000"))
		began := time.Now()
		frame, err := c.next()
		require.NoError(t, err)
		require.Equal(t, "error E_IDENTIFY_FAILED IDENTIFY failed read pipe in-memory->in-memory: i/o timeout", frame)
		require.Equal(t, 5*time.Second, time.Since(began))
		c.ends()
		require.LessOrEqual(t, c.beats, 2, "no heartbeats meanwhile: one may have waited, and one be due")
	})
}

// The hours pass at once, and heartbeats come as they should, through every combination.
func TestBubbleUpgradedHeartbeats(t *testing.T) {
	slow := faults(wiretest.OnIdentify().Delay(time.Minute), wiretest.OnPublish(1).Busy(10*time.Minute))
	for _, c := range combinations {
		inUpgradeBubble(t, slow, func(t *testing.T, srv *wiretest.Server) {
			nc, err := srv.Dial(context.Background(), "", "")
			require.NoError(t, err)
			defer nc.Close()
			c := climb(t, nc, c.options, trusted().clientTLS())
			began := time.Now()
			for range 100 {
				frame, err := readFrame(c.read)
				require.NoError(t, err)
				require.Equal(t, heartbeatFrame, frame)
				c.send("NOP\n")
			}
			require.Equal(t, 50*time.Minute, time.Since(began).Round(30*time.Second))
			c.beats = 0
			c.send("PUB t\n" + sized("x"))
			c.expect(ok)
			require.InDelta(t, 20, c.beats, 1)
			began = time.Now()
			for {
				if _, err := readFrame(c.read); err != nil {
					break
				}
			}
			require.Equal(t, time.Minute, time.Since(began), "unanswered for two intervals")
		})
	}
}

// A heartbeat of the time between IDENTIFY's answer and TLS comes in clear.
func TestBubbleHeartbeatBeforeTLS(t *testing.T) {
	busy := faults(wiretest.OnIdentify().Answered().Busy(45 * time.Second))
	inUpgradeBubble(t, busy, func(t *testing.T, srv *wiretest.Server) {
		nc, err := srv.Dial(context.Background(), "", "")
		require.NoError(t, err)
		defer nc.Close()
		_, err = io.WriteString(nc, wire.Magic+identify(asking("tls_v1")))
		require.NoError(t, err)
		_, err = readFrame(nc)
		require.NoError(t, err)
		expect(t, nc, heartbeat)
		c := &climber{t: t, raw: nc}
		c.reads(nc)
		require.NoError(t, c.encrypt(trusted().clientTLS()))
		c.expect(ok)
	})
}

// A client that has closed its half of TLS, and that alone, gets the answers that were being held.
func TestBubbleHalfCloseOfTLSWhileStalled(t *testing.T) {
	inUpgradeBubble(t, faults(wiretest.OnPublish(1).Stall()), func(t *testing.T, srv *wiretest.Server) {
		nc, err := srv.Dial(context.Background(), "", "")
		require.NoError(t, err)
		defer nc.Close()
		c := climb(t, nc, asking("tls_v1"), trusted().clientTLS())
		c.send("PUB t\n" + sized("x"))
		require.NoError(t, c.tls.CloseWrite())
		synctest.Wait()
		require.Equal(t, 1, srv.Stats().Open)
		srv.Resume()
		c.expect(ok)
		c.ends()
	})
}
