//go:build go1.25

package actor_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// This file is about refusals without end, each of which costs a connection: what they cost, and whom.

// perSecond returns how many dials there were in the busiest second that begins at or behind a time.
func (c *clocked) perSecond(from time.Duration) (most int) {
	dials := c.dials()
	for i, first := range dials {
		n := 0
		for _, d := range dials[i:] {
			if d-first < time.Second {
				n++
			}
		}
		if first >= from {
			most = max(most, n)
		}
	}
	return most
}

// caller publishes again and again until the storm is over, and counts how his publishes ended.
type caller struct {
	outcomes [actor.Unknown + 1]int
	longest  time.Duration
}

func (c *caller) publish(storm, pause time.Duration, call func() error) {
	for began := time.Now(); time.Since(began) < storm; time.Sleep(pause) {
		took, err := took(call)
		c.outcomes[actor.OutcomeOf(err)]++
		c.longest = max(c.longest, took)
	}
}

// storm lets callers publish for that long, each with a pause behind each publish.
func storm(lasts, pause time.Duration, calls ...func() error) []*caller {
	callers := make([]*caller, len(calls))
	ended := make(chan struct{})
	for i, call := range calls {
		callers[i] = new(caller)
		go func() {
			callers[i].publish(lasts, pause, call)
			ended <- struct{}{}
		}()
	}
	for range calls {
		<-ended
	}
	return callers
}

func repeated(call func() error, n int) (calls []func() error) {
	for range n {
		calls = append(calls, call)
	}
	return calls
}

// With a full disk every publish is refused, of whatever form. Sixteen callers who never tire cost a connection at each end of a
// backoff, and all else fails at once; heartbeats are answered on each, and when there is room again nobody has to ask.
func TestFullDisk(t *testing.T) {
	body := []byte("body")
	for code, calls := range map[string]func(p *actor.Producer) error{
		wire.CodePubFailed:  func(p *actor.Producer) error { return p.Publish("topic", body) },
		wire.CodeDPubFailed: func(p *actor.Producer) error { return p.DeferredPublish("topic", time.Second, body) },
		wire.CodeMPubFailed: func(p *actor.Producer) error { return p.MultiPublish("topic", [][]byte{body, body}) },
	} {
		t.Run(code, func(t *testing.T) {
			var full atomic.Bool
			full.Store(true)
			faults := []wiretest.Fault{
				wiretest.OnIdentify().Heartbeat(),
				wiretest.OnPublish(wiretest.Every).If(func(wiretest.Command) bool { return full.Load() }).Error(code, "no space left on device"),
			}
			clock(t, faults, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
				ends := [actor.Unknown + 1]int{}
				for _, c := range storm(time.Minute, 20*ms, repeated(func() error { return calls(p) }, 16)...) {
					for outcome, n := range c.outcomes {
						ends[outcome] += n
					}
					require.LessOrEqual(t, c.longest, 100*ms, "the first pause, and no other")
				}
				synctest.Wait()
				dials := len(srv.dials())
				require.LessOrEqual(t, dials, 1+6+24, "in a minute")
				require.GreaterOrEqual(t, dials, 1+6+11)
				require.LessOrEqual(t, srv.perSecond(0), 5)
				require.LessOrEqual(t, srv.perSecond(10*time.Second), 1)
				require.Zero(t, ends[actor.Acked])
				refused := ends[actor.Refused]
				if code == wire.CodeMPubFailed {
					require.Zero(t, refused)
					refused = ends[actor.Unknown]
				}
				require.InDelta(t, p.Stats().Connections, refused, 1, "one for each connection, but for the last if it is not used")
				require.Greater(t, ends[actor.NotSent], 16*2500)
				require.Equal(t, srv.Stats().Heartbeats, srv.Stats().Nops)
				require.Zero(t, srv.Stats().Messages)

				full.Store(false)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				require.Equal(t, state.Up, p.Stats().Link)
				require.NoError(t, calls(p))
				require.LessOrEqual(t, len(srv.dials()), dials+1)
				requireBooks(t, p)
			})
		})
	}
}

// A deleted topic fails as long as it is exiting, and takes the connection of all others with it. Theirs are acked, or known not
// to be sent; nothing becomes unknown, and all is well soon behind its end.
func TestDeletedTopic(t *testing.T) {
	const exiting = 2 * time.Second
	began := new(atomic.Int64)
	gone := func(c wiretest.Command) bool {
		return c.Topic == "gone" && time.Since(time.Unix(0, began.Load())) < exiting
	}
	faults := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).If(gone).Error(wire.CodePubFailed, "PUB failed exiting")}
	clock(t, faults, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		began.Store(time.Now().UnixNano())
		topic := func(topic string) func() error {
			return func() error { return p.Publish(topic, []byte("body")) }
		}
		calls := append(repeated(topic("gone"), 4), repeated(topic("other"), 4)...)
		callers := storm(exiting, 2*ms, calls...)
		require.LessOrEqual(t, len(srv.dials()), 1+5)
		stored := 0
		for _, c := range callers[:4] {
			require.Zero(t, c.outcomes[actor.Acked]+c.outcomes[actor.Unknown])
		}
		for _, c := range callers[4:] {
			require.Zero(t, c.outcomes[actor.Refused]+c.outcomes[actor.Unknown])
			stored += c.outcomes[actor.Acked]
		}
		require.Equal(t, stored, srv.MessageCount("other"))
		require.Zero(t, srv.MessageCount("gone"))

		time.Sleep(3200 * ms) // the longest pause that may be under way
		callers = storm(5*time.Second, 5*ms, calls...)
		for _, c := range callers {
			require.Equal(t, [actor.Unknown + 1]int{actor.Acked: c.outcomes[actor.Acked]}, c.outcomes)
			require.Zero(t, c.longest)
		}
		require.LessOrEqual(t, len(srv.dials()), 1+5+1)
		requireBooks(t, p)
	})
}

// One caller's bodies are too large for nsqd, which only nsqd knows: he alone is refused, whatever his form, the others wait a
// little, and there are twenty connections a second.
func TestOversizedForNsqd(t *testing.T) {
	const lasts = 10 * time.Second
	small, large := []byte("body"), make([]byte, 200)
	for name, bad := range map[string]func(p *actor.Producer) error{
		"PUB":  func(p *actor.Producer) error { return p.Publish("bad", large) },
		"MPUB": func(p *actor.Producer) error { return p.MultiPublish("bad", [][]byte{small, large}) },
		"DPUB": func(p *actor.Producer) error { return p.DeferredPublish("bad", time.Second, large) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				beat := []wiretest.Fault{wiretest.OnIdentify().Heartbeat()}
				double := wiretest.Config{InMemory: true, MaxMsgSize: 100, Faults: beat}.NewServer()
				t.Cleanup(double.Close)
				srv := &clocked{Server: double, began: time.Now()}
				p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial})
				calls := []func() error{func() error { return bad(p) }}
				for i := range 7 {
					topic := fmt.Sprintf("good-%d", i)
					calls = append(calls, func() error { return p.Publish(topic, small) })
				}
				callers := storm(lasts, ms, calls...)
				require.Equal(t, [actor.Unknown + 1]int{actor.Refused: callers[0].outcomes[actor.Refused]}, callers[0].outcomes)
				require.Greater(t, callers[0].outcomes[actor.Refused], 150, "he is served")
				for i, c := range callers[1:] {
					acked := c.outcomes[actor.Acked]
					require.Equal(t, [actor.Unknown + 1]int{actor.Acked: acked}, c.outcomes)
					require.Equal(t, acked, srv.MessageCount(fmt.Sprintf("good-%d", i)), "once each")
					require.Greater(t, acked, 100)
					require.LessOrEqual(t, c.longest, 110*ms, "two pauses")
				}
				time.Sleep(100 * ms)
				synctest.Wait()
				require.LessOrEqual(t, srv.perSecond(0), 10+1+20)
				require.LessOrEqual(t, srv.perSecond(time.Second), 1+20)
				require.Equal(t, srv.Stats().Heartbeats, srv.Stats().Nops)
				require.Zero(t, srv.MessageCount("bad"))
				requireBooks(t, p)
			})
		})
	}
}

// Refusals that come one by one, seconds apart, are no storm: each costs one connection at once, and between them heartbeats
// are answered and others publish as if nothing was.
func TestRefusalsFarApart(t *testing.T) {
	for _, code := range []string{wire.CodeBadTopic, wire.CodePubFailed} {
		t.Run(code, func(t *testing.T) {
			faults := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Topic("bad").Error(code, "no")}
			clock(t, faults, actor.Config{HeartbeatInterval: time.Second}, func(t *testing.T, srv *clocked, p *actor.Producer) {
				const refusals = 20
				over := time.Now().Add(refusals * 3500 * ms)
				good := started(func() (c caller) {
					for time.Now().Before(over) {
						c.publish(100*ms, 100*ms, func() error { return p.Publish("good", []byte("body")) })
					}
					return c
				})
				for i := range refusals {
					require.Equal(t, actor.Refused, actor.OutcomeOf(p.Publish("bad", []byte("body"))))
					time.Sleep(3500 * ms)
					require.EqualValues(t, i+2, p.Stats().Connections)
				}
				c := <-good
				require.Equal(t, [actor.Unknown + 1]int{actor.Acked: c.outcomes[actor.Acked]}, c.outcomes)
				require.LessOrEqual(t, c.longest, 100*ms)
				if !strings.HasSuffix(code, "FAILED") {
					require.Zero(t, c.longest, "at once")
				}
				synctest.Wait()
				s := srv.Stats()
				require.GreaterOrEqual(t, s.Heartbeats, 3*refusals)
				require.Equal(t, s.Heartbeats, s.Nops)
				require.Len(t, srv.dials(), refusals+1)
			})
		})
	}
}
