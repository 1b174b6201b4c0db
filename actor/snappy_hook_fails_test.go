package actor_test

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
)

var errHook = errors.New("the hook is out of order")

// failing is a compressor that fails from a call of its Write on, or else of its Flush.
type failing struct {
	actor.WriteFlusher
	write, flush bool
}

func (f failing) Write(b []byte) (int, error) {
	if f.write {
		return 0, errHook
	}
	return f.WriteFlusher.Write(b)
}

func (f failing) Flush() error {
	if f.flush {
		return errHook
	}
	return f.WriteFlusher.Flush()
}

// A compressor that fails costs its connection, and not the publish: nothing of it has left. Where every connection's fails, the
// error is told.
func TestSnappyHookThatFails(t *testing.T) {
	for name, broken := range map[string]failing{"write": {write: true}, "flush": {flush: true}} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			srv := hooked(t)
			var connections, bad atomic.Int64
			bad.Store(1)
			p := newProducer(t, srv.Addr, &actor.Config{Snappy: true, SnappyReader: inflate, SnappyWriter: func(w io.Writer) actor.WriteFlusher {
				f := failing{WriteFlusher: deflater(w)}
				if connections.Add(1) <= bad.Load() {
					f.write, f.flush = broken.write, broken.flush
				}
				return f
			}})
			require.NoError(t, p.Publish("topic", []byte("body")))
			assert.EqualValues(t, 2, connections.Load())
			assert.Equal(t, 1, srv.MessageCount("topic"))

			bad.Store(1 << 40)
			srv.CloseAll()
			until(t, "it is connected again", func() bool { return p.Stats().Connections == 3 && p.Stats().Link == state.Up })
			err := p.Publish("topic", []byte("body"))
			require.ErrorIs(t, err, errHook)
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			assert.Equal(t, 1, srv.MessageCount("topic"))
			requireBooks(t, p)
		})
	}
}
