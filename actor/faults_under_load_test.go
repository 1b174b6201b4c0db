package actor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// load is a number of callers who publish in every form until they are told to end, or that the producer is stopped.
type load struct {
	p         *actor.Producer
	results   doneChan // of all callers, with less room than they need
	collected <-chan bool
	callers   sync.WaitGroup
	over      atomic.Bool

	mu       sync.Mutex // guards the rest
	accepted int        // asynchronous publishes
	heard    int        // of their results
	told     map[string]map[int]error
}

const perCaller = 1_000_000 // a publish's number is its caller's times this, and how many the caller made before

func startLoad(p *actor.Producer, callers int) *load {
	l := &load{p: p, results: make(doneChan, 2), told: map[string]map[int]error{"topic": {}, "bad": {}}}
	l.collected = started(func() bool {
		for result := range l.results {
			l.note(result.Args[0].(string), result.Args[1].(int), result.Error, true)
			result.Release()
		}
		return true
	})
	for c := range callers {
		l.callers.Add(1)
		go func() {
			defer l.callers.Done()
			for i := 0; !l.over.Load() && l.publish(c*perCaller+i, i); i++ {
			}
		}()
	}
	return l
}

func (l *load) note(topic string, n int, err error, result bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, twice := l.told[topic][n]; twice {
		panic("told twice")
	}
	l.told[topic][n] = err
	if result {
		l.heard++
	}
}

// publish publishes a number in one of the forms, and reports whether the producer takes more.
func (l *load) publish(n, form int) bool {
	topic, body := "topic", fmt.Append(nil, n)
	if form%211 == 100 {
		topic = "bad"
	}
	var err error
	switch form %= 8; form {
	case 0:
		err = l.p.Publish(topic, body)
	case 1:
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(3000))*time.Microsecond)
		err = l.p.PublishContext(ctx, topic, body)
		cancel()
	case 2:
		err = l.p.MultiPublish(topic, [][]byte{body})
	case 3:
		err = l.p.DeferredPublish(topic, time.Second, body)
	default:
		if err = asyncForms[form-4].call(l.p, topic, body, l.results, topic, n); err == nil {
			l.mu.Lock()
			l.accepted++
			l.mu.Unlock()
			return true
		}
	}
	l.note(topic, n, err, false)
	if actor.OutcomeOf(err) == actor.NotSent {
		time.Sleep(100 * time.Microsecond) // lest a producer that is down be asked a million times
	}
	return err != actor.ErrStopped
}

// end waits for the callers, stops the producer, and holds what they were told against its account and the record.
func (l *load) end(t *testing.T, srv *wiretest.Server, cfg *actor.Config, stop func() actor.Tally) {
	t.Helper()
	tally := stop()
	receive(t, started(func() bool { l.callers.Wait(); return true }))
	close(l.results) // legal: the producer is stopped, so that no result is outstanding
	receive(t, l.collected)
	srv.Resume()
	srv.CloseAll()
	require.NoError(t, srv.Wait(testContext(t), func(s wiretest.Stats) bool { return s.Open == 0 }), "all is stored that will be")

	requireStopped(t, l.p)
	require.EqualValues(t, l.accepted, l.heard+int(tally.Undelivered), "a result for each that was accepted")
	outcomes := make(map[actor.Outcome]uint64)
	for topic, told := range l.told {
		for _, err := range told {
			outcomes[actor.OutcomeOf(err)]++
		}
		if cfg.RetryUnknown {
			requireAtLeastOnce(t, srv, topic, told)
		} else {
			requireTruth(t, srv, topic, told)
		}
	}
	s := l.p.Stats()
	require.Equal(t, s.Submitted, s.Acked+s.Refused+s.NotSent+s.Unknown)
	if tally.Undelivered == 0 {
		told := [3]uint64{outcomes[actor.Acked], outcomes[actor.Refused], outcomes[actor.Unknown]}
		require.Equal(t, told, [3]uint64{s.Acked, s.Refused, s.Unknown})
	}
	require.GreaterOrEqual(t, outcomes[actor.NotSent]+tally.Undelivered, s.NotSent, "also told to those who were not accepted")
	require.NotZero(t, outcomes[actor.Acked])
	requireOrder(t, srv)
}

// requireAtLeastOnce is requireTruth where duplicates are allowed.
func requireAtLeastOnce(t *testing.T, srv *wiretest.Server, topic string, told map[int]error) {
	t.Helper()
	stored := make(map[int]int)
	for _, n := range numbersStored(srv, topic) {
		stored[n]++
	}
	for n, err := range told {
		switch actor.OutcomeOf(err) {
		case actor.Acked:
			require.NotZero(t, stored[n], "%d was acked", n)
		case actor.NotSent, actor.Refused:
			require.Zero(t, stored[n], "%d: %v", n, err)
		}
	}
}

// requireOrder checks that on each connection the numbers of each caller came in his order, and none twice.
func requireOrder(t *testing.T, srv *wiretest.Server) {
	t.Helper()
	last := make(map[[2]int]int)
	for _, m := range srv.Messages() {
		var n int
		_, err := fmt.Sscan(string(m.Body), &n)
		require.NoError(t, err)
		of := [2]int{m.Conn, n / perCaller}
		before, any := last[of]
		require.True(t, !any || before < n, "connection %d: %d behind %d", m.Conn, n, before)
		last[of] = n
	}
}

// misbehave does one thing that an nsqd or a network does, and leaves nsqd up.
func misbehave(t *testing.T, srv *wiretest.Server, random *rand.Rand) {
	pause := func() { time.Sleep(time.Duration(random.IntN(12_000)) * time.Microsecond) }
	switch random.IntN(8) {
	case 0:
		srv.ResetAll()
	case 1:
		srv.CloseAll()
	case 2:
		srv.Heartbeat()
	case 3:
		srv.Send(nonsense[random.IntN(len(nonsense))].raw)
	case 4:
		srv.Stall()
		pause()
	case 5:
		srv.StopReading()
		pause()
	case 6:
		srv.Freeze()
		pause()
	case 7:
		srv.CloseListener()
		srv.CloseAll()
		pause()
		listenAgain(t, srv)
	}
	srv.Resume()
}

// Whatever nsqd does, and whatever bounds the producer has, there is progress whenever nsqd is up; every publish ends once, and
// what was said about it is true.
func TestFaultsUnderLoad(t *testing.T) {
	leak.Check(t)
	const callers, steps = 8, 12 // more than ten connections lost in a row would be slowed down
	type ending func(*load) actor.Tally
	shutdown := func(l *load, bound time.Duration) actor.Tally {
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		tally, _ := l.p.Shutdown(ctx)
		return tally
	}
	settled := func(l *load) actor.Tally {
		l.over.Store(true)
		l.callers.Wait()
		l.p.Stop()
		return actor.Tally{}
	}
	for _, c := range []struct {
		name  string
		cfg   actor.Config
		procs int
		end   ending
	}{
		{"defaults", actor.Config{}, 0, settled},
		{"one place", actor.Config{MaxPending: 1}, 0, settled},
		{"a few bytes", actor.Config{MaxPendingBytes: 32}, 0, settled},
		{"RetryUnknown", actor.Config{RetryUnknown: true}, 0, settled},
		{"WaitConnected", actor.Config{WaitConnected: true}, 0, settled},
		{"one attempt", actor.Config{MaxAttempts: 1}, 0, settled},
		{"one processor", actor.Config{}, 1, settled},
		{"Stop in the middle", actor.Config{}, 0, func(l *load) actor.Tally { l.p.Stop(); return actor.Tally{} }},
		{"Shutdown in the middle", actor.Config{}, 0, func(l *load) actor.Tally { return shutdown(l, 5*time.Millisecond) }},
		{"Shutdown at once", actor.Config{RetryUnknown: true}, 1, func(l *load) actor.Tally { return shutdown(l, 0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.procs > 0 {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.procs))
			}
			srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Topic("bad").Error(wire.CodeBadTopic, "no"))
			cfg := c.cfg
			cfg.ResponseTimeout, cfg.HandshakeTimeout = 10*time.Millisecond, 10*time.Millisecond
			cfg.BackoffMin, cfg.BackoffMax = time.Millisecond, 4*time.Millisecond
			p := newProducer(t, srv.Addr, &cfg)
			l := startLoad(p, callers)
			random := rand.New(rand.NewPCG(1, uint64(len(c.name))))
			for range steps {
				misbehave(t, srv, random)
				acked := p.Stats().Acked
				until(t, "progress", func() bool { return p.Stats().Acked > acked })
			}
			if random.IntN(2) == 0 {
				srv.Stall() // in the middle of everything
			}
			time.AfterFunc(3*time.Millisecond, srv.Resume)
			l.end(t, srv, &cfg, func() actor.Tally { return c.end(l) })
		})
	}
}

// A Flush returns when all that was accepted before it has its outcome, whatever that is and however long it takes.
func TestFlushUnderFaults(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t, wiretest.OnPublish(wiretest.Every).Topic("bad").Error(wire.CodeBadTopic, "no"),
		wiretest.OnPublish(wiretest.Every).Topic("late").Delay(time.Millisecond), wiretest.OnPublish(300).Answered().Reset(),
		wiretest.OnByte(2000).Conn(3).Reset())
	p := newProducer(t, srv.Addr, &actor.Config{
		ResponseTimeout: 10 * time.Millisecond, HandshakeTimeout: 10 * time.Millisecond,
		BackoffMin: time.Millisecond, BackoffMax: 4 * time.Millisecond,
	})
	random := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		for range 1 + random.IntN(50) {
			topic := "topic"
			if random.IntN(100) == 0 {
				topic = "bad"
			}
			require.NoError(t, asyncForms[random.IntN(3)].call(p, topic, []byte("body"), nil))
		}
		require.NoError(t, p.PublishAsync("late", []byte("body"), nil))
		pending := started(func() uint64 {
			if p.Flush(context.Background()) != nil {
				return 1
			}
			return p.Stats().Pending
		})
		if random.IntN(3) == 0 {
			misbehave(t, srv, random)
		}
		require.Zero(t, receive(t, pending))
		requireBooks(t, p)
	}
	s := p.Stats()
	require.NotZero(t, s.Acked)
	require.NotZero(t, s.Refused+s.NotSent+s.Unknown)
}

// With RetryUnknown, while connections can be had, every publish is acked and stored, be it twice.
func TestRetryUnknownLosesNothing(t *testing.T) {
	leak.Check(t)
	const all, each = 8, 200
	var faults []wiretest.Fault
	for conn := 1; conn <= 8; conn++ {
		end := wiretest.OnPublish(30 + 10*conn).Conn(conn)
		faults = append(faults, wiretest.OnPublish(20+10*conn).Through(40+10*conn).Conn(conn).Silence(),
			[]wiretest.Fault{end.Reset(), end.Close()}[conn%2])
	}
	srv := newDouble(t, faults...)
	p := newProducer(t, srv.Addr, &actor.Config{RetryUnknown: true, MaxAttempts: 100, ResponseTimeout: 100 * time.Millisecond})
	sayings := make(chan map[int]error, all)
	for c := range all {
		go func() {
			told, done := make(map[int]error), make(doneChan, each)
			for i := range each {
				n := c*perCaller + i
				if i%10 > 0 {
					told[n] = asyncForms[i%3].call(p, "topic", fmt.Append(nil, n), done, n)
					continue
				}
				told[n] = p.Publish("topic", fmt.Append(nil, n))
			}
			for i := range each {
				if i%10 > 0 && (<-done).Error != nil {
					told[c*perCaller+i] = actor.ErrConnectionLost
				}
			}
			sayings <- told
		}()
	}
	for range all {
		told := receive(t, sayings)
		for n, err := range told {
			require.NoError(t, err, n)
		}
		requireAtLeastOnce(t, srv, "topic", told)
	}
	requireOrder(t, srv)
	require.EqualValues(t, all*each, p.Stats().Acked)
	require.GreaterOrEqual(t, p.Stats().Connections, uint64(9))
	require.Greater(t, srv.Stats().Messages, all*each, "some of them twice")
}
