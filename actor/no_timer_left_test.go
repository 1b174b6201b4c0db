package actor

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
)

// TestNoTimerOutlivesStop: an alarm that was set for a connection's silence, or for an answer, would keep the producer and all that
// its rings hold alive for up to a minute.
func TestNoTimerOutlivesStop(t *testing.T) {
	p, err := NewProducer("a:1", &Config{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, io.EOF }})
	require.NoError(t, err)
	require.True(t, p.phase.Advance(state.Idle, state.Live))
	l := newLoop(p)
	l.wakeBy(int64(time.Hour))
	go l.run()
	_, err = p.Shutdown(context.Background())
	require.NoError(t, err)
	require.False(t, l.timer.Stop(), "it runs")
}
