package actor_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest"
)

// forms are the calls that a context bounds, each with one message.
var forms = []struct {
	name string
	call func(p *actor.Producer, ctx context.Context, body []byte) error
}{
	{"Publish", func(p *actor.Producer, ctx context.Context, body []byte) error {
		return p.PublishContext(ctx, "topic", body)
	}},
	{"MultiPublish", func(p *actor.Producer, ctx context.Context, body []byte) error {
		return p.MultiPublishContext(ctx, "topic", [][]byte{body})
	}},
	{"DeferredPublish", func(p *actor.Producer, ctx context.Context, body []byte) error {
		return p.DeferredPublishContext(ctx, "topic", time.Second, body)
	}},
}

// lateness is how long after its context's end a call may return on a machine that has other things to do. Where calls return
// exactly then is proved in fake time.
const lateness = time.Second

// bounded makes a call with a context that ends soon, and checks that the call ends by it, with this outcome.
func bounded(t *testing.T, outcome actor.Outcome, call func(context.Context) error) {
	t.Helper()
	soon := 30 * time.Millisecond
	if outcome == actor.Unknown {
		soon *= 10 // by then it must have been written, on a machine that has other things to do
	}
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	err := receive(t, started(func() error { return call(ctx) }))
	end, _ := ctx.Deadline()
	require.Less(t, time.Since(end), lateness)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, outcome, actor.OutcomeOf(err), "%v", err)
}

func TestEndedContextSendsNothing(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	refused := func(before actor.Stats) {
		for _, form := range forms {
			for _, ctx := range []context.Context{cancelled, late} {
				err := form.call(p, ctx, []byte("body"))
				require.Equal(t, &actor.Error{Op: form.name, Topic: "topic", Addr: srv.Addr, Outcome: actor.NotSent, Err: ctx.Err()}, err)
			}
		}
		require.Equal(t, before, p.Stats())
	}
	refused(actor.Stats{})
	require.Zero(t, srv.Stats().Conns)
	require.NoError(t, p.Ping())
	refused(p.Stats())
	require.NoError(t, p.Publish("topic", []byte("body")))
	require.Equal(t, 2, srv.Stats().Commands, "IDENTIFY and the last publish")
}

// A context bounds the whole call, whatever holds it up. Where nothing was written the outcome is not sent.
func TestContextBoundsWhatWasNotWritten(t *testing.T) {
	leak.Check(t)
	for _, hold := range []struct {
		name string
		up   func(t *testing.T) *actor.Producer
	}{
		{"dialling", func(t *testing.T) *actor.Producer {
			return newProducer(t, "nsqd.invalid:4150", &actor.Config{Dial: newBarrier().dial, DialTimeout: patience})
		}},
		{"dialling by a hook that ignores its context", func(t *testing.T) *actor.Producer {
			forever := make(chan struct{})
			t.Cleanup(func() { close(forever) })
			return newProducer(t, "nsqd.invalid:4150", &actor.Config{DialTimeout: time.Millisecond, Dial: func(context.Context, string, string) (net.Conn, error) {
				<-forever
				return nil, net.ErrClosed
			}})
		}},
		{"a hung handshake", func(t *testing.T) *actor.Producer {
			return newProducer(t, newDouble(t, wiretest.OnAccept().Freeze()).Addr, nil)
		}},
		{"half a handshake", func(t *testing.T) *actor.Producer {
			return newProducer(t, newDouble(t, wiretest.OnIdentify().Answer([]byte{0, 0, 1})).Addr, nil)
		}},
		{"no place among the pending", func(t *testing.T) *actor.Producer {
			p := newProducer(t, "nsqd.invalid:4150", &actor.Config{Dial: newBarrier().dial, DialTimeout: patience, MaxPending: 1})
			require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
			return p
		}},
		{"no place among the pending bytes", func(t *testing.T) *actor.Producer {
			p := newProducer(t, "nsqd.invalid:4150", &actor.Config{Dial: newBarrier().dial, DialTimeout: patience, MaxPendingBytes: 15})
			require.NoError(t, p.PublishAsync("topic", []byte("0123456789ab"), nil))
			return p
		}},
		{"a line of those that wait for room", func(t *testing.T) *actor.Producer {
			srv := newDouble(t)
			srv.Stall()
			p := newProducer(t, srv.Addr, &actor.Config{MaxPending: 1})
			require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
			for range 3 {
				go p.Publish("topic", []byte("body"))
			}
			until(t, "three wait", func() bool { return leak.GoroutinesIn("(*gate).enter") == 3 })
			return p
		}},
		{"a down producer that may wait", func(t *testing.T) *actor.Producer {
			srv := newDouble(t)
			srv.CloseListener()
			return newProducer(t, srv.Addr, &actor.Config{WaitConnected: true, Dial: srv.Dial})
		}},
		{"a large message before it", func(t *testing.T) *actor.Producer {
			srv := newDouble(t)
			p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial})
			require.NoError(t, p.Ping())
			srv.StopReading()
			require.NoError(t, p.PublishAsync("topic", make([]byte, 1<<20), nil))
			return p
		}},
	} {
		for _, form := range forms {
			t.Run(hold.name+"/"+form.name, func(t *testing.T) {
				p := hold.up(t)
				bounded(t, actor.NotSent, func(ctx context.Context) error { return form.call(p, ctx, []byte("body")) })
				requireBooks(t, p)
				require.Zero(t, p.Stats().Unknown)
			})
		}
	}
}

func TestContextBoundsPing(t *testing.T) {
	leak.Check(t)
	p := newProducer(t, newDouble(t, wiretest.OnAccept().Freeze()).Addr, nil)
	bounded(t, actor.NotSent, p.PingContext)
	require.Zero(t, p.Stats().Submitted)
}

func TestContextBoundsFlush(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	srv.Stall()
	p := newProducer(t, srv.Addr, nil)
	require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
	bounded(t, actor.Unknown, p.Flush)
	srv.Resume()
	require.NoError(t, p.Flush(testContext(t)))
	require.EqualValues(t, 1, p.Stats().Acked)
}

// What was written and not answered is unknown, and has been stored here.
func TestContextBoundsWhatWasWritten(t *testing.T) {
	leak.Check(t)
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			srv := newDouble(t)
			p := newProducer(t, srv.Addr, nil)
			require.NoError(t, p.Ping())
			srv.Stall()
			bounded(t, actor.Unknown, func(ctx context.Context) error { return form.call(p, ctx, []byte("body")) })

			ctx, cancel := context.WithCancel(context.Background())
			result := started(func() error { return form.call(p, ctx, []byte("body")) })
			require.NoError(t, srv.WaitMessages(testContext(t), 2))
			cancel()
			end := time.Now()
			err := receive(t, result)
			require.Less(t, time.Since(end), lateness)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, actor.Unknown, actor.OutcomeOf(err))

			srv.Resume()
			require.NoError(t, p.Publish("after", []byte("body")), "the answers that nobody waits for are not this one's")
			require.Equal(t, 2, srv.MessageCount("topic"))
			require.EqualValues(t, 2, p.Stats().Unknown)
			requireBooks(t, p)
		})
	}
}

// A stalled nsqd under many calls, one after the other: each outcome must be true of what has been stored in the end.
func TestOutcomesUnderAStallAreTrue(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	require.NoError(t, p.Ping())
	srv.Stall()
	outcomes := make(map[string]actor.Outcome)
	for i := range 60 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
		body := fmt.Sprint(i)
		outcomes[body] = actor.OutcomeOf(forms[i%len(forms)].call(p, ctx, []byte(body)))
		cancel()
	}
	srv.Resume()
	require.NoError(t, p.Publish("after", []byte("body")))
	stored := make(map[string]bool)
	for _, m := range srv.Messages() {
		if m.Topic == "topic" {
			require.False(t, stored[string(m.Body)], "twice: %s", m.Body)
			stored[string(m.Body)] = true
		}
	}
	require.NotEmpty(t, stored)
	for body, outcome := range outcomes {
		switch outcome {
		case actor.NotSent:
			require.False(t, stored[body], body)
		case actor.Unknown:
			require.True(t, stored[body], "the connection lasted, so that what was taken has arrived: %s", body)
		default:
			require.Fail(t, "neither", "%s: %v", body, outcome)
		}
	}
}

// A write that nsqd does not take holds up nobody beyond his context: unknown is what was being written, not sent the rest.
func TestContextBoundsABlockedWrite(t *testing.T) {
	leak.Check(t)
	const large = 8 << 20 // more than the path buffers
	srv := wiretest.Config{MaxMsgSize: large, MaxBodySize: 2 * large, Buffer: 64 << 10, Discard: true}.NewServer()
	t.Cleanup(srv.Close)
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			writing := make(chan struct{}, 1)
			p := newProducer(t, srv.Addr, &actor.Config{MaxMsgSize: large, MaxBodySize: 2 * large, WriteTimeout: patience,
				Dial: tapped(func(conn net.Conn, b []byte) (int, error) {
					n, err := conn.Write(b)
					if n < len(b) {
						select {
						case writing <- struct{}{}:
						default:
						}
					}
					return n, err
				})})
			require.NoError(t, p.Ping())
			srv.StopReading()
			t.Cleanup(srv.Resume)
			before := srv.Stats().Messages
			ctx, cancel := context.WithCancel(context.Background())
			first := started(func() error { return form.call(p, ctx, make([]byte, large)) })
			receive(t, writing)
			rest := make(chan error, 3)
			for range cap(rest) {
				go func() { rest <- form.call(p, ctx, []byte("body")) }()
			}
			waitingCallers(t, 4)

			cancel()
			end := time.Now()
			err := receive(t, first)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, actor.Unknown, actor.OutcomeOf(err))
			for range cap(rest) {
				err := receive(t, rest)
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			}
			require.Less(t, time.Since(end), lateness)

			srv.Resume()
			require.NoError(t, p.Publish("after", []byte("body")))
			require.Equal(t, before+2, srv.Stats().Messages, "what had begun goes to its end")
			require.EqualValues(t, 1, p.Stats().Connections)
			requireBooks(t, p)
		})
	}
}

// lateContext ends when await asks for its end, and not before the result is there: the caller finds both.
type lateContext struct {
	context.Context
	over chan struct{}
	end  func()
}

func (c *lateContext) Done() <-chan struct{} {
	c.end()
	return c.over
}

func (c *lateContext) Err() error {
	select {
	case <-c.over:
		return context.Canceled
	default:
		return nil
	}
}

func TestResultWinsOverContext(t *testing.T) {
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, nil)
	for i := range 200 {
		ctx := &lateContext{Context: context.Background(), over: make(chan struct{})}
		ctx.end = sync.OnceFunc(func() {
			until(t, "the result is there", func() bool { return p.Stats().Acked == uint64(i+1) })
			close(ctx.over)
		})
		require.NoError(t, forms[i%len(forms)].call(p, ctx, []byte("body")))
		require.ErrorIs(t, ctx.Err(), context.Canceled, "it was over before the call returned")
	}
}
