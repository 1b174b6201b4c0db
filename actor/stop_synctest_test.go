//go:build go1.25

package actor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// What nsqd says up to the end of Shutdown's bound, and a moment beyond it, counts: an answer, and an error frame with what it
// means for the rest.
func TestLastWordsAtTheCut(t *testing.T) {
	const bound = 300 * ms
	ok, refusal := wire.AppendOK(nil), wire.AppendFrame(nil, wire.FrameError, "E_BAD_TOPIC no")
	twice, then := wire.AppendOK(wire.AppendOK(nil)), append(ok[:len(ok):len(ok)], refusal...)
	for _, c := range []struct {
		name  string
		at    time.Duration
		says  []byte
		tally actor.Tally
	}{
		{"answers before the end", bound - ms, twice, actor.Tally{Acked: 2, Unknown: 2}},
		{"answers at the end", bound, twice, actor.Tally{Acked: 2, Unknown: 2}},
		{"answers behind the end", bound + ms, twice, actor.Tally{Acked: 2, Unknown: 2}},
		{"a frame at the end", bound, then, actor.Tally{Acked: 1, Refused: 1, NotSent: 2}},
		{"a frame behind the end", bound + ms, refusal, actor.Tally{Refused: 1, NotSent: 3}},
		{"too late", bound + 50*ms, ok, actor.Tally{Unknown: 4}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := wiretest.NewInMemory(wiretest.OnPublish(wiretest.Every).Silence())
				t.Cleanup(srv.Close)
				gate := newTurnstile()
				p := newProducer(t, srv.Addr, gate.config(srv))
				done := publishNumbers(t, p, "topic", 0, 4)
				gate.admit()
				require.NoError(t, srv.WaitMessages(testContext(t), 4))
				ctx, cancel := context.WithTimeout(context.Background(), bound)
				defer cancel()
				time.AfterFunc(c.at, func() { srv.Send(c.says) })
				began := time.Now()
				tally, err := p.Shutdown(ctx)
				require.GreaterOrEqual(t, time.Since(began), min(c.at, bound))
				require.LessOrEqual(t, time.Since(began), bound+20*ms)
				require.Equal(t, context.DeadlineExceeded, err)
				require.Equal(t, c.tally, tally)
				results(t, done, 4)
				requireStopped(t, p)
				time.Sleep(100 * ms) // what is too late
			})
		})
	}
}

// Stop closes its end and gives nsqd half a second to close the other: until then nothing is reset, and not a moment longer does
// it wait for an nsqd that does not.
func TestStopWaitsForNsqdToClose(t *testing.T) {
	for name, frozen := range map[string]time.Duration{"nsqd is slow": 400 * ms, "nsqd is dead": time.Hour} {
		t.Run(name, func(t *testing.T) {
			clock(t, nil, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
				require.NoError(t, p.Publish("topic", []byte("body")))
				synctest.Wait()
				srv.Freeze()
				resume := time.AfterFunc(frozen, srv.Resume)
				defer resume.Stop()
				pause, err := took(func() error { _, err := p.Shutdown(context.Background()); return err })
				require.NoError(t, err)
				require.Equal(t, min(frozen, 500*ms), pause)
			})
		})
	}
}

// Who leaves his publish to an nsqd that does not answer, while the producer stops, leaves nothing that it would wait for.
func TestLeavingEndsTheWaitOfShutdown(t *testing.T) {
	cfg := actor.Config{ResponseTimeout: time.Hour}
	clock(t, []wiretest.Fault{wiretest.OnPublish(1).Silence()}, cfg, func(t *testing.T, srv *clocked, p *actor.Producer) {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		left := started(func() error { return p.PublishContext(ctx, "topic", []byte("body")) })
		synctest.Wait()
		stopped := started(func() error { _, err := p.Shutdown(context.Background()); return err })
		synctest.Wait()
		require.Equal(t, actor.ErrStopped, p.Publish("topic", []byte("nothing new is accepted meanwhile")))
		pause, err := took(func() error { return <-stopped })
		require.NoError(t, err)
		require.GreaterOrEqual(t, pause, 3*time.Second)
		require.LessOrEqual(t, pause, 3500*ms)
		require.Equal(t, actor.Unknown, actor.OutcomeOf(<-left))
	})
}

// Two Shutdowns whose bounds end in the same moment cut off once.
func TestTwoBoundsThatEndAtOnce(t *testing.T) {
	clock(t, []wiretest.Fault{wiretest.OnPublish(1).Silence()}, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		require.NoError(t, p.PublishAsync("topic", []byte("body"), nil))
		ctx, cancel := context.WithTimeout(context.Background(), ms)
		defer cancel()
		shut := func() actor.Tally {
			tally, err := p.Shutdown(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			return tally
		}
		other := started(shut)
		require.Equal(t, actor.Tally{Unknown: 1}, shut())
		require.Equal(t, actor.Tally{Unknown: 1}, <-other)
	})
}
