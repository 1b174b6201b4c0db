package actor_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
)

// A Config.Dial that returns nothing at all is the user's mistake, of which he is told.
func TestDialThatReturnsNothing(t *testing.T) {
	leak.Check(t)
	srv := newInMemory(t)
	nothing := func(context.Context, string, string) (net.Conn, error) { return nil, nil }
	err := requireNoConnection(t, srv, &actor.Config{Dial: nothing})
	require.ErrorContains(t, err, "Config.Dial returned neither a connection nor an error")
}

// A connection of Config.Dial's that takes no deadline cannot be bounded, so not a byte is written to it: it is closed, and its
// error told.
func TestConnectionThatTakesNoDeadline(t *testing.T) {
	leak.Check(t)
	srv := newInMemory(t)
	var written, closed atomic.Int64
	err := requireNoConnection(t, srv, &actor.Config{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := srv.Dial(ctx, network, addr)
		return boundless{conn, &written, &closed}, err
	}})
	require.ErrorIs(t, err, errNoDeadline)
	require.Zero(t, written.Load())
	require.Positive(t, closed.Load())
}

var errNoDeadline = errors.New("no deadlines here")

type boundless struct {
	net.Conn
	written, closed *atomic.Int64
}

func (boundless) SetWriteDeadline(time.Time) error { return errNoDeadline }

func (b boundless) Write(p []byte) (int, error) {
	b.written.Add(int64(len(p)))
	return b.Conn.Write(p)
}

func (b boundless) Close() error {
	b.closed.Add(1)
	return b.Conn.Close()
}
