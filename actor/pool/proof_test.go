//go:build unix

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

const (
	callers  = 64
	rate     = 2000 // publishes a second, of all callers
	deadline = time.Second
	slack    = 150 * time.Millisecond // for a call's return behind its deadline, on a busy machine
)

// publishers are 64 callers who publish at a steady rate to a pool, and what came of it.
type publishers struct {
	t    *testing.T
	p    *pool.Pool
	quit chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	ends    map[string]error
	longest time.Duration
	misses  int // calls that did not return acked
}

func startPublishers(t *testing.T, p *pool.Pool) *publishers {
	s := &publishers{t: t, p: p, quit: make(chan struct{}), ends: map[string]error{}}
	for i := range callers {
		s.done.Add(1)
		go s.publish(i)
	}
	t.Cleanup(s.stop)
	return s
}

func (s *publishers) publish(caller int) {
	defer s.done.Done()
	ticker := time.NewTicker(callers * time.Second / rate)
	defer ticker.Stop()
	for i := 0; i < 1_000_000; i++ {
		select {
		case <-s.quit:
			return
		case <-ticker.C:
		}
		name := fmt.Sprintf("%d-%d", caller, i)
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		began := time.Now()
		err := s.p.PublishContext(ctx, "proof", []byte(name))
		took := time.Since(began)
		cancel()
		s.mu.Lock()
		s.ends[name] = err
		s.longest = max(s.longest, took)
		if err != nil {
			s.misses++
		}
		s.mu.Unlock()
	}
}

// stop ends the publishing. A second stop does nothing.
func (s *publishers) stop() {
	select {
	case <-s.quit:
	default:
		close(s.quit)
	}
	s.done.Wait()
}

// failed returns how many calls did not return acked.
func (s *publishers) failed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.misses
}

// acked waits until so many more publishes were acked, and returns how long that took.
func (s *publishers) acked(more int) time.Duration {
	s.t.Helper()
	from, began := s.p.Stats().Acked, time.Now()
	require.Eventually(s.t, func() bool { return s.p.Stats().Acked >= from+uint64(more) }, patience, time.Millisecond)
	return time.Since(began)
}

// until waits until the nsqd's breaker is that.
func (s *publishers) until(addr string, b state.Breaker) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return node(s.p.Stats(), addr).Breaker == b }, patience, time.Millisecond,
		"%v of %s", b, addr)
}

// used waits until the nsqd has acked so many more.
func (s *publishers) used(addr string, more uint64) {
	s.t.Helper()
	from := node(s.p.Stats(), addr).Acked
	require.Eventually(s.t, func() bool { return node(s.p.Stats(), addr).Acked >= from+more }, patience, time.Millisecond)
}

// check holds what the callers were told against what the nsqds have.
func (s *publishers) check(nsqds ...*nsqdtest.Nsqd) (unknown int) {
	s.t.Helper()
	s.stop()
	times := map[string]int{}
	for _, nsqd := range nsqds {
		for _, body := range nsqd.ReadBack("proof") {
			times[body]++
		}
	}
	for name, err := range s.ends {
		n := times[name]
		switch actor.OutcomeOf(err) {
		case actor.Acked:
			assert.Equal(s.t, 1, n, "acked: %s", name)
		case actor.Unknown:
			unknown++
			assert.LessOrEqual(s.t, n, 1, "unknown: %s", name)
		default:
			assert.Zero(s.t, n, "%s: %v", name, err)
		}
	}
	assert.LessOrEqual(s.t, s.longest, deadline+slack, "no call is longer than its deadline")
	requireAddsUp(s.t, s.p.Stats())
	assert.EqualValues(s.t, len(s.ends), s.p.Stats().Submitted)
	return unknown
}

// startNsqds starts so many, the first with more flags.
func startNsqds(t *testing.T, n int, more ...string) (nsqds []*nsqdtest.Nsqd, addrs []string) {
	for range n {
		nsqd := nsqdtest.Start(t, append([]string{"-mem-queue-size=0"}, more...)...)
		more = nil
		nsqds, addrs = append(nsqds, nsqd), append(addrs, nsqd.TCPAddr)
	}
	return nsqds, addrs
}

func TestKillOne(t *testing.T) {
	nsqds, addrs := startNsqds(t, 3, "-sync-every=1") // so that what the first has acked when it is killed is stored
	s := startPublishers(t, newPool(t, addrs, nil))
	s.acked(1000)
	misses := s.failed()
	nsqds[0].Kill()
	took := s.acked(rate / 20)
	t.Logf("%d acked %v after the kill; %d calls failed", rate/20, took, s.failed()-misses)
	assert.Less(t, took, 100*time.Millisecond+slack, "traffic has moved")
	s.until(addrs[0], state.Broken)
	s.acked(rate / 2)
	nsqds[0].Restart()
	s.used(addrs[0], 200)
	s.until(addrs[0], state.Trusted)
	unknown := s.check(nsqds...)
	t.Logf("%d publishes, %d unknown, longest %v, %d moved", len(s.ends), unknown, s.longest, s.p.Stats().Moved)
	assert.LessOrEqual(t, unknown, callers, "what was under way when it died")
	for name, err := range s.ends {
		if err != nil {
			assert.True(t, errors.Is(err, actor.ErrConnectionLost), "%s: %v", name, err)
		}
	}
}

func TestStopOne(t *testing.T) {
	nsqds, addrs := startNsqds(t, 3)
	s := startPublishers(t, newPool(t, addrs, nil))
	s.acked(1000)
	nsqds[1].Pause()
	s.until(addrs[1], state.Broken)
	before := node(s.p.Stats(), addrs[1]).Submitted
	took := s.acked(rate)
	after := node(s.p.Stats(), addrs[1]).Submitted
	t.Logf("the stopped one got %d of %d in %v", after-before, rate, took)
	assert.LessOrEqual(t, after-before, uint64(callers), "it has its share and no more")
	nsqds[1].Resume()
	s.until(addrs[1], state.Trusted)
	s.used(addrs[1], 200)
	unknown := s.check(nsqds...)
	t.Logf("%d publishes, %d unknown, longest %v, %d moved", len(s.ends), unknown, s.longest, s.p.Stats().Moved)
	for name, err := range s.ends {
		if err != nil {
			assert.True(t, errors.Is(err, context.DeadlineExceeded), "%s: %v", name, err)
		}
	}
	assert.LessOrEqual(t, unknown, 2*callers)
}

// One of the addresses takes connections and resets them.
func TestOneResets(t *testing.T) {
	nsqds, addrs := startNsqds(t, 2)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}()
	s := startPublishers(t, newPool(t, append(addrs, l.Addr().String()), nil))
	s.acked(2 * rate)
	unknown := s.check(nsqds...)
	assert.Zero(t, unknown)
	for name, err := range s.ends {
		assert.NoError(t, err, name)
	}
	reset := node(s.p.Stats(), l.Addr().String())
	assert.Equal(t, state.Broken, reset.Breaker)
	assert.Less(t, reset.Submitted, uint64(4*callers), "it is not asked again and again")
	assert.False(t, strings.Contains(s.p.String(), " "))
}
