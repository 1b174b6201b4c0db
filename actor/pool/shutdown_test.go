package pool_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

func requireStopped(t *testing.T, p actor.Publisher) {
	t.Helper()
	for _, call := range calls {
		require.Equal(t, actor.ErrStopped, call.do(p, context.Background(), []byte("x")), call.name)
	}
	require.Equal(t, actor.ErrStopped, p.Ping())
	require.NoError(t, p.Flush(context.Background()))
}

func TestNeverUsed(t *testing.T) {
	c := newCrew(t, 2, nil, nil)
	require.NoError(t, c.Flush(context.Background()))
	require.Equal(t, state.Idle, c.Stats().Phase)
	tally, err := c.Shutdown(context.Background())
	require.NoError(t, err)
	require.Zero(t, tally)
	requireStopped(t, c.Pool)
	c.Stop()
	for _, srv := range c.nsqds {
		require.Zero(t, srv.Stats().Conns, "it does not dial")
	}
}

func TestPing(t *testing.T) {
	c := newCrew(t, 3, nil, nil)
	c.nsqds[0].CloseListener()
	c.nsqds[2].CloseListener()
	require.NoError(t, c.Ping(), "one of them can be had")
	c.nsqds[1].CloseListener()
	c.nsqds[1].CloseAll()
	require.Eventually(t, func() bool { return c.Ping() != nil }, patience, time.Millisecond)
	require.ErrorIs(t, c.Ping(), actor.ErrNotConnected)
}

// A Ping that has its answer leaves nobody behind who waits for another one.
func TestPingLeavesNobody(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{HandshakeTimeout: time.Minute}, [][]wiretest.Fault{{wiretest.OnAccept().Freeze()}})
	require.NoError(t, c.Ping())
	before := runtime.NumGoroutine()
	for range 500 {
		require.NoError(t, c.Ping())
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+50 }, 5*time.Second, time.Millisecond)
	require.NoError(t, c.nsqds[0].WaitConns(within(t), 1), "it was asked")
}

// A Ping connects also those who are slower to ask than another is to answer.
func TestPingConnectsAll(t *testing.T) {
	var reg register
	c := newCrew(t, 30, nil, nil)
	reg.set(nil, c.nsqds[0].Addr)
	p := newPool(t, nil, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond))
	require.NoError(t, p.Ping())
	var addrs []string
	for _, srv := range c.nsqds {
		addrs = append(addrs, srv.Addr)
	}
	reg.set(nil, addrs...)
	require.Eventually(t, func() bool { return len(p.Stats().Nodes) == 30 }, patience, time.Millisecond)
	require.NoError(t, p.Ping(), "the first one answers at once")
	for _, srv := range c.nsqds {
		require.NoError(t, srv.WaitConns(within(t), 1))
	}
}

// Shutdown ends what is pending, at another nsqd where need be, and tells how.
func TestShutdownEndsAll(t *testing.T) {
	c := newCrew(t, 2, nil, nil)
	require.NoError(t, c.Publish("t", []byte("x")))
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	done := make(chan *actor.Transaction, 200)
	for range 200 {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
	}
	stopped := make(chan struct{})
	var tallies [3]actor.Tally
	var all sync.WaitGroup
	for i := range tallies {
		all.Add(1)
		go func() {
			defer all.Done()
			var err error
			tallies[i], err = c.Shutdown(within(t))
			assert.NoError(t, err)
		}()
	}
	go func() {
		c.Stop()
		close(stopped)
	}()
	require.Eventually(t, func() bool { return c.Stats().Phase == state.Draining }, patience, time.Millisecond)
	requireRefusesNew(t, c.Pool)
	for _, srv := range c.nsqds {
		srv.Resume()
	}
	<-stopped
	all.Wait()
	for _, tally := range tallies {
		require.Equal(t, actor.Tally{Acked: 200}, tally)
	}
	for range 200 {
		require.NoError(t, (<-done).Error)
	}
	requireStopped(t, c.Pool)
	requireAddsUp(t, c.Stats())
}

func requireRefusesNew(t *testing.T, p *pool.Pool) {
	t.Helper()
	require.Equal(t, actor.ErrStopped, p.Publish("t", []byte("x")))
	require.Equal(t, actor.ErrStopped, p.PublishAsync("t", []byte("x"), nil))
}

// When the bound is over, what is left ends as it stands, and the context's error says that something was cut off.
func TestShutdownCutsOff(t *testing.T) {
	c := newCrew(t, 2, nil, nil)
	require.NoError(t, c.Ping())
	for _, srv := range c.nsqds {
		srv.Stall()
	}
	const n = 100
	done := make(chan *actor.Transaction, n)
	for range n {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
	}
	results := make(chan error, n)
	for range n {
		go func() { results <- c.Publish("t", []byte("x")) }()
	}
	require.Eventually(t, func() bool { return c.Stats().Submitted == 2*n }, patience, time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	tally, err := c.Shutdown(ctx)
	assert.Less(t, time.Since(began), time.Second)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.EqualValues(t, 2*n, tally.NotSent+tally.Unknown)
	require.Zero(t, tally.Acked+tally.Refused+tally.Undelivered)
	told := map[actor.Outcome]uint64{}
	for range n {
		for _, err := range []error{<-results, (<-done).Error} {
			outcome := actor.OutcomeOf(err)
			told[outcome]++
			require.Equal(t, outcome == actor.NotSent, err == actor.ErrStopped, "bare: %v", err)
		}
	}
	require.Equal(t, map[actor.Outcome]uint64{actor.NotSent: tally.NotSent, actor.Unknown: tally.Unknown}, told)
	requireAddsUp(t, c.Stats())
}

// Results that nobody reads are dropped in the end, and counted.
func TestShutdownDropsResults(t *testing.T) {
	c := newCrew(t, 2, nil, nil)
	done := make(chan *actor.Transaction)
	for range 30 {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
	}
	require.NoError(t, c.Flush(within(t)))
	require.Equal(t, 30, sum(c.stored()))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	tally, err := c.Shutdown(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, actor.Tally{Undelivered: 30}, tally)
}

// Flush waits for what is being moved on, too.
func TestFlush(t *testing.T) {
	for round := range 20 {
		c := newCrew(t, 2, nil, [][]wiretest.Fault{{wiretest.OnAccept().Close()}})
		done := make(chan *actor.Transaction, 501)
		for range 500 {
			require.NoError(t, c.PublishAsync("t", []byte("x"), done))
		}
		require.NoError(t, c.Flush(within(t)))
		require.Equal(t, []int{0, 500}, c.stored(), "round %d", round)
		for range 500 {
			require.NoError(t, (<-done).Error)
		}
		c.nsqds[1].Stall()
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		require.ErrorIs(t, c.Flush(ctx), context.DeadlineExceeded)
		cancel()
		c.nsqds[1].Resume()
		c.Stop()
	}
}

// Every asynchronous publish that was accepted has one result where its channel has room, whatever cuts Shutdown off.
func TestCutOffWhileMoving(t *testing.T) {
	for round := range 60 {
		a, b := wiretest.NewServer(), wiretest.NewServer()
		p, err := pool.New([]string{a.Addr, b.Addr}, nil)
		require.NoError(t, err)
		for p.Stats().Nodes[0].Acked == 0 || p.Stats().Nodes[1].Acked == 0 {
			require.NoError(t, p.Publish("t", []byte("x")))
		}
		a.Stall()
		b.Stall()
		done := make(chan *actor.Transaction, 100_000)
		accepted := 0
		body := make([]byte, 1000)
		for range 5000 {
			if p.TryPublishAsync("t", body, done) == nil {
				accepted++
			}
		}
		go func() {
			time.Sleep(time.Duration(round%20) * 20 * time.Microsecond)
			a.CloseAll()
			b.CloseAll()
		}()
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		tally, err := p.Shutdown(ended)
		require.EqualValues(t, accepted, len(done), "round %d: %+v %v", round, tally, err)
		require.Zero(t, tally.Undelivered)
		a.Close()
		b.Close()
	}
}
