package actor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest"
)

const crowdSize = 10_000

// saying is what somebody was told of the publish with that number.
type saying struct {
	n   int
	err error
}

var errDropped = errors.New("the result was dropped")

// startCrowd lets crowdSize goroutines publish one number each, all at once and in every form, and returns what they are told. Who
// is not told by the time over is closed, when nothing more can come, says so.
func startCrowd(ctx context.Context, p *actor.Producer, over <-chan struct{}) <-chan saying {
	sayings, start := make(chan saying, crowdSize), make(chan struct{})
	for n := range crowdSize {
		go func() {
			<-start
			body := fmt.Append(nil, n)
			if n%2 == 0 {
				sayings <- saying{n, forms[n/2%len(forms)].call(p, ctx, body)}
				return
			}
			done := make(doneChan, n/2%2) // some results have room, some need a courier
			err := asyncForms[n/4%3].call(p, "topic", body, done, n)
			if err != nil {
				sayings <- saying{n, err}
				return
			}
			select {
			case result := <-done:
				sayings <- saying{n, result.Error}
			case <-over:
				select {
				case result := <-done:
					sayings <- saying{n, result.Error}
				default:
					sayings <- saying{n, errDropped}
				}
			}
		}()
	}
	close(start)
	return sayings
}

func hearCrowd(t *testing.T, sayings <-chan saying) map[int]error {
	told := make(map[int]error)
	for range crowdSize {
		s := receive(t, sayings)
		told[s.n] = s.err
	}
	require.Len(t, told, crowdSize)
	return told
}

func TestCrowd(t *testing.T) {
	leak.Check(t)
	for _, pending := range []int{64, 4096} {
		srv := newDouble(t)
		p := newProducer(t, srv.Addr, &actor.Config{MaxPending: pending})
		told := hearCrowd(t, startCrowd(context.Background(), p, nil))
		for n, err := range told {
			require.NoError(t, err, n)
		}
		requireTruth(t, srv, "topic", told)
		require.Equal(t, crowdSize, srv.MessageCount("topic"))
		require.EqualValues(t, crowdSize, p.Stats().Acked)
		require.EqualValues(t, 1, p.Stats().Connections)
		p.Stop()
		requireStopped(t, p)
	}
}

// A crowd that waits for a stopped nsqd is let go by its context, all at once; those who have none, by nsqd.
func TestCrowdThatLeaves(t *testing.T) {
	leak.Check(t)
	srv := newDouble(t)
	p := newProducer(t, srv.Addr, &actor.Config{MaxPending: crowdSize})
	require.NoError(t, p.Ping())
	srv.Freeze()
	ctx, leave := context.WithCancel(context.Background())
	sayings := startCrowd(ctx, p, nil)
	until(t, "all are accepted", func() bool { return p.Stats().Pending == crowdSize })
	leave()
	until(t, "half of them have left", func() bool { return p.Stats().Pending == crowdSize/2 })
	srv.Resume()
	told := hearCrowd(t, sayings)
	requireTruth(t, srv, "topic", told)
	for n, err := range told {
		if n%2 == 0 {
			require.ErrorIs(t, err, context.Canceled)
		} else {
			require.NoError(t, err, n)
		}
	}
	s := p.Stats()
	require.Zero(t, s.Pending+s.PendingBytes)
	require.EqualValues(t, crowdSize/2, s.Acked)
	requireBooks(t, p)
}

// Stop, and a Shutdown of little patience, in the middle of a crowd, on an nsqd that answers, on one that refuses and cuts, and on
// one that says nothing.
func TestStopInACrowd(t *testing.T) {
	leak.Check(t)
	for name, faults := range map[string][]wiretest.Fault{
		"answers": nil,
		"cuts":    {wiretest.OnPublish(1000).Answered().Reset(), wiretest.OnPublish(500).Error("E_BAD_TOPIC", "no")},
		"silence": {wiretest.OnPublish(100).Freeze()},
	} {
		for _, patient := range []bool{true, false} {
			if name == "silence" && patient {
				continue // takes the whole of Stop's 5 s
			}
			t.Run(fmt.Sprintf("%s, patient %v", name, patient), func(t *testing.T) {
				srv := newDouble(t, faults...)
				p := newProducer(t, srv.Addr, &actor.Config{MaxPending: crowdSize / 4})
				over := make(chan struct{})
				sayings := startCrowd(context.Background(), p, over)
				until(t, "some are through", func() bool { return p.Stats().Acked > 40 })
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if !patient {
					cancel()
				}
				before := p.Stats()
				tally, err := p.Shutdown(ctx)
				if patient {
					require.NoError(t, err)
					require.Zero(t, tally.Undelivered)
				}
				close(over)
				told, dropped := hearCrowd(t, sayings), 0
				for _, err := range told {
					if err == errDropped {
						dropped++
					}
				}
				require.EqualValues(t, tally.Undelivered, dropped)
				srv.Resume()
				srv.CloseAll()
				require.NoError(t, srv.Wait(testContext(t), func(s wiretest.Stats) bool { return s.Open == 0 }))
				requireTruth(t, srv, "topic", told)
				requireStopped(t, p)
				requireBooks(t, p)
				after := p.Stats()
				for _, count := range []struct{ before, after, tally uint64 }{
					{before.Acked, after.Acked, tally.Acked},
					{before.Refused, after.Refused, tally.Refused},
					{before.NotSent, after.NotSent, tally.NotSent},
					{before.Unknown, after.Unknown, tally.Unknown},
				} {
					require.LessOrEqual(t, count.tally, count.after-count.before, "the tally begins behind that look at the account")
				}
				require.Equal(t, after.Submitted, after.Acked+after.Refused+after.NotSent+after.Unknown)
			})
		}
	}
}
