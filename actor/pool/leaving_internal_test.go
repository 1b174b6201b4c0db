package pool

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A member that leaves under a Try is not the pool's end.
func TestTryOfALeavingMember(t *testing.T) {
	a, b := wiretest.NewServer(), wiretest.NewServer()
	defer a.Close()
	defer b.Close()
	for _, keyed := range []bool{false, true} {
		for _, broken := range []bool{false, true} {
			p, err := New([]string{a.Addr}, nil)
			require.NoError(t, err)
			r := route{}
			if keyed {
				r = p.ForKey("k").route
			}
			done := make(chan *actor.Transaction, 1)
			left := false
			err = p.tryPublishAsync(r, func(m *actor.Producer) error {
				if !left { // the membership changes between choose and the offer
					left = true
					next, _ := p.join(p.members.Load(), b.Addr)
					next, parting := next.part(a.Addr)
					if broken {
						next.active[0].breakOff()
					}
					p.members.Store(next)
					parting[0].producer.Shutdown(context.Background())
				}
				return m.TryPublishAsync("t", []byte("x"), done)
			})
			if err != nil {
				t.Errorf("keyed %v, the other broken %v: %v of a pool that is %v", keyed, broken, err, p.phase.Load())
			}
			p.members.Load().all(func(m *member) { m.producer.Stop() })
		}
	}
}

// Who has left counts for what has ended there, although a caller is still inside.
func TestAccountOfOneThatHasLeft(t *testing.T) {
	a, b := wiretest.NewServer(), wiretest.NewServer()
	defer a.Close()
	defer b.Close()
	p, err := New([]string{a.Addr, b.Addr}, nil)
	require.NoError(t, err)
	defer p.Stop()
	require.NoError(t, p.Publish("t", []byte("x")))
	m := p.members.Load().active[0]
	a.Stall()
	quit := make(chan struct{})
	ended := make(chan struct{})
	go func() { // callers of the old membership, as they come by while it is replaced
		defer close(ended)
		for i := 0; i < 8; i++ {
			go func() {
				for {
					select {
					case <-quit:
						return
					default:
						m.producer.Publish("t", make([]byte, 1000))
					}
				}
			}()
		}
		<-quit
	}()
	time.Sleep(5 * time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m.producer.Shutdown(ctx)
	next, _ := p.members.Load().part(a.Addr)
	gone := next.bury(m).gone
	close(quit)
	<-ended
	require.Zero(t, gone.PendingBytes)
	require.Zero(t, gone.Pending)
}

// A member that leaves under a call is not the call's end.
func TestCallOfALeavingMember(t *testing.T) {
	a, b := wiretest.NewServer(), wiretest.NewServer()
	defer a.Close()
	defer b.Close()
	for _, async := range []bool{false, true} {
		p, err := New([]string{a.Addr}, nil)
		require.NoError(t, err)
		left := false
		leave := func(m *actor.Producer) {
			if !left {
				left = true
				next, _ := p.join(p.members.Load(), b.Addr)
				next, parting := next.part(a.Addr)
				p.members.Store(next)
				parting[0].producer.Shutdown(context.Background())
			}
		}
		if async {
			err = p.publishAsync(route{}, func(ctx context.Context, m *actor.Producer) error {
				leave(m)
				return m.PublishAsyncContext(ctx, "t", []byte("x"), nil)
			})
		} else {
			err = p.publish(context.Background(), route{}, func(m *actor.Producer) error {
				leave(m)
				return m.Publish("t", []byte("x"))
			})
		}
		require.NoError(t, err)
		p.members.Load().all(func(m *member) { m.producer.Stop() })
	}
	require.Equal(t, 2, b.MessageCount("t"))
}

// What a member hands back while the pool shuts down goes to its reader, who has until the bound is over.
func TestLastResultsWaitForTheirReader(t *testing.T) {
	for _, over := range []bool{false, true} {
		p, err := New([]string{"127.0.0.1:1"}, nil)
		require.NoError(t, err)
		m := p.members.Load().active[0]
		done := make(chan *actor.Transaction)
		require.NoError(t, m.producer.PublishAsync("t", []byte("x"), done))
		back := (<-m.producer.HandedBack())[0]
		p.phase.Advance(state.Idle, state.Closed)
		if over {
			p.bound.end()
		}
		through := make(chan struct{})
		go func() {
			defer close(through)
			p.rehome(m, back)
		}()
		if over {
			<-through
			require.EqualValues(t, 1, p.counts.dropped.Load())
		} else {
			require.ErrorIs(t, (<-done).Error, actor.ErrNotConnected)
			<-through
			require.Zero(t, p.counts.dropped.Load())
		}
		require.EqualValues(t, 1, p.counts.ended[actor.NotSent].Load())
		m.producer.Stop()
	}
}

// Results that a member drops as it leaves, since Shutdown's bound is over, are the pool's.
func TestRetiringCountsWhatIsDropped(t *testing.T) {
	srv := wiretest.NewServer()
	defer srv.Close()
	p, err := New([]string{srv.Addr}, nil)
	require.NoError(t, err)
	m := p.members.Load().active[0]
	require.NoError(t, m.producer.PublishAsync("t", []byte("x"), make(chan *actor.Transaction)))
	require.NoError(t, m.producer.Flush(context.Background()))
	p.bound.end()
	p.retire(m)
	require.Same(t, m, <-p.retired)
	require.EqualValues(t, 1, p.counts.dropped.Load())
}
