package actor

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var never = make(chan struct{}) // a stop that does not come

func newGate(maxCount, maxBytes int) *gate {
	g := &gate{}
	g.init(maxCount, maxBytes)
	return g
}

// parked waits until n goroutines stand in a gate's line.
func parked(t *testing.T, n int) {
	t.Helper()
	buf := make([]byte, 4<<20)
	in := 0
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); runtime.Gosched() {
		in = 0
		for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			head, rest, _ := strings.Cut(stack, "\n")
			if strings.Contains(head, "[select") && strings.HasPrefix(rest, "github.com/nsqactor/producer/actor.(*gate).enter(") {
				in++
			}
		}
		if in == n {
			return
		}
	}
	require.FailNow(t, "not parked", "%d of %d", in, n)
}

// all waits until n goroutines have reported an error, and returns how many reported something else than nil.
func all(t *testing.T, reports <-chan error, n int) (failed int) {
	t.Helper()
	timeout := time.After(time.Minute)
	for i := range n {
		select {
		case err := <-reports:
			if err != nil {
				failed++
			}
		case <-timeout:
			require.FailNow(t, "somebody hangs", "%d of %d came back", i, n)
		}
	}
	return failed
}

// next returns the next value from a channel, of which there must be one.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	timeout := time.NewTimer(20 * time.Second)
	defer timeout.Stop()
	select {
	case v := <-from:
		return v
	case <-timeout.C:
		require.FailNow(t, "nothing came")
		panic("not reached")
	}
}

func requireInside(t *testing.T, g *gate, count, bytes int) {
	t.Helper()
	c, b := g.inside()
	require.Equal(t, [2]uint64{uint64(count), uint64(bytes)}, [2]uint64{c, b}, "count and bytes inside")
}

// TestGateBounds keeps a count of its own, from behind entering to before leaving: it never exceeds what may be inside.
func TestGateBounds(t *testing.T) {
	const goroutines, rounds, maxCount, maxBytes = 32, 400, 7, 1000
	for _, c := range []struct {
		name    string
		largest int
	}{{"count decides", 50}, {"bytes decide", maxBytes}} {
		t.Run(c.name, func(t *testing.T) {
			g := newGate(maxCount, maxBytes)
			var count, bytes, over, mostCount, mostBytes atomic.Int64
			reports := make(chan error, goroutines)
			for i := range goroutines {
				go func() {
					random := rand.New(rand.NewPCG(uint64(i), 2))
					for range rounds {
						size := 1 + random.IntN(c.largest)
						if i%4 > 0 {
							if err := g.enter(context.Background(), never, size); err != nil {
								reports <- err
								return
							}
						} else if !g.tryEnter(size) {
							continue
						}
						n, b := count.Add(1), bytes.Add(int64(size))
						if n > maxCount || b > maxBytes {
							over.Add(1)
						}
						raise(&mostCount, n)
						raise(&mostBytes, b)
						runtime.Gosched()
						count.Add(-1)
						bytes.Add(int64(-size))
						g.leave(1, size)
					}
					reports <- nil
				}()
			}
			require.Zero(t, all(t, reports, goroutines))
			require.Zero(t, over.Load(), "times beyond the bounds")
			requireInside(t, g, 0, 0)
			if c.largest < maxBytes {
				require.EqualValues(t, maxCount, mostCount.Load(), "the bound was reached")
			} else {
				require.Greater(t, mostBytes.Load(), int64(maxBytes/2), "the bound was near")
			}
		})
	}
}

func raise(most *atomic.Int64, v int64) {
	for old := most.Load(); v > old && !most.CompareAndSwap(old, v); old = most.Load() {
	}
}

func TestGateServesInOrder(t *testing.T) {
	const waiters = 20
	g := newGate(1, 100)
	require.True(t, g.tryEnter(100))
	order := make(chan int, waiters)
	for i := range waiters {
		go func() {
			if g.enter(context.Background(), never, 1+i) == nil {
				order <- i // before leaving, so that nobody overtakes here
				g.leave(1, 1+i)
			}
		}()
		parked(t, i+1)
	}
	g.leave(1, 100)
	for i := range waiters {
		require.Equal(t, i, next(t, order))
	}
	parked(t, 0)
}

// TestGateLargeIsNotStarved: while one waits that does not fit, none gets past it that would.
func TestGateLargeIsNotStarved(t *testing.T) {
	g := newGate(10, 100)
	require.True(t, g.tryEnter(10))
	require.True(t, g.tryEnter(10))
	large, small := make(chan error, 1), make(chan error, 1)
	go func() { large <- g.enter(context.Background(), never, 100) }()
	parked(t, 1)
	require.False(t, g.tryEnter(1), "a try went past a waiter")
	go func() { small <- g.enter(context.Background(), never, 1) }()
	parked(t, 2)
	requireInside(t, g, 2, 20)
	g.leave(1, 10)
	parked(t, 2)
	require.False(t, g.tryEnter(1), "a try went past a waiter")
	g.leave(1, 10)
	require.NoError(t, next(t, large))
	requireInside(t, g, 1, 100)
	parked(t, 1)
	g.leave(1, 100)
	require.NoError(t, next(t, small))
	requireInside(t, g, 1, 1)
}

// TestGateLargeAmongSteadyTraffic: small ones that overlap never leave it empty by themselves, and yet a large one comes in.
func TestGateLargeAmongSteadyTraffic(t *testing.T) {
	const small, larges = 8, 200
	g := newGate(1000, 100)
	stop := make(chan struct{})
	var over atomic.Bool
	reports := make(chan error, small+1)
	for i := range small {
		go func() {
			for g.enter(context.Background(), stop, 10) == nil {
				if i%2 == 0 {
					runtime.Gosched()
				}
				g.leave(1, 10)
				if over.Load() {
					break // who finds room does not look at stop
				}
			}
			reports <- nil
		}()
	}
	go func() {
		for range larges {
			if err := g.enter(context.Background(), never, 100); err != nil {
				reports <- err
				return
			}
			g.leave(1, 100)
		}
		over.Store(true)
		close(stop)
		reports <- nil
	}()
	require.Zero(t, all(t, reports, small+1))
}

// TestGateWaitEnds ends the waits of the first in the line, of one in the middle and of the last, by their contexts and by
// stop. Nobody else's wait ends by that, and the turn goes on to the next.
func TestGateWaitEnds(t *testing.T) {
	for _, leaver := range []int{0, 1, 2} {
		for _, byStop := range []bool{false, true} {
			g := newGate(1, 10)
			require.True(t, g.tryEnter(1))
			stop := make(chan struct{})
			ctx, cancel := context.WithCancel(context.Background())
			left, entered := make(chan error, 1), make(chan int, 2)
			for i := range 3 {
				go func() {
					switch {
					case i != leaver:
						if g.enter(context.Background(), never, 1) == nil {
							entered <- i
							g.leave(1, 1)
						}
					case byStop:
						left <- g.enter(context.Background(), stop, 1)
					default:
						left <- g.enter(ctx, never, 1)
					}
				}()
				parked(t, i+1)
			}
			if byStop {
				close(stop)
				require.Equal(t, ErrStopped, next(t, left))
			} else {
				cancel()
				require.Equal(t, context.Canceled, next(t, left))
			}
			parked(t, 2)
			requireInside(t, g, 1, 1)
			g.leave(1, 1)
			for i := range 3 {
				if i != leaver {
					require.Equal(t, i, next(t, entered))
				}
			}
			parked(t, 0)
			require.True(t, g.tryEnter(10), "as it was")
			cancel()
		}
	}
}

// TestGateLosesNoWakeUp goes through a tight gate so often that a room given back unseen would leave somebody behind. Some
// waits are cut short, which must not take a token with them.
func TestGateLosesNoWakeUp(t *testing.T) {
	const times = 100_000
	for _, c := range []struct{ goroutines, maxCount, maxBytes, largest int }{
		{2, 1, 1, 0},
		{8, 1, 8, 8},
		{16, 3, 8, 8},
		{16, 100, 8, 8},
	} {
		g := newGate(c.maxCount, c.maxBytes)
		reports := make(chan error, c.goroutines)
		for i := range c.goroutines {
			go func() {
				random := rand.New(rand.NewPCG(uint64(i), 3))
				for round := range times / c.goroutines {
					size := random.IntN(c.largest + 1)
					ctx, cancel := context.Background(), func() {}
					if i%4 == 1 && round%8 == 0 {
						ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(20_000)))
					}
					err := g.enter(ctx, never, size)
					if err == nil {
						if round%3 == 0 {
							runtime.Gosched()
						}
						g.leave(1, size)
					} else if ctx.Err() == nil {
						reports <- err
						cancel()
						return
					}
					cancel()
				}
				reports <- nil
			}()
		}
		require.Zero(t, all(t, reports, c.goroutines), "%+v", c)
		requireInside(t, g, 0, 0)
		require.Zero(t, g.waiting.Load())
	}
}

// TestGateWakesALoneWaiter: what is given back while nobody waits leaves no token, and one is left even for one.
func TestGateWakesALoneWaiter(t *testing.T) {
	for waiting := range 3 {
		g := newGate(1, 1)
		require.True(t, g.tryEnter(1))
		g.waiting.Add(int64(waiting))
		g.leave(1, 1)
		require.Len(t, g.freed, min(waiting, 1))
	}
}
