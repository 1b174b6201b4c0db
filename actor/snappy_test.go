package actor_test

import (
	"bufio"
	"compress/flate"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest"
)

// Snappy itself is not in reach of this module. What is tested here is the hook, with another compression.

func inflate(r io.Reader) io.Reader { return flate.NewReader(r) }

func deflater(w io.Writer) *flate.Writer {
	d, err := flate.NewWriter(w, flate.BestSpeed)
	if err != nil {
		panic(err) // only for a level that there is not
	}
	return d
}

// hooked starts a double that takes deflate for snappy.
func hooked(t *testing.T, faults ...wiretest.Fault) *wiretest.Server {
	srv := wiretest.Config{Faults: faults, Snappy: wiretest.Snappy{
		NewReader: inflate,
		NewWriter: func(w io.Writer) wiretest.WriteFlusher { return deflater(w) },
	}}.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

// hoarder is a compressor that keeps all that it is given until Flush.
type hoarder struct {
	*bufio.Writer
	under *flate.Writer
}

func hoard(w io.Writer) actor.WriteFlusher {
	d := deflater(w)
	return hoarder{bufio.NewWriterSize(d, 1<<20), d}
}

func (h hoarder) Flush() error {
	if err := h.Writer.Flush(); err != nil {
		return err
	}
	return h.under.Flush()
}

// A hook that returns nil is the user's mistake, of which he is told.
func TestSnappyHookThatReturnsNil(t *testing.T) {
	leak.Check(t)
	srv := hooked(t)
	none := func(io.Reader) io.Reader { return nil }
	for _, cfg := range []*actor.Config{
		{Snappy: true, SnappyReader: none, SnappyWriter: hoard},
		{Snappy: true, SnappyReader: inflate, SnappyWriter: func(io.Writer) actor.WriteFlusher { return nil }},
	} {
		require.ErrorContains(t, requireNoConnection(t, srv, cfg), "snappy: SnappyReader or SnappyWriter returned nil")
	}
}

// What a compressor keeps is not written yet: the oldest publish's ResponseTimeout does not run while the write that brings it
// goes on, however slowly.
func TestResponseTimeoutOfWhatACompressorKeeps(t *testing.T) {
	leak.Check(t)
	const timeout = 100 * time.Millisecond
	srv, door := hooked(t, wiretest.OnPublish(1).Delay(3*timeout)), newBarrier()
	p := newProducer(t, srv.Addr, &actor.Config{Snappy: true, SnappyReader: inflate, SnappyWriter: hoard,
		ResponseTimeout: timeout, DialTimeout: patience,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := door.dial(ctx, network, addr)
			return tap{conn, slowly}, err
		}})
	done := make(doneChan, 2)
	for _, body := range [][]byte{[]byte("small"), noise(300_000)} { // in one write: see outbox
		require.NoError(t, p.PublishAsync("topic", body, done))
	}
	door.open()
	began := time.Now()
	for range cap(done) {
		require.NoError(t, receive(t, done).Error)
	}
	require.Greater(t, time.Since(began), 6*timeout)
	require.EqualValues(t, 1, p.Stats().Connections)
}
