package actor_test

import (
	"context"
	"io"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// requireStopped checks that the producer is through, for whoever calls it.
func requireStopped(t *testing.T, p *actor.Producer) {
	t.Helper()
	s := p.Stats()
	require.Equal(t, state.Closed, s.Phase)
	require.Equal(t, state.Unlinked, s.Link)
	require.Zero(t, s.Pending)
	require.Zero(t, s.PendingBytes)
	require.Zero(t, s.Undelivered)
	done := make(chan *actor.Transaction, 1)
	ctx, body := context.Background(), []byte("body")
	for name, err := range map[string]error{
		"Publish":                p.Publish("topic", body),
		"PublishContext":         p.PublishContext(ctx, "topic", body),
		"MultiPublish":           p.MultiPublish("topic", [][]byte{body}),
		"MultiPublishContext":    p.MultiPublishContext(ctx, "topic", [][]byte{body}),
		"DeferredPublish":        p.DeferredPublish("topic", 0, body),
		"DeferredPublishContext": p.DeferredPublishContext(ctx, "topic", 0, body),
		"PublishAsync":           p.PublishAsync("topic", body, done),
		"forgotten":              p.PublishAsync("topic", body, nil),
		"MultiPublishAsync":      p.MultiPublishAsync("topic", [][]byte{body}, done),
		"DeferredPublishAsync":   p.DeferredPublishAsync("topic", 0, body, done),
		"TryPublishAsync":        p.TryPublishAsync("topic", body, done),
		"Ping":                   p.Ping(),
		"PingContext":            p.PingContext(ctx),
	} {
		require.True(t, err == actor.ErrStopped, "%s: %v", name, err)
	}
	require.NoError(t, p.Flush(ctx))
	require.Empty(t, done)
	require.Equal(t, s, p.Stats(), "what comes too late is not counted")
}

// situation is where Stop comes in.
type situation struct {
	name   string
	make   func(t *testing.T) *actor.Producer // with what is pending
	within time.Duration                      // how long Stop, which has 5 s, takes at most
	ends   actor.Stats                        // how the pending ended; the rest of Stats is not looked at
}

func situations() []situation {
	dialling := func(t *testing.T) *actor.Producer {
		door := newBarrier()
		p := newProducer(t, "nsqd.invalid:4150", &actor.Config{Dial: door.dial, DialTimeout: 100 * time.Millisecond})
		require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
		receive(t, door.asked)
		return p
	}
	return []situation{
		{"never used", func(t *testing.T) *actor.Producer {
			return newProducer(t, "nsqd.invalid:4150", nil)
		}, lateness, actor.Stats{}},
		{"idle", func(t *testing.T) *actor.Producer {
			p := newProducer(t, newDouble(t).Addr, nil)
			require.NoError(t, p.Publish("topic", []byte("body")))
			return p
		}, lateness, actor.Stats{Submitted: 1, Acked: 1}},
		{"idle, nsqd frozen", func(t *testing.T) *actor.Producer {
			srv := newDouble(t)
			p := newProducer(t, srv.Addr, nil)
			require.NoError(t, p.Publish("topic", []byte("body")))
			srv.Freeze()
			return p
		}, 500*time.Millisecond + lateness, actor.Stats{Submitted: 1, Acked: 1}},
		{"a dial under way", dialling, 100*time.Millisecond + lateness, actor.Stats{Submitted: 1, NotSent: 1}},
		{"a dial under way that nobody waits for", func(t *testing.T) *actor.Producer {
			door := newBarrier()
			p := newProducer(t, "nsqd.invalid:4150", &actor.Config{Dial: door.dial, DialTimeout: patience})
			bounded(t, actor.NotSent, p.PingContext)
			return p
		}, lateness, actor.Stats{}},
		{"a hung handshake", func(t *testing.T) *actor.Producer {
			srv := newDouble(t, wiretest.OnAccept().Freeze())
			p := newProducer(t, srv.Addr, &actor.Config{HandshakeTimeout: 100 * time.Millisecond})
			require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
			require.NoError(t, srv.WaitConns(testContext(t), 1))
			return p
		}, 100*time.Millisecond + lateness, actor.Stats{Submitted: 1, NotSent: 1}},
		{"a pause between attempts", func(t *testing.T) *actor.Producer {
			srv := newDouble(t)
			srv.CloseListener()
			p := newProducer(t, srv.Addr, &actor.Config{BackoffMin: time.Minute, BackoffMax: time.Minute})
			require.ErrorIs(t, p.Publish("topic", []byte("body")), actor.ErrNotConnected)
			return p
		}, lateness, actor.Stats{Submitted: 1, NotSent: 1}},
		{"a blocked write", func(t *testing.T) *actor.Producer {
			srv := newDouble(t)
			p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial, WriteTimeout: 200 * time.Millisecond, HandshakeTimeout: 100 * time.Millisecond})
			require.NoError(t, p.Ping())
			srv.StopReading()
			for range 3 {
				require.NoError(t, p.PublishAsync("topic", make([]byte, 100_000), nil))
			}
			return p
		}, 400*time.Millisecond + lateness, actor.Stats{Submitted: 3, NotSent: 3}},
		{"no answers", func(t *testing.T) *actor.Producer {
			srv := newDouble(t, wiretest.OnPublish(1).Stall())
			p := newProducer(t, srv.Addr, &actor.Config{ResponseTimeout: 100 * time.Millisecond})
			require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
			require.NoError(t, srv.WaitMessages(testContext(t), 1))
			return p
		}, 200*time.Millisecond + lateness, actor.Stats{Submitted: 1, Unknown: 1}},
		{"slow answers", func(t *testing.T) *actor.Producer {
			srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Delay(50*time.Millisecond))
			p := newProducer(t, srv.Addr, nil)
			for range 100 {
				require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
			}
			return p
		}, time.Second, actor.Stats{Submitted: 100, Acked: 100}},
	}
}

func requireEnds(t *testing.T, p *actor.Producer, want actor.Stats) {
	t.Helper()
	s := p.Stats()
	require.Equal(t, want, actor.Stats{Submitted: s.Submitted, Acked: s.Acked, Refused: s.Refused, NotSent: s.NotSent, Unknown: s.Unknown})
}

func TestStopEndsWhateverIsUnderWay(t *testing.T) {
	leak.Check(t)
	for _, s := range situations() {
		t.Run(s.name, func(t *testing.T) {
			p := s.make(t)
			began := time.Now()
			p.Stop()
			require.Less(t, time.Since(began), s.within)
			requireEnds(t, p, s.ends)
			requireStopped(t, p)
			p.Stop()
			requireStopped(t, p)
		})
	}
}

func TestManyStopsAtOnce(t *testing.T) {
	leak.Check(t)
	for _, s := range situations() {
		t.Run(s.name, func(t *testing.T) {
			p := s.make(t)
			began := time.Now()
			stops := make(chan state.Phase, 16)
			for range cap(stops) {
				go func() {
					p.Stop()
					stops <- p.Stats().Phase
				}()
			}
			for range cap(stops) {
				require.Equal(t, state.Closed, receive(t, stops), "each returns when all is through")
			}
			require.Less(t, time.Since(began), s.within)
			requireEnds(t, p, s.ends)
			requireStopped(t, p)
		})
	}
}

// A Shutdown whose context has ended already takes what is there, in any situation, and cuts off a Stop that waits.
func TestShutdownAtOnce(t *testing.T) {
	leak.Check(t)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for _, s := range situations() {
		t.Run(s.name, func(t *testing.T) {
			p := s.make(t)
			before := p.Stats()
			stopped := started(func() bool { p.Stop(); return true })
			began := time.Now()
			tally, err := p.Shutdown(over)
			require.Less(t, time.Since(began), lateness)
			receive(t, stopped)
			if err != nil {
				require.Equal(t, context.Canceled, err)
			} else {
				require.Zero(t, tally.NotSent)
				require.Zero(t, tally.Unknown)
			}
			require.Equal(t, before.Pending, tally.Acked+tally.Refused+tally.NotSent+tally.Unknown, "%+v", tally)
			requireBooks(t, p)
			requireStopped(t, p)
			again, errAgain := p.Shutdown(context.Background())
			require.Equal(t, tally, again)
			require.Equal(t, err, errAgain)
		})
	}
}

// The tally is of all that was pending when Shutdown began, by how it ended, and of nothing that ended before.
func TestTallyOfEveryOutcome(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnPublish(4).Conn(2).Error("E_BAD_TOPIC", "no"), wiretest.OnPublish(1).Through(2).Conn(3).Silence())
	srv.Add(wiretest.OnPublish(2).Conn(3).Answered().Do(srv.CloseListener), wiretest.OnPublish(2).Conn(3).Answered().Reset())
	gate := newTurnstile()
	p := newProducer(t, srv.Addr, gate.config(srv))
	gate.admit()
	require.NoError(t, p.Publish("topic", []byte("before")))
	srv.CloseAll()
	receive(t, gate.asked)
	receive(t, gate.asked)
	done := publishNumbers(t, p, "topic", 0, 6)
	last := make(doneChan, 1)
	require.NoError(t, p.PublishAsync("topic", make([]byte, 1<<20), last, 6)) // of which the third connection gets a part
	more := publishNumbers(t, p, "topic", 7, 10)
	stopped := make(chan actor.Tally, 1)
	go func() {
		tally, err := p.Shutdown(context.Background())
		if err == nil {
			stopped <- tally
		}
	}()
	until(t, "it is stopping", func() bool { return p.Stats().Phase == state.Draining })
	for range 3 {
		gate.admit()
	}
	require.Equal(t, actor.Tally{Acked: 3, Refused: 1, Unknown: 2, NotSent: 4}, receive(t, stopped))
	told := results(t, done, 6)
	for _, rest := range []map[int]error{results(t, last, 1), results(t, more, 3)} {
		maps.Copy(told, rest)
	}
	for n, outcome := range []actor.Outcome{actor.Acked, actor.Acked, actor.Acked, actor.Refused, actor.Unknown, actor.Unknown,
		actor.NotSent, actor.NotSent, actor.NotSent, actor.NotSent} {
		require.Equal(t, outcome, actor.OutcomeOf(told[n]), "%d: %v", n, told[n])
	}
	requireEnds(t, p, actor.Stats{Submitted: 11, Acked: 4, Refused: 1, Unknown: 2, NotSent: 4})
	requireStopped(t, p)
}

func TestStopDuringADialThatIgnoresItsContext(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	opened := make(chan struct{})
	p := newProducer(t, srv.Addr, &actor.Config{Dial: func(_ context.Context, network, addr string) (net.Conn, error) {
		<-opened
		return net.Dial(network, addr)
	}})
	result := started(func() error { return p.Publish("topic", []byte("body")) })
	waitingCallers(t, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	tally, err := p.Shutdown(ctx)
	end, _ := ctx.Deadline()
	require.Less(t, time.Since(end), lateness)
	require.Equal(t, context.DeadlineExceeded, err)
	require.Equal(t, actor.Tally{NotSent: 1}, tally)
	require.True(t, receive(t, result) == actor.ErrStopped)
	close(opened) // what it still brings is closed: the check for leaks sees it
	require.NoError(t, srv.Wait(testContext(t), func(s wiretest.Stats) bool { return s.Conns == 1 && s.Open == 0 }))
	require.Zero(t, srv.Stats().Messages)
}

// A Flush that waits for a publish must end with it, also when that is left at the very moment at which the loop goes.
func TestFlushEndsDespiteStop(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	for range 30 {
		p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial, WriteTimeout: patience})
		require.NoError(t, p.Ping())
		srv.StopReading()
		ctx, leave := context.WithCancel(context.Background())
		left := started(func() error { return p.PublishContext(ctx, "topic", make([]byte, 200_000)) })
		waitingCallers(t, 1)
		flushed := started(func() error { return p.Flush(context.Background()) })
		waitingCallers(t, 2)
		stopped := started(func() bool { p.Stop(); return true })
		until(t, "Stop has begun", func() bool { return p.Stats().Phase == state.Draining })
		srv.Heartbeat() // so that the loop has more to attend to than the leaving
		leave()
		require.Equal(t, actor.Unknown, actor.OutcomeOf(receive(t, left)))
		srv.Resume()
		require.NoError(t, receive(t, flushed))
		receive(t, stopped)
	}
}

// After a clean Stop nsqd sees the stream end where a command ends, and no reset, whatever it still has to say: that somebody
// else's answer is late, for one.
func TestCleanStopEndsTheStream(t *testing.T) {
	leak.Check(t)
	for _, publishes := range []int{0, 1, 1000} {
		srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Topic("slow").Delay(200*time.Millisecond))
		ends := make(chan error, 3)
		p := newProducer(t, srv.Addr, &actor.Config{Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := loopback(t)
			through, err := net.Dial("tcp", srv.Addr)
			if err != nil {
				return nil, err
			}
			said := make(chan struct{})
			go func() { // what the producer says, to its end
				_, err := io.Copy(through, far)
				ends <- err
				through.(*net.TCPConn).CloseWrite()
				close(said)
			}()
			go func() { // the double's answers, and what becomes of them
				defer far.Close()
				defer through.Close()
				_, err := io.Copy(far, through)
				ends <- err
				<-said
				_, err = far.Write([]byte{0}) // what is said behind a reset fails; it cannot be read behind the stream's end
				ends <- err
			}()
			return near, nil
		}})
		require.NoError(t, p.Ping())
		for range publishes {
			require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
		}
		if publishes > 0 {
			ctx, leave := context.WithCancel(context.Background())
			left := started(func() error { return p.PublishContext(ctx, "slow", []byte("body")) })
			require.NoError(t, srv.WaitMessages(testContext(t), publishes+1))
			leave()
			require.Equal(t, actor.Unknown, actor.OutcomeOf(receive(t, left)))
		}
		srv.Heartbeat()
		p.Stop()
		require.NoError(t, receive(t, ends), "a reset is an error, the end of the stream is none")
		require.NoError(t, receive(t, ends))
		require.NoError(t, receive(t, ends), "a reset by an answer that came to a closed door")
		require.EqualValues(t, publishes, p.Stats().Acked)
	}
}

// loopback returns both ends of a TCP connection.
func loopback(t *testing.T) (near, far net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	near, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	far, err = l.Accept()
	require.NoError(t, err)
	return near, far
}

func TestCleanStopLeavesNoErrorInNsqdsLog(t *testing.T) {
	nsqd := nsqdtest.Start(t)
	for range 5 {
		p := newProducer(t, nsqd.TCPAddr, nil)
		for range 1000 {
			require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
		}
		p.Stop()
		require.EqualValues(t, 1000, p.Stats().Acked)
	}
	require.EqualValues(t, 5000, nsqd.MessageCount("topic"))
	nsqd.Terminate()
	require.NotContains(t, nsqd.Log(), "ERROR")
	require.Equal(t, 5, strings.Count(nsqd.Log(), "exiting ioloop"), nsqd.Log())
}
