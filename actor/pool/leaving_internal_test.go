package pool

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
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
			_ = time.Now
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
