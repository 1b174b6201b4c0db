package pool_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/wire/wiretest"
)

// register is a resolver whose answer a test sets.
type register struct {
	mu    sync.Mutex
	addrs []string
	err   error
	calls atomic.Int64
}

func (r *register) set(err error, addrs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addrs, r.err = addrs, err
}

func (r *register) resolve(context.Context) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls.Add(1)
	return r.addrs, r.err
}

// asked waits until the pool has had an answer that was given from now on.
func (r *register) asked(t *testing.T) {
	from := r.calls.Load()
	require.Eventually(t, func() bool { return r.calls.Load() >= from+2 }, patience, time.Millisecond)
}

func TestMembersComeAndGo(t *testing.T) {
	leak.Check(t)
	var nsqds []*wiretest.Server
	var addrs []string
	for range 4 {
		srv := wiretest.NewServer()
		t.Cleanup(srv.Close)
		nsqds, addrs = append(nsqds, srv), append(addrs, srv.Addr)
	}
	var reg register
	reg.set(nil, addrs[0], addrs[1])
	p := newPool(t, nil, nil, pool.WithResolver(reg.resolve, 20*time.Millisecond))
	require.Equal(t, addrs[0]+","+addrs[1], p.String())

	quit := make(chan struct{})
	var acked atomic.Int64
	var publishers sync.WaitGroup
	for i := range 8 {
		publishers.Add(1)
		go func() {
			defer publishers.Done()
			done := make(chan *actor.Transaction, 1)
			for k := 0; ; k++ {
				select {
				case <-quit:
					return
				default:
				}
				if i%2 == 0 {
					assert.NoError(t, p.Publish("t", []byte("x")))
				} else if assert.NoError(t, p.PublishAsync("t", []byte("x"), done)) {
					assert.NoError(t, (<-done).Error)
				}
				acked.Add(1)
			}
		}()
	}
	gets := func(i int) {
		t.Helper()
		before := nsqds[i].MessageCount("t")
		require.Eventually(t, func() bool { return nsqds[i].MessageCount("t") > before+100 }, patience, time.Millisecond)
	}
	gets(0)
	gets(1)
	for round := range 10 {
		in, out := (round+2)%4, round%4
		reg.set(nil, addrs[in], addrs[(in+3)%4])
		gets(in)
		require.Eventually(t, func() bool { return node(p.Stats(), addrs[out]) == nil }, patience, time.Millisecond, "it has left")
		require.Eventually(t, func() bool { return nsqds[out].Stats().Open == 0 }, patience, time.Millisecond, "its connection is closed")
		require.Len(t, p.Stats().Nodes, 2)
	}
	close(quit)
	publishers.Wait()
	s := p.Stats()
	requireAddsUp(t, s)
	require.EqualValues(t, acked.Load(), s.Acked)
	require.NotZero(t, s.Gone.Acked)
	stored := 0
	for _, srv := range nsqds {
		stored += srv.MessageCount("t")
	}
	require.EqualValues(t, acked.Load(), stored)
}

// An answer that is none leaves the pool as it is.
func TestBadAnswersChangeNothing(t *testing.T) {
	var reg register
	c := newCrew(t, 2, nil, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond))
	reg.set(errors.New("away"))
	require.NoError(t, c.Publish("t", []byte("x")))
	before := c.String()
	for what, set := range map[string]func(){
		"error":       func() { reg.set(errors.New("away")) },
		"empty":       func() { reg.set(nil) },
		"nonsense":    func() { reg.set(nil, c.nsqds[0].Addr, "nonsense") },
		"no port":     func() { reg.set(nil, "127.0.0.1") },
		"twice":       func() { reg.set(nil, c.nsqds[0].Addr, c.nsqds[0].Addr) },
		"error, some": func() { reg.set(errors.New("half"), c.nsqds[0].Addr) },
	} {
		set()
		reg.asked(t)
		require.Equal(t, before, c.String(), what)
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	reg.set(nil, c.nsqds[1].Addr)
	require.Eventually(t, func() bool { return c.String() == c.nsqds[1].Addr }, patience, time.Millisecond)
	reg.set(nil, c.nsqds[1].Addr, c.nsqds[0].Addr)
	reg.asked(t)
	require.Equal(t, c.nsqds[1].Addr+","+c.nsqds[0].Addr, c.String(), "in the answer's order")
	reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
	reg.asked(t)
	require.Equal(t, c.nsqds[0].Addr+","+c.nsqds[1].Addr, c.String())
}

// A member that leaves ends what it has, and hands back what it cannot do.
func TestLeavingMemberEndsWhatItHas(t *testing.T) {
	var reg register
	c := newCrew(t, 2, nil, nil, pool.WithResolver(reg.resolve, 10*time.Millisecond), pool.WithMode(pool.Primary))
	reg.set(nil, c.nsqds[0].Addr, c.nsqds[1].Addr)
	require.NoError(t, c.Publish("t", []byte("x"))) // to the first one, so that it is connected
	c.nsqds[0].Stall()
	done := make(chan *actor.Transaction, 100)
	results := make(chan error, 100)
	for range 50 {
		require.NoError(t, c.PublishAsync("t", []byte("x"), done))
		go func() { results <- c.PublishContext(within(t), "t", []byte("x")) }()
	}
	require.NoError(t, c.nsqds[0].WaitMessages(within(t), 3))
	require.Eventually(t, func() bool { return c.Stats().Submitted == 101 }, patience, time.Millisecond)
	reg.set(nil, c.nsqds[1].Addr)
	require.Eventually(t, func() bool {
		n := node(c.Stats(), c.nsqds[0].Addr)
		return n != nil && n.Leaving
	}, patience, time.Millisecond)
	require.NoError(t, c.Publish("t", []byte("x")))
	require.Equal(t, 1, c.nsqds[1].MessageCount("t"))
	c.nsqds[0].Resume()
	for range 50 {
		require.NoError(t, <-results)
		require.NoError(t, (<-done).Error)
	}
	require.Equal(t, 102, sum(c.stored()))
	require.Eventually(t, func() bool { return len(c.Stats().Nodes) == 1 }, patience, time.Millisecond)
	requireAddsUp(t, c.Stats())
}

// A resolver that does not return for a while holds up nobody, and is told when the pool stops.
func TestSlowResolver(t *testing.T) {
	told := make(chan error, 1)
	slow := func(ctx context.Context) ([]string, error) {
		<-ctx.Done()
		told <- context.Cause(ctx)
		return nil, ctx.Err()
	}
	c := newCrew(t, 1, nil, nil, pool.WithResolver(slow, 10*time.Millisecond))
	for range 100 {
		require.NoError(t, c.Publish("t", []byte("x")))
		time.Sleep(time.Millisecond)
	}
	c.Stop()
	require.ErrorIs(t, <-told, context.Canceled)
}

func TestConnections(t *testing.T) {
	c := newCrew(t, 2, nil, nil, pool.WithConnections(3))
	for range 600 {
		require.NoError(t, c.Publish("t", []byte("x")))
	}
	for _, srv := range c.nsqds {
		require.Equal(t, 3, srv.Stats().Open)
	}
	s := c.Stats()
	require.Len(t, s.Nodes, 2)
	require.EqualValues(t, 6, s.Connections)
	requireAddsUp(t, s)
	require.Equal(t, fmt.Sprintf("%s,%s", c.nsqds[0].Addr, c.nsqds[1].Addr), c.String())
}
