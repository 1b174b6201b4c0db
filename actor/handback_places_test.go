package actor_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// away makes a producer that hands back everything.
func away(t *testing.T, cfg actor.Config) *actor.Producer {
	srv := newInMemory(t)
	srv.CloseListener()
	cfg.Dial = srv.Dial
	return newProducer(t, srv.Addr, &cfg)
}

// back returns what the producer hands back next.
func back(t *testing.T, p *actor.Producer, held *[]*actor.Transaction) *actor.Transaction {
	for len(*held) == 0 {
		select {
		case *held = <-p.HandedBack():
		case <-time.After(5 * time.Second):
			t.Fatal("nothing is handed back")
		}
	}
	first := (*held)[0]
	*held = (*held)[1:]
	return first
}

// What is adopted, or delivered, gives its place back, at both producers.
func TestHandedBackGivesPlacesBack(t *testing.T) {
	srv := wiretest.NewServer()
	defer srv.Close()
	cfg := actor.Config{MaxPending: 4, HandBack: 3}
	for _, deliver := range []bool{false, true} {
		for _, forgotten := range []bool{false, true} {
			from := away(t, cfg)
			to, err := actor.NewProducer(srv.Addr, &cfg)
			require.NoError(t, err)
			t.Cleanup(to.Stop)
			done := make(chan *actor.Transaction, 4)
			var held []*actor.Transaction
			for i := range 20 {
				dest := done
				if forgotten {
					dest = nil
				}
				require.NoError(t, from.TryPublishAsync("t", []byte("x"), dest, i), "publish %d", i)
				one := back(t, from, &held)
				require.ErrorIs(t, one.Error, actor.ErrNotConnected)
				require.Equal(t, []any{i}, one.Args)
				if deliver {
					require.True(t, one.Deliver(context.Background()))
				} else {
					require.NoError(t, to.Adopt(testContext(t), one))
				}
				if !forgotten {
					r := <-done
					require.Equal(t, []any{i}, r.Args)
					require.Equal(t, deliver, r.Error != nil)
					r.Release()
				} else if !deliver {
					require.NoError(t, to.Publish("t", []byte("y")))
				}
			}
			s := from.Stats()
			require.EqualValues(t, 20, s.HandedBack)
			require.EqualValues(t, 20, s.Submitted)
			require.Zero(t, s.Pending)
			require.Zero(t, s.PendingBytes)
			if !deliver && !forgotten {
				require.Eventually(t, func() bool { // the place is given back behind the delivery
					return to.TryPublishAsync("t", []byte("x"), done) == nil
				}, time.Second, time.Millisecond)
			}
		}
	}
}

// They are handed back oldest first, and where nobody reads they wait.
func TestHandedBackInOrder(t *testing.T) {
	from := away(t, actor.Config{HandBack: 1})
	done := make(chan *actor.Transaction)
	for i := range 100 {
		require.NoError(t, from.PublishAsync("t", []byte("x"), done, i))
	}
	var held []*actor.Transaction
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for i := range 100 {
		one := back(t, from, &held)
		require.Equal(t, []any{i}, one.Args)
		require.False(t, one.Deliver(over), "nobody receives")
	}
}

// What one may have stored stays in doubt at the next.
func TestAdoptedDoubt(t *testing.T) {
	srv := wiretest.NewServer(wiretest.OnPublish(wiretest.Every).Silence(), wiretest.OnPublish(wiretest.Every).Answered().Close())
	defer srv.Close()
	srv.Add(wiretest.OnPublish(1).Do(srv.CloseListener))
	cfg := actor.Config{HandBack: 1, RetryUnknown: true, MaxAttempts: 1}
	from, err := actor.NewProducer(srv.Addr, &cfg)
	require.NoError(t, err)
	t.Cleanup(from.Stop)
	done := make(chan *actor.Transaction, 1)
	require.NoError(t, from.PublishAsync("t", []byte("x"), done))
	var held []*actor.Transaction
	one := back(t, from, &held)
	require.Equal(t, actor.Unknown, actor.OutcomeOf(one.Error))
	require.NoError(t, away(t, cfg).Adopt(testContext(t), one))
	r := <-done
	require.Equal(t, actor.Unknown, actor.OutcomeOf(r.Error))
	require.NotErrorIs(t, r.Error, actor.ErrNotConnected)
}

// A Flush that waits hears of what is handed back.
func TestFlushHearsOfHandedBack(t *testing.T) {
	release := make(chan struct{})
	p, err := actor.NewProducer("127.0.0.1:1", &actor.Config{
		HandBack: 1, BackoffMin: 10 * time.Second, BackoffMax: 10 * time.Second,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return nil, errors.New("away")
		},
	})
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	require.NoError(t, p.PublishAsync("t", []byte("x"), nil))
	flushed := make(chan error, 1)
	go func() { flushed <- p.Flush(context.Background()) }()
	time.Sleep(20 * time.Millisecond) // it waits; nothing tells that from outside
	close(release)
	var held []*actor.Transaction
	require.True(t, back(t, p, &held).Deliver(context.Background()))
	select {
	case err := <-flushed:
		require.NoError(t, err)
	case <-time.After(500 * time.Millisecond): // less than DialTimeout
		t.Fatal("Flush waits for what has ended here")
	}
}

// A result that is delivered late, and lies in its channel, holds no body.
func TestDeliveredHoldsNoBody(t *testing.T) {
	const n, size = 16, 1 << 20
	p := away(t, actor.Config{HandBack: 1, MaxPendingBytes: n * size})
	done := make(chan *actor.Transaction, n)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	var held []*actor.Transaction
	for range n {
		require.NoError(t, p.PublishAsync("t", make([]byte, size), done))
		require.True(t, back(t, p, &held).Deliver(context.Background()))
	}
	require.Less(t, heap()-before, int64(n*size/4))
	require.Len(t, done, n)
}

// What is adopted folds with what is published to its topic, and keeps its place there.
func TestAdoptedFolds(t *testing.T) {
	srv := wiretest.NewServer()
	defer srv.Close()
	cfg := actor.Config{HandBack: 1, FoldMessages: 256}
	from := away(t, cfg)
	to := newProducer(t, srv.Addr, &cfg)
	require.NoError(t, to.Ping())
	srv.Stall()
	for to.Stats().Queued == 0 { // until no more is written
		require.NoError(t, to.PublishAsync("first", []byte("x"), nil))
		require.NoError(t, to.Ping()) // the loop has met the publish,
		require.NoError(t, to.Ping()) // and has written it if it may
	}
	var held []*actor.Transaction
	for range 5 {
		require.NoError(t, to.PublishAsync("t", []byte("published"), nil))
		require.NoError(t, from.PublishAsync("t", []byte("adopted"), nil))
		require.NoError(t, to.Adopt(testContext(t), back(t, from, &held)))
	}
	srv.Resume()
	require.NoError(t, to.Flush(testContext(t)))
	var number, n int
	for _, m := range srv.Messages() {
		if m.Topic != "t" {
			continue
		}
		require.Equal(t, []string{"published", "adopted"}[n%2], string(m.Body))
		if n++; n == 1 {
			number = m.Number
		}
		require.Equal(t, number, m.Number, "all in one command")
	}
	require.Equal(t, 10, n)
}
