//go:build go1.25

package actor_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// clocked is a double that notes when it was dialled.
type clocked struct {
	*wiretest.Server
	began time.Time

	mu  sync.Mutex
	all []time.Duration
}

func (c *clocked) dials() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

func (c *clocked) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c.mu.Lock()
	c.all = append(c.all, time.Since(c.began))
	n := len(c.all)
	c.mu.Unlock()
	if n > 1000 {
		time.Sleep(time.Millisecond) // while one dial follows the other without a pause, no time passes: the test would not end
	}
	return c.Server.Dial(ctx, network, addr)
}

func clock(t *testing.T, faults []wiretest.Fault, cfg actor.Config, test func(*testing.T, *clocked, *actor.Producer)) {
	synctest.Test(t, func(t *testing.T) {
		srv := &clocked{Server: wiretest.NewInMemory(faults...), began: time.Now()}
		t.Cleanup(srv.Close)
		cfg.Dial = srv.Dial
		test(t, srv, newProducer(t, srv.Addr, &cfg))
	})
}

// pauses returns the times between dials from the given one on.
func (c *clocked) pauses(from int) (all []time.Duration) {
	dials := c.dials()
	for i := from + 1; i < len(dials); i++ {
		all = append(all, dials[i]-dials[i-1])
	}
	return all
}

func requirePauses(t *testing.T, pauses []time.Duration, most ...time.Duration) {
	t.Helper()
	require.GreaterOrEqual(t, len(pauses), len(most), "%v", pauses)
	for i, most := range most {
		require.LessOrEqual(t, pauses[i], most, "pause %d of %v", i, pauses)
		require.GreaterOrEqual(t, pauses[i], most/2, "pause %d of %v", i, pauses)
	}
}

const ms = time.Millisecond

func TestBackoff(t *testing.T) {
	t.Run("doubles, between its bounds", func(t *testing.T) {
		clock(t, nil, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
			srv.CloseListener()
			require.ErrorIs(t, p.Ping(), actor.ErrNotConnected)
			time.Sleep(time.Minute)
			pauses := srv.pauses(0)
			requirePauses(t, pauses, 100*ms, 200*ms, 400*ms, 800*ms, 1600*ms, 3200*ms)
			for _, pause := range pauses[6:] {
				require.GreaterOrEqual(t, pause, 2500*ms)
				require.LessOrEqual(t, pause, 5000*ms)
			}
			require.NotEqual(t, pauses[7], pauses[8], "drawn at random")
		})
	})
	t.Run("publishes do not hurry it", func(t *testing.T) {
		clock(t, nil, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
			srv.CloseListener()
			require.Error(t, p.Ping())
			for range 20_000 {
				pause, err := took(func() error { return p.Publish("topic", []byte("body")) })
				require.ErrorIs(t, err, actor.ErrNotConnected)
				require.Zero(t, pause)
				time.Sleep(ms)
			}
			require.LessOrEqual(t, len(srv.dials()), 13, "in 20 s")
		})
	})
	// A publish sets an alarm for its answer, which may fall into a pause long behind both.
	t.Run("an old alarm does not hurry it", func(t *testing.T) {
		clock(t, nil, actor.Config{BackoffMin: 2 * time.Second}, func(t *testing.T, srv *clocked, p *actor.Producer) {
			require.NoError(t, p.Publish("topic", []byte("body")))
			time.Sleep(4 * time.Second)
			srv.CloseListener()
			srv.CloseAll()
			time.Sleep(5 * time.Second)
			pauses := srv.pauses(1)
			require.NotEmpty(t, pauses)
			require.GreaterOrEqual(t, pauses[0], 2*time.Second)
		})
	})
	// A connection that comes up proves nothing; acknowledged work over a second does.
	for _, worked := range []struct {
		name string
		work time.Duration
		next time.Duration
	}{{"a moment's work does not end it", 500 * ms, 6400 * ms / 2}, {"a second's work ends it", 1100 * ms, 100 * ms}} {
		t.Run(worked.name, func(t *testing.T) {
			clock(t, nil, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
				srv.CloseListener()
				require.Error(t, p.Ping())
				until(t, "six attempts", func() bool { return len(srv.dials()) >= 6 })
				require.NoError(t, srv.Listen())
				until(t, "the producer is up", func() bool { return p.Stats().Link == state.Up })
				for up := time.Now(); time.Since(up) < worked.work; time.Sleep(10 * ms) {
					require.NoError(t, p.Publish("topic", []byte("body")))
				}
				lost := len(srv.dials()) // the first attempt behind the loss
				srv.CloseListener()
				srv.CloseAll()
				time.Sleep(10 * time.Second)
				pauses := srv.pauses(lost)
				if worked.next < time.Second {
					requirePauses(t, pauses, 100*ms, 200*ms, 400*ms)
				} else {
					require.GreaterOrEqual(t, pauses[0], 1600*ms)
				}
			})
		})
	}
	t.Run("nsqd's failures", func(t *testing.T) {
		faults := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Topic("failing").Error(wire.CodePubFailed, "exiting")}
		clock(t, faults, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
			require.Equal(t, actor.Refused, actor.OutcomeOf(p.Publish("failing", []byte("body"))))
			pause, err := took(func() error { return p.Publish("good", []byte("body")) })
			require.NoError(t, err, "waits for the first pause")
			require.GreaterOrEqual(t, pause, 50*ms)
			require.LessOrEqual(t, pause, 100*ms)
			require.Equal(t, actor.Refused, actor.OutcomeOf(p.Publish("failing", []byte("body"))))
			pause, err = took(func() error { return p.Publish("good", []byte("body")) })
			require.ErrorIs(t, err, actor.ErrNotConnected)
			require.ErrorContains(t, err, "exiting")
			require.Zero(t, pause)
			require.Equal(t, state.Down, p.Stats().Link)
			time.Sleep(200 * ms)
			require.NoError(t, p.Publish("good", []byte("body")))
			requirePauses(t, srv.pauses(0), 100*ms, 200*ms)
		})
	})
}

// Storms of refused publishes cost at most twenty connections a second, from ten in a row on.
func TestStormsAreDamped(t *testing.T) {
	faults := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Error(wire.CodeBadTopic, "scripted")}
	clock(t, faults, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		const storm = 10 * time.Second
		for began := time.Now(); time.Since(began) < storm; {
			require.Equal(t, actor.Refused, actor.OutcomeOf(p.Publish("topic", []byte("body"))))
		}
		dials := srv.dials()
		require.LessOrEqual(t, len(dials), 10+1+20*10)
		require.GreaterOrEqual(t, len(dials), 20*10)
		require.Less(t, dials[9], 10*ms, "the first ones at once")
		for i := 10; i < len(dials); i++ {
			require.GreaterOrEqual(t, dials[i]-dials[i-1], 50*ms, "dial %d", i)
		}
	})
}

func TestHeartbeatsAreAnswered(t *testing.T) {
	beats := func(srv *clocked) (int, int) { return srv.Stats().Heartbeats, srv.Stats().Nops }
	for _, test := range []struct {
		name   string
		faults []wiretest.Fault
		work   func(p *actor.Producer) error
	}{
		{"idle", nil, func(*actor.Producer) error { time.Sleep(time.Second); return nil }},
		{"publishing", nil, func(p *actor.Producer) error { time.Sleep(7 * ms); return p.Publish("topic", []byte("body")) }},
		{"waiting for slow answers", []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Delay(1500 * ms)}, func(p *actor.Producer) error {
			return p.Publish("topic", []byte("body"))
		}},
		{"results unread", nil, func(p *actor.Producer) error {
			for p.TryPublishAsync("topic", []byte("body"), make(chan *actor.Transaction)) == nil {
			}
			time.Sleep(time.Second)
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock(t, test.faults, actor.Config{HeartbeatInterval: time.Second, MaxPending: 8}, func(t *testing.T, srv *clocked, p *actor.Producer) {
				require.NoError(t, p.Ping())
				for began := time.Now(); time.Since(began) < 20*time.Second; {
					require.NoError(t, test.work(p))
				}
				synctest.Wait()
				sent, answered := beats(srv)
				require.GreaterOrEqual(t, sent, 19)
				require.Equal(t, sent, answered)
				require.EqualValues(t, 1, p.Stats().Connections)
			})
		})
	}
}

// An nsqd that has gone silent is found out by its heartbeats, and replaced; what was in flight is unknown.
func TestSilence(t *testing.T) {
	clock(t, nil, actor.Config{HeartbeatInterval: time.Second, ResponseTimeout: time.Minute}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		require.NoError(t, p.Publish("topic", []byte("body")))
		time.Sleep(5500 * ms) // the last heartbeat was at 5 s
		srv.Add(wiretest.OnCommand(wiretest.Every).Conn(1).Freeze())
		srv.Freeze()
		result := started(func() error { return p.Publish("topic", []byte("frozen")) })
		time.Sleep(1400 * ms)
		require.Len(t, srv.dials(), 1)
		pause, err := took(func() error { return <-result })
		require.Equal(t, 100*ms+100*ms, pause, "two intervals after the last heartbeat, and the last words")
		require.ErrorIs(t, err, actor.ErrConnectionLost)
		require.ErrorContains(t, err, "silent")
		require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
		synctest.Wait()
		require.Len(t, srv.dials(), 2)
		srv.Resume()
		require.NoError(t, p.Publish("topic", []byte("body")))
		require.EqualValues(t, 2, p.Stats().Connections)
	})
}

// ResponseTimeout replaces the connection, but not that of an nsqd which is slow and answers.
func TestResponseTimeout(t *testing.T) {
	t.Run("stalled", func(t *testing.T) {
		clock(t, []wiretest.Fault{wiretest.OnPublish(2).Conn(1).Stall()}, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
			require.NoError(t, p.Publish("topic", []byte("body")))
			pause, err := took(func() error { return p.Publish("topic", []byte("body")) })
			require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
			require.Equal(t, 5100*ms, pause)
			require.NoError(t, p.Publish("topic", []byte("body")))
			require.Len(t, srv.dials(), 2)
			require.Equal(t, 3, srv.MessageCount("topic"))
		})
	})
	// Writes that follow do not prolong the time of the oldest, however many the window lets go.
	t.Run("stalled under a trickle", func(t *testing.T) {
		faults := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Delay(5 * ms)}
		clock(t, faults, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
			require.NoError(t, p.Publish("topic", []byte("body")))
			srv.Stall()
			oldest := started(func() error { return p.Publish("topic", []byte("body")) })
			for range 5 {
				time.Sleep(900 * ms)
				require.NoError(t, p.TryPublishAsync("topic", []byte("body"), nil))
			}
			pause, err := took(func() error { return <-oldest })
			require.Equal(t, 600*ms, pause)
			require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
			synctest.Wait()
			require.EqualValues(t, 5, p.Stats().Unknown-1)
		})
	})
	t.Run("slow", func(t *testing.T) {
		clock(t, []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Busy(time.Second)}, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
			done := make(chan *actor.Transaction, 20)
			for range cap(done) {
				require.NoError(t, p.PublishAsync("topic", []byte("body"), done))
			}
			for range cap(done) {
				require.NoError(t, (<-done).Error)
			}
			require.Len(t, srv.dials(), 1)
		})
	})
}

// A connection that is given up is still read for its last words. A Ping in that time asks the next one.
func TestPingOnAConnectionThatIsGivenUp(t *testing.T) {
	cfg := actor.Config{ResponseTimeout: time.Second}
	clock(t, []wiretest.Fault{wiretest.OnPublish(1).Stall()}, cfg, func(t *testing.T, srv *clocked, p *actor.Producer) {
		require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
		time.Sleep(1050 * ms)
		require.Equal(t, state.Up, p.Stats().Link)
		srv.CloseListener()
		pause, err := took(p.Ping)
		require.ErrorIs(t, err, actor.ErrNotConnected)
		require.Equal(t, 50*ms, pause)
	})
}
