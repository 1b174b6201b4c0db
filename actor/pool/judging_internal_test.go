package pool

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A goroutine that was held up between clock and since.
func TestGradeOfOneThatHasJustBegunToProveItself(t *testing.T) {
	p, err := New([]string{"127.0.0.1:1"}, nil)
	require.NoError(t, err)
	defer p.Stop()
	m := p.members.Load().active[0]
	m.breaker.Break()
	m.since.Store(p.clock() + int64(2*proveStep)) // as the keeper sets it while grade sleeps behind its look at the clock
	m.breaker.Advance(state.Broken, state.Proving)
	require.NotPanics(t, func() { m.grade(p) })
}

// The tally of a Shutdown that begins while a call is between two members.
func TestTallyOfACallBetweenMembers(t *testing.T) {
	a, b := wiretest.NewServer(), wiretest.NewServer()
	defer a.Close()
	defer b.Close()
	a.CloseListener()
	p, err := New([]string{a.Addr, b.Addr}, nil, WithMode(Primary))
	require.NoError(t, err)
	tallies := make(chan actor.Tally)
	err = p.publish(context.Background(), route{}, func(m *actor.Producer) error {
		err := m.Publish("t", []byte("x"))
		if err != nil { // counted there, and not moved on yet
			go func() {
				tally, _ := p.Shutdown(context.Background())
				tallies <- tally
			}()
			<-p.stopping
		}
		return err
	})
	require.Equal(t, actor.Tally{Acked: 1}, <-tallies, "%v", err)
	require.NoError(t, err)
}

// The tally of a Shutdown that begins while a member has counted a refusal, and the call has not told it as doubt yet.
func TestTallyOfARefusalThatBecomesDoubt(t *testing.T) {
	swallows := wiretest.NewServer(wiretest.OnPublish(wiretest.Every).Silence(), wiretest.OnPublish(wiretest.Every).Answered().Close())
	refuses := wiretest.NewServer(wiretest.OnPublish(wiretest.Every).Error(wire.CodeBadTopic, "no"))
	defer swallows.Close()
	defer refuses.Close()
	p, err := New([]string{swallows.Addr, refuses.Addr}, &actor.Config{RetryUnknown: true}, WithMode(Primary))
	require.NoError(t, err)
	tallies := make(chan actor.Tally)
	err = p.publish(context.Background(), route{}, func(m *actor.Producer) error {
		err := m.Publish("t", []byte("x"))
		if actor.OutcomeOf(err) == actor.Refused {
			go func() {
				tally, _ := p.Shutdown(context.Background())
				tallies <- tally
			}()
			<-p.stopping
		}
		return err
	})
	require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
	require.Equal(t, actor.Tally{Unknown: 1}, <-tallies)
}

// Who looks before he waits does not wait past a member that can be had.
func TestAwaitsNothingThatIsThere(t *testing.T) {
	p, err := New([]string{"127.0.0.1:1"}, nil)
	require.NoError(t, err)
	defer p.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	require.NoError(t, p.awaitBetter(ctx))
}

// The breaker's pauses double, from failure to failure.
func TestPausesDouble(t *testing.T) {
	p, err := New([]string{"127.0.0.1:1"}, nil)
	require.NoError(t, err)
	defer p.Stop()
	m := p.members.Load().active[0]
	l := &limits{patience: time.Second, shortest: 10 * time.Millisecond, longest: 50 * time.Millisecond}
	for _, want := range []time.Duration{10, 20, 40, 50, 50} {
		m.breakOff()
		m.noticed = false
		require.False(t, m.look(l, 1000))
		require.Equal(t, want*time.Millisecond, m.pause)
		require.GreaterOrEqual(t, m.until, 1000+int64(m.pause/2))
		require.LessOrEqual(t, m.until, 1000+int64(m.pause))
	}
	require.Equal(t, state.Broken, m.breaker.Load())
}

// The keeper's limits are the Config's, and where that has none, its defaults.
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		cfg  actor.Config
		want limits
	}{
		{actor.Config{}, limits{500 * time.Millisecond, 50 * time.Millisecond, 5 * time.Second}},
		{actor.Config{ResponseTimeout: time.Minute, BackoffMax: time.Second}, limits{6 * time.Second, 50 * time.Millisecond, time.Second}},
		{actor.Config{ResponseTimeout: time.Millisecond}, limits{100 * time.Millisecond, 50 * time.Millisecond, 5 * time.Second}},
		{actor.Config{BackoffMin: 10 * time.Second}, limits{500 * time.Millisecond, 10 * time.Second, 10 * time.Second}},
	} {
		p, err := New([]string{"127.0.0.1:1"}, &c.cfg)
		require.NoError(t, err)
		k := newKeeper(p)
		k.ask.Stop()
		require.Equal(t, c.want, k.limits)
		p.Stop()
	}
}

// A broken member proves itself when it is up, and not before who broke it has told those who wait for room there.
func TestProvesItselfWhenItCan(t *testing.T) {
	srv := wiretest.NewServer()
	defer srv.Close()
	p, err := New([]string{srv.Addr}, nil)
	require.NoError(t, err)
	m := p.members.Load().active[0]
	defer m.producer.Stop()
	l := &limits{patience: time.Hour, shortest: time.Millisecond, longest: time.Millisecond}
	now := int64(time.Second)
	require.True(t, m.breaker.Break()) // half of breakOff
	require.False(t, m.look(l, now))
	now += int64(time.Second) // the pause is over
	m.whole.Load().end()
	require.False(t, m.look(l, now), "it is not connected")
	m.whole.Store(newSpan())
	require.NoError(t, m.producer.Ping())
	require.False(t, m.look(l, now), "its span lasts")
	require.Equal(t, state.Broken, m.breaker.Load())
	m.whole.Load().end()
	require.True(t, m.look(l, now))
	require.Equal(t, state.Proving, m.breaker.Load())
	require.NoError(t, m.whole.Load().Err())
	require.False(t, m.look(l, now+int64(proveFor)-1))
	require.Equal(t, state.Proving, m.breaker.Load())
	require.NotZero(t, m.pause)
	require.False(t, m.look(l, now+int64(proveFor)))
	require.Equal(t, state.Trusted, m.breaker.Load())
	require.Zero(t, m.pause, "the next one is the shortest again")
	m.breakOff()
	now += 2 * int64(proveFor)
	require.False(t, m.look(l, now), "there is a next one")
	require.Greater(t, m.until, now)
	require.Equal(t, l.shortest, m.pause)
}

// What was unanswered before the keeper began to count does not count.
func TestCountsFromProgress(t *testing.T) {
	srv := wiretest.NewServer()
	defer srv.Close()
	p, err := New([]string{srv.Addr}, nil)
	require.NoError(t, err)
	m := p.members.Load().active[0]
	defer m.producer.Stop()
	require.NoError(t, m.producer.Ping())
	srv.Stall()
	defer srv.Resume()
	require.NoError(t, m.producer.PublishAsync("t", []byte("x"), nil))
	require.Eventually(t, func() bool { return m.producer.Stats().Oldest > time.Millisecond }, 10*time.Second, time.Millisecond)
	l := &limits{patience: time.Millisecond, shortest: time.Second, longest: time.Second}
	m.progress = int64(time.Hour)
	m.look(l, m.progress+int64(l.patience))
	require.Equal(t, state.Trusted, m.breaker.Load())
	m.look(l, m.progress+int64(l.patience)+1)
	require.Equal(t, state.Broken, m.breaker.Load())
}

// A keeper that was not run for a while blames nobody for what was not answered meanwhile.
func TestKeeperThatWasLate(t *testing.T) {
	srv := wiretest.NewServer(wiretest.OnAccept().Freeze())
	defer srv.Close()
	for _, late := range []bool{false, true} {
		p, err := New([]string{srv.Addr}, nil)
		require.NoError(t, err)
		p.began = time.Now().Add(-time.Hour)
		m := p.members.Load().active[0]
		require.NoError(t, m.producer.PublishAsync("t", []byte("x"), nil))
		k := newKeeper(p)
		k.ask.Stop()
		k.limits.patience = time.Minute // and nothing was answered for an hour
		k.looked = p.clock()
		if late {
			k.looked -= int64(time.Minute)
		}
		k.look()
		require.Equal(t, late, m.breaker.Load() == state.Trusted)
		over, cancel := context.WithCancel(context.Background())
		cancel()
		m.producer.Shutdown(over)
	}
}

// A call whose second nsqd has no room until its context ends was not moved on.
func TestCallThatFindsNoRoom(t *testing.T) {
	srv := wiretest.NewServer()
	defer srv.Close()
	p, err := New([]string{"127.0.0.1:1", srv.Addr}, &actor.Config{MaxPending: 1}, WithMode(Primary))
	require.NoError(t, err)
	defer p.Stop()
	srv.Stall()
	require.NoError(t, p.members.Load().active[1].producer.PublishAsync("t", []byte("x"), nil))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.PublishContext(ctx, "t", []byte("x")), context.DeadlineExceeded)
	s := p.Stats()
	require.EqualValues(t, 1, s.Nodes[0].HandedBack)
	require.EqualValues(t, 2, s.Submitted)
	require.EqualValues(t, 1, s.NotSent)
	require.Zero(t, s.Moved)
	srv.Resume()
}

// Flush waits for what a member has handed back and nobody has taken up yet.
func TestFlushWaitsForTheMover(t *testing.T) {
	p, err := New([]string{"127.0.0.1:1"}, nil)
	require.NoError(t, err)
	m := p.members.Load().active[0] // without a keeper it has no mover
	defer m.producer.Stop()
	done := make(chan *actor.Transaction, 1)
	require.NoError(t, m.producer.PublishAsync("t", []byte("x"), done))
	back := (<-m.producer.HandedBack())[0]
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	failed := p.flush(ctx)
	require.ErrorIs(t, failed, context.DeadlineExceeded)
	require.EqualError(t, failed, "Flush at 127.0.0.1:1: context deadline exceeded")
	p.phase.Advance(state.Idle, state.Closed)
	p.rehome(m, back)
	require.NoError(t, p.flush(context.Background()))
	require.ErrorIs(t, (<-done).Error, actor.ErrNotConnected)
}
