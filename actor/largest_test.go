//go:build !386 && !arm && !mips && !mipsle

package actor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The largest figures of all do not fit into an int of 32 bits.

// TestGateHoldsTheLargest: the widest gate that a Config can ask for does not let one figure run into the other.
func TestGateHoldsTheLargest(t *testing.T) {
	g := newGate(maxGateCount, maxGateBytes)
	require.True(t, g.tryEnter(maxGateBytes))
	require.False(t, g.tryEnter(1))
	require.True(t, g.tryEnter(0))
	requireInside(t, g, 2, maxGateBytes)
	g.leave(1, maxGateBytes)
	requireInside(t, g, 1, 0)
	g.leave(1, 0)
	requireInside(t, g, 0, 0)

	g.used.Store(maxGateCount << byteBits)
	require.False(t, g.tryEnter(0), "full by count")
	g.leave(1, 0)
	require.True(t, g.tryEnter(0))
	require.False(t, g.tryEnter(0))
}

func TestLimitsThemselvesAreFine(t *testing.T) {
	require.NoError(t, (&Config{
		DialTimeout: time.Millisecond, HandshakeTimeout: day, ReadTimeout: time.Second, WriteTimeout: day,
		ResponseTimeout: time.Millisecond, HeartbeatInterval: time.Second, MaxPending: 1, MaxPendingBytes: 1, MaxMsgSize: 1,
		MaxBodySize: 1, BackoffMin: time.Millisecond, BackoffMax: time.Millisecond, MaxAttempts: 1, DeflateLevel: 1,
	}).Validate())
	require.NoError(t, (&Config{
		HeartbeatInterval: -1, ReadTimeout: time.Millisecond, MaxPending: 1<<24 - 1, MaxPendingBytes: 1<<40 - 1,
		MaxMsgSize: 1<<31 - 1, MaxBodySize: 1<<31 - 1, BackoffMin: day, BackoffMax: day, MaxAttempts: 1<<31 - 1,
		DeflateLevel: 9,
	}).Validate())
	require.NoError(t, (&Config{HeartbeatInterval: day, BackoffMin: day}).Validate(), "what follows from them is within limits")
}
