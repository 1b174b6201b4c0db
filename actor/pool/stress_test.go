package pool_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

var (
	stressSeeds = flag.Uint64("stress", 3, "how many seeds TestStress plays")
	stressSeed  = flag.Uint64("stress-seed", 0, "the first of them; 0 draws one")
)

// TestStress lets everything happen at once: nsqds that fail in all ways, members that come and go, callers of all kinds, and a
// Shutdown at some moment. Then it holds what the callers were told against what the nsqds have.
func TestStress(t *testing.T) {
	first := *stressSeed
	if first == 0 {
		first = rand.Uint64N(1 << 32)
	}
	for seed := first; seed < first+*stressSeeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playStress(t, seed) })
	}
}

func start(all *sync.WaitGroup, f func()) {
	all.Add(1)
	go func() {
		defer all.Done()
		f()
	}()
}

// dice are drawn by one goroutine each.
type dice struct{ *rand.Rand }

func (d dice) one(in int) bool { return d.IntN(in) == 0 }

// upTo returns a time from 0 to most.
func (d dice) upTo(most time.Duration) time.Duration { return time.Duration(d.Int64N(int64(most) + 1)) }

// stress is a pool under stress, and what is known of its publishes.
type stress struct {
	*testing.T
	seed   uint64
	nsqds  []*wiretest.Server
	p      *pool.Pool
	retry  bool          // RetryUnknown
	reads  bool          // nobody forgets his results
	quit   chan struct{} // the weather is to end
	ended  chan struct{} // Shutdown has returned
	stops  atomic.Bool   // Shutdown has been called, or is about to be
	forgot atomic.Int64  // results that nobody reads
	secret atomic.Int64  // publishes accepted of which nobody knows how they ended

	mu       sync.Mutex
	told     map[string]error
	awaited  map[string]bool // accepted asynchronously, their results outstanding
	complain []string
}

func (s *stress) dice(stream int) dice { return dice{rand.New(rand.NewPCG(s.seed, uint64(stream)))} }

func (s *stress) failf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complain = append(s.complain, fmt.Sprintf(format, args...))
}

// tell notes how a publish has ended.
func (s *stress) tell(body string, err error) {
	if (err == actor.ErrStopped) && !s.stops.Load() {
		s.failf("%s: ErrStopped of a pool that is not stopped", body)
	}
	outcome := actor.OutcomeOf(err)
	if errors.Is(err, actor.ErrNotConnected) && outcome != actor.NotSent {
		s.failf("%s: implies not sent: %v", body, err)
	}
	if ours := (*actor.Error)(nil); err != nil && err != actor.ErrStopped && err != actor.ErrFull && !errors.As(err, &ours) {
		s.failf("%s: no *Error: %v", body, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.told[body]; twice {
		s.complain = append(s.complain, body+": told twice")
	}
	s.told[body] = err
	delete(s.awaited, body)
}

func playStress(t *testing.T, seed uint64) {
	leak.Check(t)
	s := &stress{T: t, seed: seed, quit: make(chan struct{}), ended: make(chan struct{}),
		told: map[string]error{}, awaited: map[string]bool{}}
	d := s.dice(0)
	var addrs []string
	for range 3 + d.IntN(2) {
		srv := wiretest.NewServer(someFaults(d)...)
		t.Cleanup(srv.Close)
		s.nsqds, addrs = append(s.nsqds, srv), append(addrs, srv.Addr)
	}
	s.retry, s.reads = d.one(2), d.one(2)
	cfg := &actor.Config{
		RetryUnknown: s.retry, WaitConnected: d.one(2), MaxPending: 1 << d.IntN(9), MaxAttempts: d.IntN(5),
		ResponseTimeout: 300 * time.Millisecond, HandshakeTimeout: 200 * time.Millisecond, BackoffMin: time.Millisecond,
		BackoffMax: 50 * time.Millisecond,
	}
	opts := []pool.Option{pool.WithMode(pool.Mode(d.IntN(2))), pool.WithConnections(1 + d.IntN(2))}
	if !d.one(4) {
		opts = append(opts, pool.WithResolver(func(context.Context) ([]string, error) { return s.members(addrs) }, 20*time.Millisecond))
	}
	s.p = newPool(t, addrs, cfg, opts...)

	var weather, callers sync.WaitGroup
	for i, srv := range s.nsqds {
		start(&weather, func() { s.batter(srv, s.dice(100+i)) })
	}
	for i := range 24 {
		start(&callers, func() { s.publish(i, s.dice(200+i)) })
	}
	time.Sleep(d.upTo(700 * time.Millisecond))
	bound := d.upTo(400 * time.Millisecond)
	if s.reads && d.one(2) {
		bound = patience
	}
	s.stops.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	go func() { // the weather ends with the bound, or a little later, so that what has time ends
		time.Sleep(min(bound, 300*time.Millisecond))
		close(s.quit)
	}()
	began := time.Now()
	tally, err := s.p.Shutdown(ctx)
	took := time.Since(began)
	close(s.ended)
	again, errAgain := s.p.Shutdown(context.Background())
	require.Equal(t, tally, again)
	require.Equal(t, err, errAgain)
	if took > min(bound, 5*time.Second)+time.Second {
		s.failf("Shutdown took %v, its bound is %v", took, bound)
	}
	if err == nil && tally.Undelivered > 0 {
		s.failf("Shutdown returned nil, and %+v", tally)
	}
	weather.Wait()
	ended := make(chan struct{})
	go func() { callers.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatalf("seed %d: callers do not return:\n%s", seed, leak.Stacks())
	}
	s.check(tally)
	if t.Failed() {
		t.Logf("seed %d: %+v, bound %v, took %v, %+v, %v", seed, cfg, bound, took, tally, err)
	}
}

// someFaults are an nsqd's own.
func someFaults(d dice) (faults []wiretest.Fault) {
	faults = append(faults, wiretest.OnPublish(wiretest.Every).Topic("bad").Error(wire.CodeBadTopic, "no"))
	n := 1 + d.IntN(50)
	for _, f := range []wiretest.Fault{
		wiretest.OnPublish(n).Error(wire.CodePubFailed, "disk full"),
		wiretest.OnPublish(n).Through(2*n).Overall().Error(wire.CodeMPubFailed, "disk full"),
		wiretest.OnPublish(n).Answered().Close(),
		wiretest.OnPublish(wiretest.Every).Delay(d.upTo(2 * time.Millisecond)),
		wiretest.OnIdentify().Delay(d.upTo(60 * time.Millisecond)),
		wiretest.OnByte(100 * n).Reset(),
		wiretest.OnAccept().Conn(2 + n%3).Close(),
	} {
		if d.one(4) {
			faults = append(faults, f)
		}
	}
	return faults
}

// members is a resolver: some of the addresses, in some order, or nothing of use.
func (s *stress) members(addrs []string) ([]string, error) {
	some := append([]string(nil), addrs...)
	rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	if rand.IntN(8) == 0 {
		return nil, errors.New("away")
	}
	return some[:rand.IntN(len(some)+1)], nil
}

// batter does things to an nsqd, and undoes them in the end.
func (s *stress) batter(srv *wiretest.Server, d dice) {
	defer srv.Resume()
	defer srv.Listen()
	for {
		select {
		case <-s.quit:
			return
		case <-time.After(d.upTo(60 * time.Millisecond)):
		}
		switch d.IntN(8) {
		case 0:
			srv.Stall()
		case 1:
			srv.Freeze()
		case 2:
			srv.CloseAll()
		case 3:
			srv.ResetAll()
		case 4:
			srv.CloseListener()
			srv.CloseAll()
		case 5:
			srv.Listen()
		default:
			srv.Resume()
		}
	}
}

// publish is one caller: he goes on until the pool is stopped.
func (s *stress) publish(caller int, d dice) {
	done := make(chan *actor.Transaction, d.IntN(3))
	var reader sync.WaitGroup
	defer reader.Wait()
	if slow := d.one(2); caller%3 == 1 {
		start(&reader, func() { s.read(done, slow) })
	}
	for i := 0; ; i++ {
		body := fmt.Sprintf("%d-%d", caller, i)
		var err error
		switch caller % 3 {
		case 0:
			err = s.call(body, d)
			s.tell(body, err)
		case 1:
			err = s.send(body, done, d)
		case 2: // nobody asks how these end
			done = nil
			if caller == 2 && !s.reads {
				done = make(chan *actor.Transaction)
			}
			if err = s.p.TryPublishAsync("t", []byte(body), done); err == nil {
				s.secret.Add(1)
				if done != nil {
					s.forgot.Add(1)
				}
			}
			time.Sleep(d.upTo(2 * time.Millisecond))
		}
		if err == actor.ErrStopped {
			return
		}
		if d.one(64) {
			s.p.Flush(context.Background())
		}
	}
}

func topic(d dice) string {
	if d.one(500) {
		return "bad"
	}
	return "t"
}

// call publishes and waits.
func (s *stress) call(body string, d dice) error {
	var to interface {
		PublishContext(context.Context, string, []byte) error
		MultiPublishContext(context.Context, string, [][]byte) error
		DeferredPublishContext(context.Context, string, time.Duration, []byte) error
	} = s.p
	if d.one(3) {
		to = s.p.ForKey(body[:3])
	}
	ctx := context.Background()
	if bound := d.upTo(100 * time.Millisecond); !d.one(3) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, bound)
		defer cancel()
		defer func(began time.Time) {
			if took := time.Since(began); took > bound+2*time.Second {
				s.failf("%s: took %v, its context %v", body, took, bound)
			}
		}(time.Now())
	}
	switch d.IntN(4) {
	case 0:
		return to.MultiPublishContext(ctx, topic(d), [][]byte{[]byte(body)})
	case 1:
		return to.DeferredPublishContext(ctx, topic(d), time.Second, []byte(body))
	}
	return to.PublishContext(ctx, topic(d), []byte(body))
}

// send publishes asynchronously; s.read tells how it ended.
func (s *stress) send(body string, done chan *actor.Transaction, d dice) error {
	s.mu.Lock()
	s.awaited[body] = true
	s.mu.Unlock()
	var err error
	switch d.IntN(5) {
	case 0:
		err = s.p.MultiPublishAsync(topic(d), [][]byte{[]byte(body)}, done, body, done)
	case 1:
		err = s.p.DeferredPublishAsync(topic(d), time.Second, []byte(body), done, body, done)
	case 2:
		err = s.p.TryPublishAsync(topic(d), []byte(body), done, body, done)
	case 3:
		err = s.p.ForKey(body[:3]).PublishAsync(topic(d), []byte(body), done, body, done)
	case 4:
		err = s.p.PublishAsync(topic(d), []byte(body), done, body, done)
	}
	if err != nil {
		s.tell(body, err)
	}
	return err
}

// read tells how the publishes of one channel have ended, until the pool has ended and nothing is left in it.
func (s *stress) read(done chan *actor.Transaction, slow bool) {
	over := false
	for !over || len(done) > 0 {
		select {
		case r := <-done:
			if r.Args[1] != done {
				s.failf("%v: the result of another channel", r.Args[0])
			}
			s.tell(r.Args[0].(string), r.Error)
			r.Release()
			if slow {
				time.Sleep(time.Millisecond)
			}
		case <-s.ended:
			over = true
		}
	}
}

// check holds what was told against what is stored, and against the pool's account.
func (s *stress) check(tally actor.Tally) {
	times := map[string]int{}
	for _, srv := range s.nsqds {
		for _, m := range srv.Messages() {
			times[string(m.Body)]++
		}
	}
	counts := map[actor.Outcome]uint64{}
	for body, err := range s.told {
		n, outcome := times[body], actor.OutcomeOf(err)
		counts[outcome]++
		switch outcome {
		case actor.Acked:
			assert.GreaterOrEqual(s, n, 1, "acked: %s", body)
		case actor.Unknown:
		default:
			assert.Zero(s, n, "%s: %v", body, err)
		}
		if !s.retry {
			assert.LessOrEqual(s, n, 1, "%s: %v", body, err)
		}
	}
	assert.Empty(s, s.complain)
	lost := uint64(len(s.awaited))
	assert.LessOrEqual(s, lost, tally.Undelivered, "results that did not come: %v", s.awaited)
	assert.LessOrEqual(s, tally.Undelivered, lost+uint64(s.forgot.Load()), "%+v", tally)
	stats := s.p.Stats()
	requireAddsUp(s, stats)
	assert.Zero(s, stats.Pending, "%+v", stats)
	assert.Zero(s, stats.PendingBytes, "%+v", stats)
	assert.Zero(s, stats.Undelivered, "%+v", stats)
	unsaid := lost + uint64(s.secret.Load())
	for outcome, n := range map[actor.Outcome]uint64{
		actor.Acked: stats.Acked, actor.Refused: stats.Refused, actor.NotSent: stats.NotSent, actor.Unknown: stats.Unknown,
	} {
		if outcome != actor.NotSent { // else some were not accepted, and do not count
			assert.GreaterOrEqual(s, n, counts[outcome], "%v: fewer than were told", outcome)
		}
		assert.LessOrEqual(s, n, counts[outcome]+unsaid, "%v: more than were told", outcome)
	}
	assert.LessOrEqual(s, tally.Acked, stats.Acked)
	assert.LessOrEqual(s, tally.Refused, stats.Refused)
	assert.LessOrEqual(s, tally.NotSent, stats.NotSent, "%+v", tally)
	assert.LessOrEqual(s, tally.Unknown, stats.Unknown)
	s.Logf("%v told, %d not, %d moved, %+v", counts, unsaid, stats.Moved, tally)
}
