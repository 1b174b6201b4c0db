package actor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A million tries against a stopped nsqd: as many as there is room for are accepted, and end when nsqd goes on; the others get
// ErrFull, bare, and cost no memory.
func TestAMillionTries(t *testing.T) {
	leak.Check(t)
	const bound, goroutines = 1000, 8
	for _, c := range []struct {
		name      string
		connected bool
		tries     int
		size      int
		cfg       actor.Config
	}{
		{"by count", true, 1_000_000, 128, actor.Config{MaxPending: bound}},
		{"by bytes", true, 100_000, 10_000, actor.Config{MaxPendingBytes: bound * 10_000}},
		{"before the handshake", false, 100_000, 128, actor.Config{MaxPending: bound}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := wiretest.Config{Discard: true}.NewServer()
			t.Cleanup(srv.Close)
			c.cfg.ResponseTimeout, c.cfg.HandshakeTimeout = time.Hour, time.Hour
			p := newProducer(t, srv.Addr, &c.cfg)
			if c.connected {
				require.NoError(t, p.Ping())
			}
			srv.Freeze()
			body, done, stuck := make([]byte, c.size), make(doneChan, bound), make(doneChan)
			var accepted, wanted, wrong atomic.Int64
			ended := make(chan struct{})
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for g := range goroutines {
				go func() {
					for i := range c.tries / goroutines {
						to := []doneChan{done, nil, stuck}[(g+i)%3]
						switch err := p.TryPublishAsync("topic", body, to); {
						case err == nil:
							accepted.Add(1)
							if to == stuck {
								wanted.Add(1)
							}
						case err != actor.ErrFull:
							wrong.Add(1)
						}
					}
					ended <- struct{}{}
				}()
			}
			for range goroutines {
				receive(t, ended)
			}
			runtime.ReadMemStats(&after)
			require.Zero(t, wrong.Load())
			require.EqualValues(t, bound, accepted.Load())
			require.EqualValues(t, bound, p.Stats().Pending)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2*bound*c.size+8<<20), "what was accepted, twice its size at most")
			require.Less(t, after.Mallocs-before.Mallocs, uint64(c.tries/10), "a try that finds no room allocates nothing")

			srv.Resume()
			require.NoError(t, p.Flush(testContext(t)))
			for range wanted.Load() {
				require.NoError(t, receive(t, stuck).Error)
			}
			s := p.Stats()
			require.Equal(t, [3]uint64{bound, 0, 0}, [3]uint64{s.Acked, s.Refused, s.Unknown})
			require.Equal(t, bound, srv.Stats().Messages)
			requireBooks(t, p)
			// No refused try has kept a place, of a publish or of a result.
			srv.Stall()
			for range bound {
				eventually(t, func() bool { return p.TryPublishAsync("topic", body, stuck) == nil }, "room again")
			}
			require.True(t, p.TryPublishAsync("topic", body, nil) == actor.ErrFull)
			srv.Resume()
			for range bound {
				require.NoError(t, receive(t, stuck).Error)
			}
		})
	}
}

// A try does not overtake those who wait for room, though there is some that would do for it.
func TestTryDoesNotOvertake(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{MaxPendingBytes: 100})
	require.NoError(t, p.Ping())
	srv.Stall()
	require.NoError(t, p.PublishAsync("topic", make([]byte, 60), nil))
	waiting := started(func() error { return p.PublishAsync("topic", make([]byte, 60), nil) })
	standing(t, 1)
	for range 10 {
		require.True(t, p.TryPublishAsync("topic", []byte("small"), nil) == actor.ErrFull)
	}
	srv.Resume()
	require.NoError(t, receive(t, waiting))
	eventually(t, func() bool { return p.TryPublishAsync("topic", []byte("small"), nil) == nil }, "room")
}

// Contexts that end about when the answers come, while the garbage collector runs without a pause and takes what the pools
// hold: every call returns, and tells the truth.
func TestShortContextsUnderGarbageCollection(t *testing.T) {
	leak.Check(t)
	const callers, each = 16, 150
	srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Delay(700*time.Microsecond))
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: callers / 2})
	require.NoError(t, p.Ping())
	over := make(chan struct{})
	collected := started(func() (n int) {
		for ; ; n++ {
			select {
			case <-over:
				return n
			default:
				runtime.GC()
			}
		}
	})
	type told struct {
		errs map[int]error
		late time.Duration
	}
	all := make(chan told, callers)
	for c := range callers {
		go func() {
			mine := told{errs: make(map[int]error)}
			for i := range each {
				n := c*each + i
				give := time.Duration(500+rand.IntN(1000)) * time.Microsecond
				if i%4 == 0 {
					give *= 20
				}
				ctx, cancel := context.WithTimeout(context.Background(), give)
				mine.errs[n] = forms[n%len(forms)].call(p, ctx, fmt.Appendf(nil, "%-*d", 1+n%3*4000, n))
				end, _ := ctx.Deadline()
				mine.late = max(mine.late, time.Since(end))
				cancel()
			}
			all <- mine
		}()
	}
	errs := make(map[int]error)
	outcomes := make(map[actor.Outcome]uint64)
	for range callers {
		mine := receive(t, all)
		require.Less(t, mine.late, time.Second)
		for n, err := range mine.errs {
			errs[n] = err
			outcomes[actor.OutcomeOf(err)]++
			if err != nil {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
		}
	}
	close(over)
	require.NotZero(t, receive(t, collected))
	require.NoError(t, p.Publish("after", []byte("body")), "behind all that was left")
	requireTruth(t, srv, "topic", errs)
	require.Len(t, numbersStored(srv, "topic"), int(outcomes[actor.Acked]+outcomes[actor.Unknown]), "the connection lasted")
	require.NotZero(t, outcomes[actor.NotSent]+outcomes[actor.Unknown])
	s := p.Stats()
	require.Equal(t, [3]uint64{outcomes[actor.Acked] + 1, 0, outcomes[actor.Unknown]}, [3]uint64{s.Acked, s.Refused, s.Unknown})
	require.LessOrEqual(t, s.NotSent, outcomes[actor.NotSent], "who waited for room in vain was not accepted")
	require.EqualValues(t, 1, s.Connections)
	requireBooks(t, p)
}

// Who publishes from the goroutine that reads the results never waits for himself, if he leaves room for all that is
// outstanding, or tries; whatever nsqd does meanwhile.
func TestPublishFromTheReadingGoroutine(t *testing.T) {
	leak.Check(t)
	const all = 4000
	for _, c := range []struct {
		name        string
		room        int // in done
		outstanding int // at most
		maxPending  int
		publish     func(p *actor.Producer, topic string, body []byte, done doneChan, args ...any) error
	}{
		{"with room", 64, 64, 64, (*actor.Producer).PublishAsync},
		{"with room, in a producer of little", 64, 64, 8, (*actor.Producer).PublishAsync},
		{"trying, without room", 0, all, 8, (*actor.Producer).TryPublishAsync},
		{"trying, with a little room", 3, all, 64, (*actor.Producer).TryPublishAsync},
		{"trying, one at a time", 0, 1, 2, (*actor.Producer).TryPublishAsync},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Topic("bad").Error(wire.CodeBadTopic, "no")}
			for n := 1000; n < all; n += 1000 {
				faults = append(faults, wiretest.OnPublish(n).Overall().Answered().Reset())
			}
			srv := newDouble(t, faults...)
			p := newProducer(t, srv.Addr, &actor.Config{MaxPending: c.maxPending})
			done := make(doneChan, c.room)
			told := map[string]map[int]error{"good": {}, "bad": {}}
			finished := started(func() error {
				for next, outstanding := 0, 0; next < all || outstanding > 0; {
					if next < all && outstanding < c.outstanding {
						topic := "good"
						if next%1333 == 7 {
							topic = "bad"
						}
						err := c.publish(p, topic, fmt.Append(nil, next), done, topic, next)
						if err == nil {
							next, outstanding = next+1, outstanding+1
							continue
						}
						if err != actor.ErrFull {
							return err
						}
					}
					result := <-done
					told[result.Args[0].(string)][result.Args[1].(int)] = result.Error
					outstanding--
					result.Release()
				}
				return nil
			})
			require.NoError(t, receive(t, finished))
			require.Equal(t, all, len(told["good"])+len(told["bad"]))
			for topic, errs := range told {
				requireTruth(t, srv, topic, errs)
			}
			for n, err := range told["bad"] {
				require.Contains(t, []actor.Outcome{actor.Refused, actor.Unknown}, actor.OutcomeOf(err), n)
			}
			require.Greater(t, p.Stats().Acked, uint64(all-4*64-3))
			requireBooks(t, p)
		})
	}
}

// Of many who release one result at the same time one does, so that it serves one publish at a time. Whoever still holds on to it
// and releases it while it serves the next, under way, does nothing. (Behind that, when the next result has been received, nobody
// can tell his Release from the rightful one: that is what Release forbids.)
func TestReleaseAtOnceAndLate(t *testing.T) {
	leak.Check(t)
	const results, releasers, rounds = 8, 8, 100
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	done := make(doneChan, results)
	publish := func(round int) {
		for i := range results {
			require.NoError(t, p.PublishAsync("topic", []byte("body"), done, round, i))
		}
	}
	collect := func(round int) (all []*actor.Transaction) {
		seen := make(map[*actor.Transaction]bool)
		for i := range results {
			result := receive(t, done)
			require.NoError(t, result.Error)
			require.Equal(t, []any{round, i}, result.Args)
			require.False(t, seen[result], "one transaction, two publishes")
			seen[result] = true
			all = append(all, result)
		}
		return all
	}
	releaseAll := func(all []*actor.Transaction) {
		start, ended := make(chan struct{}), make(chan struct{})
		for range releasers {
			go func() {
				<-start
				for _, result := range all {
					result.Release()
				}
				ended <- struct{}{}
			}()
		}
		close(start)
		for range releasers {
			receive(t, ended)
		}
	}
	for round := range rounds {
		publish(2 * round)
		held := collect(2 * round)
		releaseAll(held)
		srv.Stall()
		publish(2*round + 1)
		releaseAll(held)
		srv.Resume()
		collect(2*round + 1)
	}
	require.Equal(t, 2*rounds*results, srv.Stats().Messages)
	require.EqualValues(t, 2*rounds*results, p.Stats().Acked)
	requireBooks(t, p)
}
