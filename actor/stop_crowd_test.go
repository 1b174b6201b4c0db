package actor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

// account is what the callers of one round have seen.
type account struct {
	waited, forgotten string // topics, which no other round has: nsqd may be busy yet with what it got from the last one

	outcomes [actor.Unknown + 1]atomic.Int64 // of calls that returned an outcome, and of results
	accepted atomic.Int64                    // asynchronous publishes that returned nil, but for those that nobody waits for
	results  atomic.Int64
	stopped  atomic.Int64 // calls that returned ErrStopped
	full     atomic.Int64
	seen     sync.Map // args of results, each of which may come once
	wrong    atomic.Pointer[string]
}

func (a *account) complain(what string) { a.wrong.CompareAndSwap(nil, &what) }

// note counts what a call returned, and reports whether the producer still takes publishes.
func (a *account) note(err error) bool {
	switch err {
	case actor.ErrStopped:
		a.stopped.Add(1)
		return false
	case actor.ErrFull:
		a.full.Add(1)
		return true
	}
	a.outcomes[actor.OutcomeOf(err)].Add(1)
	return true
}

// noteAsync counts what an asynchronous call returned.
func (a *account) noteAsync(err error) bool {
	if err == nil {
		a.accepted.Add(1)
		return true
	}
	if err != actor.ErrStopped && err != actor.ErrFull {
		a.complain("an asynchronous call returned " + err.Error())
	}
	return a.note(err)
}

func (a *account) collect(done <-chan *actor.Transaction) {
	for result := range done {
		a.results.Add(1)
		if _, twice := a.seen.LoadOrStore(result.Args[0], true); twice || len(result.Args) != 1 {
			a.complain("a result came twice")
		}
		if err := result.Error; err == actor.ErrStopped {
			a.outcomes[actor.NotSent].Add(1)
		} else {
			a.outcomes[actor.OutcomeOf(err)].Add(1)
		}
		result.Release()
	}
}

// publishOn makes calls of every form until the producer is stopped.
func (a *account) publishOn(p *actor.Producer, caller int, done chan *actor.Transaction) {
	body, batch := []byte("body"), [][]byte{[]byte("body")}
	forever := context.Background()
	for i, goOn := caller, true; goOn; i++ {
		arg := [2]int{caller, i}
		switch i % 11 {
		case 0:
			goOn = a.note(p.Publish(a.waited, body))
		case 1:
			goOn = a.note(p.MultiPublish(a.waited, batch))
		case 2:
			goOn = a.note(p.DeferredPublish(a.waited, time.Second, body))
		case 3:
			ctx, cancel := context.WithTimeout(forever, time.Duration(rand.IntN(500))*time.Microsecond)
			err := p.PublishContext(ctx, a.waited, body)
			cancel()
			goOn = a.note(err)
		case 4:
			goOn = a.noteAsync(p.PublishAsync(a.waited, body, done, arg))
		case 5:
			goOn = a.noteAsync(p.MultiPublishAsync(a.waited, batch, done, arg))
		case 6:
			goOn = a.noteAsync(p.DeferredPublishAsync(a.waited, time.Second, body, done, arg))
		case 7:
			goOn = a.noteAsync(p.TryPublishAsync(a.waited, body, done, arg))
		case 8:
			goOn = p.PublishAsync(a.forgotten, body, nil) != actor.ErrStopped
		case 9:
			if err := p.Flush(forever); err != nil {
				a.complain("Flush returned " + err.Error())
			}
		case 10:
			if err := p.Ping(); err != nil && err != actor.ErrStopped {
				a.complain("Ping returned " + err.Error())
			}
		}
	}
}

var rounds atomic.Int64

// A round is 64 goroutines that publish in every form, and Stop in the middle. All must return; every publish that was accepted
// ends once; and producer, callers and nsqd agree on how.
func round(t *testing.T, srv *wiretest.Server, cfg *actor.Config, stop func(*actor.Producer) actor.Tally) {
	p, err := actor.NewProducer(srv.Addr, cfg)
	require.NoError(t, err)
	n := rounds.Add(1)
	a := account{waited: fmt.Sprintf("waited-%d", n), forgotten: fmt.Sprintf("forgotten-%d", n)}
	done := make(chan *actor.Transaction, 4)
	collected := started(func() bool { a.collect(done); return true })
	const callers = 64
	returned := make(chan struct{}, callers)
	for caller := range callers {
		go func() {
			a.publishOn(p, caller, done)
			returned <- struct{}{}
		}()
	}
	tally := stop(p)
	for range callers {
		receive(t, returned)
	}
	close(done) // legal: Stop has returned, so that no result is outstanding
	receive(t, collected)
	waited, forgotten := srv.MessageCount(a.waited), srv.MessageCount(a.forgotten)

	if wrong := a.wrong.Load(); wrong != nil {
		require.Fail(t, *wrong)
	}
	s := p.Stats()
	require.Equal(t, s.Submitted, s.Acked+s.Refused+s.NotSent+s.Unknown, "%+v", s)
	require.Zero(t, s.Pending)
	require.Zero(t, s.PendingBytes)
	require.Zero(t, s.Undelivered)
	require.Equal(t, state.Closed, s.Phase)
	require.Equal(t, state.Unlinked, s.Link)
	require.EqualValues(t, a.accepted.Load(), a.results.Load()+int64(tally.Undelivered), "one result for each that was accepted")
	require.Zero(t, s.Refused)
	require.Zero(t, a.outcomes[actor.Refused].Load())
	unseen := int64(s.Acked+s.Unknown) - a.outcomes[actor.Acked].Load() - a.outcomes[actor.Unknown].Load()
	require.GreaterOrEqual(t, unseen, int64(0), "nobody was told more than there is")
	if s.Unknown == 0 {
		require.EqualValues(t, waited+forgotten, s.Acked, "acked is what is stored")
	}
	require.GreaterOrEqual(t, uint64(waited+forgotten), s.Acked, "what was acked is stored")
	require.LessOrEqual(t, uint64(waited+forgotten), s.Acked+s.Unknown, "what was not sent or refused is not")
	require.LessOrEqual(t, a.outcomes[actor.Unknown].Load(), int64(s.Unknown))
	if tally.Undelivered == 0 && s.Unknown == 0 {
		require.EqualValues(t, waited, a.outcomes[actor.Acked].Load())
	}
}

func TestStopAmidPublishesOfEveryForm(t *testing.T) {
	leak.Check(t)
	srv := wiretest.Config{Discard: true}.NewServer()
	t.Cleanup(srv.Close)
	const times, enough = 1000, 10 * time.Second // the race detector may not get through
	began := time.Now()
	i := 0
	for ; i < times && (i < 50 || time.Since(began) < enough); i++ {
		cfg := &actor.Config{MaxPending: []int{1, 7, 4096}[i%3]}
		if i%2 == 0 {
			cfg.Dial = srv.Dial
		}
		round(t, srv, cfg, func(p *actor.Producer) actor.Tally {
			switch i % 5 {
			case 0: // at once
			case 1:
				p.Ping()
			default:
				acked := rand.Uint64N(300)
				until(t, "so many are acked", func() bool { return p.Stats().Acked >= acked })
			}
			p.Stop()
			return actor.Tally{} // with a reader, Stop leaves nothing undelivered
		})
	}
	t.Logf("%d rounds", i)
}

// The same with a bound that cuts off what is under way, on an nsqd that is slow to answer.
func TestShutdownCutsOffPublishesOfEveryForm(t *testing.T) {
	leak.Check(t)
	waited := func(c wiretest.Command) bool { return strings.HasPrefix(c.Topic, "waited") }
	srv := newDouble(t, wiretest.OnPublish(wiretest.Every).If(waited).Delay(2*time.Millisecond))
	for i := range 50 {
		cfg := &actor.Config{MaxPending: []int{1, 7, 4096}[i%3]}
		round(t, srv, cfg, func(p *actor.Producer) actor.Tally {
			until(t, "publishes are under way", func() bool { return p.Stats().Submitted > 0 })
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*time.Millisecond/4)
			defer cancel()
			tally, _ := p.Shutdown(ctx)
			end, _ := ctx.Deadline()
			require.Less(t, time.Since(end), lateness)
			return tally
		})
	}
}
