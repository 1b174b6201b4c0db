package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// Ten thousand goroutines at once are more than MaxPending: all get their turn.
func TestTenThousandCallers(t *testing.T) {
	leak.Check(t)
	const callers, each, topic = 10_000, 3, "crowd"
	nsqd := nsqdtest.Start(t)
	l := newLoad(t, nsqd.TCPAddr, topic, config(t))
	start := make(chan struct{})
	for i := range callers {
		l.publishers.Add(1)
		go func() {
			defer l.publishers.Done()
			<-start
			for k := range each {
				name := fmt.Sprintf("%d-%d", i, k)
				l.book.begin(name, 1)
				l.end(name, l.publish(l.body(name)))
			}
		}()
	}
	close(start)
	requireEnd(t, "the callers", l.publishers.Wait)
	l.finish(t)
	require.Equal(t, map[actor.Outcome]int{actor.Acked: callers * each}, l.book.counts())
	l.book.check(t, nsqd.ReadBack(topic), false)
}

// Shutdown in the middle of everything, with time and without, also while nsqd stands still: the tally adds up with what the
// callers were told, and what nsqd has is what they were told.
func TestShutdownInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		name  string
		bound time.Duration
		pause bool
	}{
		{"with time", patience, false},
		{"without", 0, false},
		{"a stopped nsqd", 200 * time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			leak.Check(t)
			const topic = "shutdown"
			nsqd := startDurable(t, topic)
			l := newLoad(t, nsqd.TCPAddr, topic, config(t))
			l.callers(64, func(body []byte) error {
				err := l.publish(body)
				if err == actor.ErrStopped {
					<-l.stopped // the first is enough
				}
				return err
			})
			l.batches(4, 5)
			l.async(256, 256) // room for all: nothing is undelivered
			l.progress(t, 100)
			if c.pause {
				nsqd.Pause()
			}
			ctx, cancel := context.WithTimeout(context.Background(), c.bound)
			defer cancel()
			began := time.Now()
			tally, err := l.Shutdown(ctx)
			require.Less(t, time.Since(began), c.bound+slack)
			if c.bound == patience {
				require.NoError(t, err)
				require.Zero(t, tally.Unknown)
			} else {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Positive(t, tally.Unknown+tally.NotSent)
			}
			require.Zero(t, tally.Undelivered)
			requireBooks(t, l.Producer)
			require.LessOrEqual(t, tally.Acked+tally.NotSent+tally.Unknown, uint64(l.most))
			if c.pause {
				nsqd.Resume()
			}

			close(l.stopped)
			requireEnd(t, "the publishers", l.publishers.Wait)
			for _, settle := range l.settles {
				requireEnd(t, "the results", settle)
			}
			counts := l.book.counts()
			require.EqualValues(t, tally.Unknown, counts[actor.Unknown], "before the shutdown nothing was unknown")
			l.book.check(t, nsqd.ReadBack(topic), config(t).RetryUnknown)
			t.Logf("%+v, in all %v", tally, counts)
		})
	}
}
