package pool_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/actor/pool"
)

// slowHandler blocks in each record of the pool's own until somebody receives it, or quit is closed.
type slowHandler struct {
	records chan slog.Record
	quit    chan struct{}
}

func (slowHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h slowHandler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h slowHandler) WithGroup(string) slog.Handler          { return h }

func (h slowHandler) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "nsq pool") {
		select {
		case h.records <- r:
		case <-h.quit:
		}
	}
	return nil
}

// An answer of the resolver's that is not followed is told to Config.Logger, which holds up nothing however long it takes:
// neither publishes nor the next question, and no goroutines pile up before it.
func TestLogsAnswersThatAreNotFollowed(t *testing.T) {
	var reg register
	h := slowHandler{make(chan slog.Record), make(chan struct{})}
	c := newCrew(t, 1, &actor.Config{Logger: slog.New(h)}, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond))
	t.Cleanup(func() { close(h.quit) })
	reg.set(errors.New("away"))
	for range 3 {
		require.NoError(t, c.Publish("t", []byte("x")))
		reg.asked(t)
	}
	require.Eventually(t, func() bool { return logging() == 1 }, patience, time.Millisecond)
	require.Equal(t, "error=away", h.receive(t))
	reg.set(nil, "nonsense")
	require.Eventually(t, func() bool { return strings.Contains(h.receive(t), "nonsense") }, patience, time.Millisecond)
}

// receive returns what a record of the pool's own has to say.
func (h slowHandler) receive(t *testing.T) (told string) {
	select {
	case r := <-h.records:
		require.Equal(t, slog.LevelWarn, r.Level)
		require.Equal(t, "nsq pool stays as it is", r.Message)
		require.Equal(t, 1, r.NumAttrs())
		r.Attrs(func(a slog.Attr) bool {
			told = a.String()
			return true
		})
	case <-time.After(patience):
		require.Fail(t, "nothing is logged")
	}
	return told
}

// logging returns how many goroutines are at the handler.
func logging() (n int) {
	for _, stack := range leak.Goroutines() {
		if strings.Contains(stack, "slowHandler.Handle") {
			n++
		}
	}
	return n
}
