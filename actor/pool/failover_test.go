package pool_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// call is one of the ways to publish; each returns how it ended.
type call struct {
	name string
	do   func(p actor.Publisher, ctx context.Context, body []byte) error
}

// result waits for the one result of an asynchronous publish.
func result(publish func(done chan *actor.Transaction) error) error {
	done := make(chan *actor.Transaction, 2)
	if err := publish(done); err != nil {
		return err
	}
	r := <-done
	defer r.Release()
	if len(r.Args) != 2 || r.Args[0] != "a" || r.Args[1] != 2 {
		return fmt.Errorf("args %v", r.Args)
	}
	select {
	case <-done:
		return errors.New("two results")
	default:
		return r.Error
	}
}

var calls = []call{
	{"Publish", func(p actor.Publisher, _ context.Context, body []byte) error { return p.Publish("t", body) }},
	{"PublishContext", func(p actor.Publisher, ctx context.Context, body []byte) error {
		return p.PublishContext(ctx, "t", body)
	}},
	{"MultiPublish", func(p actor.Publisher, _ context.Context, body []byte) error {
		return p.MultiPublish("t", [][]byte{body})
	}},
	{"MultiPublishContext", func(p actor.Publisher, ctx context.Context, body []byte) error {
		return p.MultiPublishContext(ctx, "t", [][]byte{body})
	}},
	{"DeferredPublish", func(p actor.Publisher, _ context.Context, body []byte) error {
		return p.DeferredPublish("t", time.Second, body)
	}},
	{"DeferredPublishContext", func(p actor.Publisher, ctx context.Context, body []byte) error {
		return p.DeferredPublishContext(ctx, "t", time.Second, body)
	}},
	{"PublishAsync", func(p actor.Publisher, _ context.Context, body []byte) error {
		return result(func(done chan *actor.Transaction) error { return p.PublishAsync("t", body, done, "a", 2) })
	}},
	{"MultiPublishAsync", func(p actor.Publisher, _ context.Context, body []byte) error {
		return result(func(done chan *actor.Transaction) error {
			return p.MultiPublishAsync("t", [][]byte{body}, done, "a", 2)
		})
	}},
	{"DeferredPublishAsync", func(p actor.Publisher, _ context.Context, body []byte) error {
		return result(func(done chan *actor.Transaction) error {
			return p.DeferredPublishAsync("t", time.Second, body, done, "a", 2)
		})
	}},
	{"TryPublishAsync", func(p actor.Publisher, _ context.Context, body []byte) error {
		return result(func(done chan *actor.Transaction) error { return p.TryPublishAsync("t", body, done, "a", 2) })
	}},
}

// keyed makes a Keyed a Publisher, with the pool's other methods.
type keyed struct {
	*pool.Pool
	pool.Keyed
}

func (k keyed) Publish(topic string, body []byte) error { return k.Keyed.Publish(topic, body) }
func (k keyed) PublishContext(ctx context.Context, topic string, body []byte) error {
	return k.Keyed.PublishContext(ctx, topic, body)
}
func (k keyed) MultiPublish(topic string, bodies [][]byte) error {
	return k.Keyed.MultiPublish(topic, bodies)
}
func (k keyed) MultiPublishContext(ctx context.Context, topic string, bodies [][]byte) error {
	return k.Keyed.MultiPublishContext(ctx, topic, bodies)
}
func (k keyed) DeferredPublish(topic string, delay time.Duration, body []byte) error {
	return k.Keyed.DeferredPublish(topic, delay, body)
}
func (k keyed) DeferredPublishContext(ctx context.Context, topic string, delay time.Duration, body []byte) error {
	return k.Keyed.DeferredPublishContext(ctx, topic, delay, body)
}
func (k keyed) PublishAsync(topic string, body []byte, done chan *actor.Transaction, args ...any) error {
	return k.Keyed.PublishAsync(topic, body, done, args...)
}
func (k keyed) MultiPublishAsync(topic string, bodies [][]byte, done chan *actor.Transaction, args ...any) error {
	return k.Keyed.MultiPublishAsync(topic, bodies, done, args...)
}
func (k keyed) DeferredPublishAsync(topic string, delay time.Duration, body []byte, done chan *actor.Transaction, args ...any) error {
	return k.Keyed.DeferredPublishAsync(topic, delay, body, done, args...)
}
func (k keyed) TryPublishAsync(topic string, body []byte, done chan *actor.Transaction, args ...any) error {
	return k.Keyed.TryPublishAsync(topic, body, done, args...)
}

// What one nsqd certainly did not store another one stores, whatever the call, and nobody hears of it.
func TestMovesOn(t *testing.T) {
	refuses := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Error(wire.CodePubFailed, "disk full")}
	away := []wiretest.Fault{wiretest.OnAccept().Close()}
	for trouble, faults := range map[string][]wiretest.Fault{"refuses": refuses, "closes": away, "does not listen": nil} {
		for _, call := range calls {
			for _, withKey := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, key %v", trouble, call.name, withKey), func(t *testing.T) {
					c := newCrew(t, 2, nil, [][]wiretest.Fault{faults})
					if faults == nil {
						c.nsqds[0].CloseListener()
					}
					for i := range 20 {
						var p actor.Publisher = c.Pool
						if withKey {
							p = keyed{c.Pool, c.ForKey(fmt.Sprint(i))}
						}
						require.NoError(t, call.do(p, within(t), name(i)))
					}
					require.Equal(t, []int{0, 20}, c.stored())
					s := c.Stats()
					require.EqualValues(t, 20, s.Acked)
					require.NotZero(t, s.Moved)
					require.Equal(t, state.Broken, s.Nodes[0].Breaker)
					require.Less(t, s.Nodes[0].Submitted, uint64(20), "it is avoided")
					requireAddsUp(t, s)
				})
			}
		}
	}
}

// Where nobody takes a publish, each call ends as with a Producer.
func TestNobodyTakesIt(t *testing.T) {
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			c := newCrew(t, 3, nil, nil)
			for _, srv := range c.nsqds {
				srv.CloseListener()
			}
			for i := range 5 {
				err := call.do(c.Pool, within(t), name(i))
				require.ErrorIs(t, err, actor.ErrNotConnected)
				require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			}
			require.NoError(t, c.Flush(within(t)))
			s := c.Stats()
			require.EqualValues(t, 5, s.NotSent)
			require.LessOrEqual(t, s.Moved, uint64(5*3), "each has been tried, and no more")
			require.GreaterOrEqual(t, s.Moved, uint64(5*2))
			requireAddsUp(t, s)
		})
	}
}

// All refuse for troubles of their own: the answer is theirs.
func TestAllRefuse(t *testing.T) {
	full := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Error(wire.CodePubFailed, "disk full")}
	for _, call := range calls {
		c := newCrew(t, 2, &actor.Config{BackoffMax: 100 * time.Millisecond}, [][]wiretest.Fault{full, full})
		err := call.do(c.Pool, within(t), []byte("x"))
		require.Contains(t, []actor.Outcome{actor.Refused, actor.NotSent}, actor.OutcomeOf(err), call.name)
		require.ErrorContains(t, err, "disk full", call.name)
		require.Zero(t, sum(c.stored()))
		c.Stop()
		requireAddsUp(t, c.Stats())
	}
}

// What is the publish's own fault is told, and tried nowhere else.
func TestGuiltyIsNotMoved(t *testing.T) {
	guilty := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Error(wire.CodeBadTopic, "no")}
	for _, call := range calls {
		c := newCrew(t, 2, nil, [][]wiretest.Fault{guilty, guilty})
		err := call.do(c.Pool, within(t), []byte("x"))
		require.Equal(t, actor.Refused, actor.OutcomeOf(err), call.name)
		require.Zero(t, c.Stats().Moved, call.name)
		for _, node := range c.Stats().Nodes {
			require.Equal(t, state.Trusted, node.Breaker, call.name)
		}
		c.Stop()
	}
}

// An answer that is missing leaves a publish unknown, or, under RetryUnknown, is looked for elsewhere.
func TestUnknown(t *testing.T) {
	swallows := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Silence(), wiretest.OnPublish(wiretest.Every).Answered().Close()}
	for _, call := range calls {
		for _, retry := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, RetryUnknown %v", call.name, retry), func(t *testing.T) {
				c := newCrew(t, 2, &actor.Config{RetryUnknown: retry}, [][]wiretest.Fault{swallows}, pool.WithMode(pool.Primary))
				err := call.do(c.Pool, within(t), []byte("x"))
				if !retry {
					require.ErrorIs(t, err, actor.ErrConnectionLost)
					require.Equal(t, []int{1, 0}, c.stored())
					require.Zero(t, c.Stats().Moved)
					require.EqualValues(t, 1, c.Stats().Unknown)
				} else {
					require.NoError(t, err)
					require.Equal(t, []int{1, 1}, c.stored(), "twice")
					require.EqualValues(t, 1, c.Stats().Acked)
					require.EqualValues(t, 1, c.Stats().Moved)
				}
				requireAddsUp(t, c.Stats())
			})
		}
	}
}

// What one nsqd may have stored stays in doubt when the others only say no.
func TestDoubtStays(t *testing.T) {
	swallows := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Silence(), wiretest.OnPublish(wiretest.Every).Answered().Close()}
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			c := newCrew(t, 2, &actor.Config{RetryUnknown: true}, [][]wiretest.Fault{swallows}, pool.WithMode(pool.Primary))
			c.nsqds[1].CloseListener()
			c.nsqds[0].Add(wiretest.OnPublish(1).Do(c.nsqds[0].CloseListener))
			err := call.do(c.Pool, within(t), []byte("x"))
			require.Equal(t, actor.Unknown, actor.OutcomeOf(err), "%v", err)
			require.ErrorIs(t, err, actor.ErrConnectionLost)
			require.NotErrorIs(t, err, actor.ErrNotConnected, "that would imply not sent")
			require.Equal(t, []int{1, 0}, c.stored())
			s := c.Stats()
			requireAddsUp(t, s)
		})
	}
}

func TestContextEndsTheSearch(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{WaitConnected: true}, nil)
	for _, srv := range c.nsqds {
		srv.CloseListener()
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err := c.PublishContext(ctx, "t", []byte("x"))
	assert.Less(t, time.Since(began), time.Second)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
	require.ErrorIs(t, c.PingContext(ctx), context.DeadlineExceeded)
	require.ErrorIs(t, c.Publish("t", []byte("x")), actor.ErrNotConnected, "it has no context that could end the waiting")

	results := make(chan error, 20)
	for range 10 {
		go func() { results <- c.PublishContext(within(t), "t", []byte("x")) }()
		go func() { results <- c.PingContext(within(t)) }()
	}
	require.NoError(t, c.nsqds[1].Listen())
	for range 20 {
		require.NoError(t, <-results)
	}
	require.Equal(t, []int{0, 10}, c.stored())
	requireAddsUp(t, c.Stats())
}

func TestOneAddress(t *testing.T) {
	c := newCrew(t, 1, nil, nil)
	for i, call := range calls {
		require.NoError(t, call.do(c.Pool, within(t), []byte("x")), call.name)
		c.nsqds[0].CloseAll()
		require.NoError(t, c.nsqds[0].WaitCommands(within(t), 1+2*(i+1)), "it connects again by itself: IDENTIFY")
	}
	require.Equal(t, []int{len(calls)}, c.stored())
	requireAddsUp(t, c.Stats())
}
