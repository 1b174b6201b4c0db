package faults

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// Good callers share a connection with bad ones, on an nsqd whose limits are lower than the client's. What the client can check
// never reaches nsqd; what only nsqd can refuse costs a connection each time, at a bounded rate, and never a good publish.
func TestBadNeighbours(t *testing.T) {
	leak.Check(t)
	const topic, good, seconds = "neighbours", 7, 3
	nsqd := nsqdtest.Start(t, "-max-msg-size=1000", "-max-body-size=5000")
	l := newLoad(t, nsqd.TCPAddr, topic, config(t))
	l.callers(good, func(body []byte) error {
		err := l.Publish(topic, body)
		if err != nil {
			t.Errorf("a good publish failed: %v", err)
		}
		return err
	})

	// Known to the client.
	const mega = 1 << 20
	mistakes := []struct {
		topic  string
		bodies [][]byte
		err    error
	}{
		{"no spaces please", [][]byte{[]byte("x")}, wire.ErrTopic},
		{"", [][]byte{[]byte("x")}, wire.ErrTopic},
		{strings.Repeat("t", 65), [][]byte{[]byte("x")}, wire.ErrTopic},
		{topic, [][]byte{nil}, wire.ErrEmpty},
		{topic, [][]byte{make([]byte, mega+1)}, wire.ErrSize},
		{topic, [][]byte{[]byte("x"), nil}, wire.ErrEmpty},
		{topic, nil, wire.ErrEmpty},
		{topic, [][]byte{make([]byte, mega), make([]byte, mega), make([]byte, mega), make([]byte, mega), make([]byte, mega), []byte("x")}, wire.ErrSize},
	}
	var made atomic.Int64
	l.publisher("checked", func(name string) {
		m := mistakes[int(made.Load())%len(mistakes)]
		l.book.begin(name, 1)
		var err error
		if len(m.bodies) == 1 {
			err = l.Publish(m.topic, m.bodies[0])
		} else {
			err = l.MultiPublish(m.topic, m.bodies)
		}
		if actor.OutcomeOf(err) != actor.NotSent || !errors.Is(err, m.err) {
			t.Errorf("%q, %d bodies: %v", m.topic, len(m.bodies), err)
		}
		l.end(name, err)
		made.Add(1)
	})
	until(t, "each mistake has been made", func() bool { return made.Load() >= int64(len(mistakes)) })
	l.progress(t, 100)
	require.EqualValues(t, 1, l.Stats().Connections, "the connection is not cut by what the client can check")

	// Known to nsqd only: once a message that is too large, once a batch.
	refusals, began := 0, time.Now()
	l.publisher("unchecked", func(name string) {
		l.book.begin(name, 1)
		bodies := [][]byte{make([]byte, 1001)}
		if refusals%2 == 1 {
			bodies = [][]byte{make([]byte, 900), make([]byte, 900), make([]byte, 900), make([]byte, 900), make([]byte, 900), make([]byte, 900)}
		}
		err := l.MultiPublish(topic, bodies)
		if actor.OutcomeOf(err) != actor.Refused {
			t.Errorf("of %d bodies: %v", len(bodies), err)
		}
		refusals++
		l.end(name, err)
	})
	for range seconds {
		time.Sleep(time.Second)
		l.progress(t, 1)
		more := l.Stats().Connections - 1
		require.LessOrEqual(t, float64(more), 10+20*time.Since(began).Seconds(), "from ten in a row on, at most twenty a second")
	}
	l.finish(t)
	l.book.check(t, nsqd.ReadBack(topic), config(t).RetryUnknown)
	counts := l.book.counts()
	require.Equal(t, refusals, counts[actor.Refused])
	require.Greater(t, refusals, seconds)
	require.Zero(t, counts[actor.Unknown])
	connections := l.Stats().Connections
	require.LessOrEqual(t, int(connections), 1+refusals)
	t.Logf("%d connections, %v", connections, counts)
}
