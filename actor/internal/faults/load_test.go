package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
)

// patience is how long a test waits for what must happen, and which nothing is measured by.
const patience = 30 * time.Second

// slack is what a call may take beyond its context on a machine that has other things to do. How long it really takes is the
// affair of a benchmark.
const slack = 3 * time.Second

// lastWords is how long a connection that is given up is still read.
const lastWords = 100 * time.Millisecond

var settings = flag.String("config", "{}", "actor.Config's fields, as JSON, that every test runs with unless it needs others")

// config returns what every test starts from.
func config(t testing.TB) actor.Config {
	t.Helper()
	var cfg actor.Config
	decoder := json.NewDecoder(strings.NewReader(*settings))
	decoder.DisallowUnknownFields() // lest a slip of the pen test what was tested before
	require.NoError(t, decoder.Decode(&cfg), "-config")
	return cfg
}

// onPlainWire skips a test that counts, cuts or looks at the bytes on the wire, where -config makes others of them.
func onPlainWire(t *testing.T) {
	t.Helper()
	if cfg := config(t); cfg.TlsV1 || cfg.Deflate || cfg.Snappy {
		t.Skip("it is about bytes as they are in clear and not compressed")
	}
}

// load is publishers at work on one producer and one topic, who note in a ledger how each publish ended.
type load struct {
	*actor.Producer
	topic string
	book  *ledger
	size  int // of each body, in bytes, at least

	most       int // how many publishes may be under way at once
	stopped    chan struct{}
	publishers sync.WaitGroup
	settles    []func()     // each waits until one async publisher's results have been read
	longest    atomic.Int64 // in nanoseconds, of publishWithin's calls
	acks       atomic.Int64
	acked      chan struct{} // capacity 1: there are more acks than before
}

func newLoad(t testing.TB, addr, topic string, cfg actor.Config) *load {
	t.Helper()
	p, err := actor.NewProducer(addr, &cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	return loadOn(t, p, topic)
}

func loadOn(t testing.TB, p *actor.Producer, topic string) *load {
	l := &load{Producer: p, topic: topic, book: newLedger(), stopped: make(chan struct{}), acked: make(chan struct{}, 1)}
	t.Cleanup(func() { // if the test has failed on its way, so that nobody publishes behind its end
		if !l.over() {
			close(l.stopped)
			p.Stop()
			l.publishers.Wait()
		}
	})
	return l
}

func (l *load) over() bool {
	select {
	case <-l.stopped:
		return true
	default:
		return false
	}
}

var padding = bytes.Repeat([]byte("x"), 1<<20)

// body returns the body of the message with that name.
func (l *load) body(name string) []byte {
	body := append(make([]byte, 0, max(l.size, len(name)+1)), name...)
	body = append(body, ' ')
	return append(body, padding[:cap(body)-len(body)]...)
}

// end notes how a publish ended. A publisher whom the producer turns away pauses, lest he fill the ledger while nsqd is down.
func (l *load) end(name string, err error) {
	l.book.end(name, err)
	if err != nil {
		time.Sleep(10 * time.Millisecond)
		return
	}
	l.acks.Add(1)
	select {
	case l.acked <- struct{}{}:
	default:
	}
}

// requireInTime requires that no call by publishWithin took longer than its limit, but for slack.
func (l *load) requireInTime(t testing.TB, limit time.Duration) {
	t.Helper()
	longest := time.Duration(l.longest.Load())
	require.Positive(t, longest)
	require.Less(t, longest, limit+slack)
	t.Logf("longest call %v", longest)
}

// publisher calls publish again and again until the load stops, each time with a name.
func (l *load) publisher(kind string, publish func(name string)) {
	l.publishers.Add(1)
	l.most++
	caller := fmt.Sprintf("%s%d", kind, l.most)
	go func() {
		defer l.publishers.Done()
		for i := 0; !l.over(); i++ {
			publish(fmt.Sprintf("%s-%d", caller, i))
		}
	}()
}

// callers adds n goroutines that publish one message after the other.
func (l *load) callers(n int, publish func(body []byte) error) {
	for range n {
		l.publisher("call", func(name string) {
			l.book.begin(name, 1)
			l.end(name, publish(l.body(name)))
		})
	}
}

// publish is Publish to the load's topic, publishWithin PublishContext with a context of its own.
func (l *load) publish(body []byte) error { return l.Publish(l.topic, body) }

func (l *load) publishWithin(limit time.Duration) func(body []byte) error {
	return func(body []byte) error {
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		err := l.PublishContext(ctx, l.topic, body)
		for took := int64(time.Since(began)); ; {
			if most := l.longest.Load(); took <= most || l.longest.CompareAndSwap(most, took) {
				return err
			}
		}
	}
}

// batches adds n goroutines that publish batches of that many messages.
func (l *load) batches(n, messages int) {
	for range n {
		l.publisher("batch", func(name string) {
			bodies := make([][]byte, messages)
			for i := range bodies {
				bodies[i] = l.body(messageName(name, i, messages))
			}
			l.book.begin(name, messages)
			l.end(name, l.MultiPublish(l.topic, bodies))
		})
	}
}

// async adds a goroutine that publishes without waiting, at most outstanding at a time, and one that reads the results from a
// channel with that much room: with less room than outstanding, the results need a courier.
func (l *load) async(outstanding, room int) {
	done := make(chan *actor.Transaction, room)
	slots := make(chan struct{}, outstanding)
	l.publisher("async", func(name string) {
		slots <- struct{}{}
		l.book.begin(name, 1)
		if err := l.PublishAsync(l.topic, l.body(name), done, name); err != nil {
			l.end(name, err)
			<-slots
		}
	})
	l.most += outstanding - 1
	go func() {
		for result := range done {
			l.end(result.Args[0].(string), result.Error)
			result.Release()
			<-slots
		}
	}()
	l.settles = append(l.settles, func() {
		for range outstanding {
			slots <- struct{}{}
		}
		close(done)
	})
}

// progress waits for n more acks than there are now.
func (l *load) progress(t testing.TB, n int64) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for want := l.acks.Load() + n; l.acks.Load() < want; {
		select {
		case <-l.acked:
		case <-limit.C:
			require.FailNow(t, "no progress", "%+v\n%s", l.Stats(), leak.Stacks())
		}
	}
}

// rest stops the publishers, and returns when every publish has ended and been noted.
func (l *load) rest(t testing.TB) {
	t.Helper()
	close(l.stopped)
	requireEnd(t, "the publishers", l.publishers.Wait)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, l.Flush(ctx))
	for _, settle := range l.settles {
		requireEnd(t, "the results", settle)
	}
	requireBooks(t, l.Producer)
}

// finish is rest, and the end of the producer, which has nothing left to end.
func (l *load) finish(t testing.TB) {
	t.Helper()
	l.rest(t)
	tally, err := l.Shutdown(context.Background())
	require.NoError(t, err)
	require.Zero(t, tally)
}

// until polls for what no channel tells of.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			require.FailNow(t, "never: "+what, "%s", leak.Stacks())
		}
	}
}

// requireUp waits, without publishing, until the producer is connected, and has counted the connection.
func requireUp(t testing.TB, p *actor.Producer) {
	t.Helper()
	until(t, "connected", func() bool { return p.Ping() == nil })
}

// requireEnd requires that f returns, and shows all stacks if it does not.
func requireEnd(t testing.TB, what string, f func()) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
		require.FailNow(t, what+" do not end", "%s", leak.Stacks())
	}
}

// requireBooks checks the account of a producer through which everything has gone.
func requireBooks(t testing.TB, p *actor.Producer) {
	t.Helper()
	until(t, "all is delivered", func() bool { return p.Stats().Undelivered == 0 }) // a courier counts a moment behind its reader
	s := p.Stats()
	require.Equal(t, s.Submitted, s.Acked+s.Refused+s.NotSent+s.Unknown, "%+v", s)
	require.Zero(t, s.Pending+s.PendingBytes+s.Undelivered, "%+v", s)
}
