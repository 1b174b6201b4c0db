//go:build go1.25

package actor_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// This file is about a write that nsqd does not take, for as long as it takes: everything but the write goes on.

const (
	answersDue = 5
	turn       = 20 * ms // the longest time that anything may have to wait for the loop while a write is blocked
)

// blockWrite publishes the numbers below answersDue, which nsqd stores and does not answer, and then a megabyte of which it takes
// next to nothing. It returns the channels of their results.
func blockWrite(t *testing.T, test func(t *testing.T, srv *wiretest.Server, p *actor.Producer, small, large doneChan)) {
	synctest.Test(t, func(t *testing.T) {
		srv := wiretest.NewInMemory(wiretest.OnPublish(1).Through(answersDue).Silence())
		t.Cleanup(srv.Close)
		gate := newTurnstile()
		cfg := gate.config(srv)
		cfg.WriteTimeout, cfg.ResponseTimeout = time.Hour, time.Hour
		p := newProducer(t, srv.Addr, cfg)
		small, large := publishNumbers(t, p, "small", 0, answersDue), make(doneChan, 1)
		synctest.Wait() // the loop has them all, and makes one write of them
		gate.admit()
		require.NoError(t, srv.WaitMessages(testContext(t), answersDue))
		srv.StopReading()
		require.NoError(t, p.PublishAsync("large", anyBytes(1<<20), large))
		synctest.Wait()
		require.Empty(t, small)
		test(t, srv, p, small, large)
	})
}

func TestAnswersArriveWhileAWriteIsBlocked(t *testing.T) {
	blockWrite(t, func(t *testing.T, srv *wiretest.Server, p *actor.Producer, small, large doneChan) {
		for i := range answersDue {
			time.Sleep(time.Second)
			srv.Send(wire.AppendOK(nil))
			pause, err := took(func() error {
				result := <-small
				require.Equal(t, []any{i}, result.Args)
				return result.Error
			})
			require.NoError(t, err)
			require.LessOrEqual(t, pause, turn)
		}
		require.Empty(t, large)
		srv.Resume()
		require.NoError(t, (<-large).Error)
		require.Equal(t, anyBytes(1<<20), srv.Messages()[answersDue].Body)
		require.EqualValues(t, 1, p.Stats().Connections)
		requireBooks(t, p)
	})
}

// A heartbeat cannot be answered before the command that is being written is whole, and is answered right behind it, whatever
// came behind the heartbeat and however many there were.
func TestHeartbeatsWhileAWriteIsBlocked(t *testing.T) {
	for _, beats := range []int{1, 10} {
		t.Run(fmt.Sprint(beats), func(t *testing.T) {
			blockWrite(t, func(t *testing.T, srv *wiretest.Server, p *actor.Producer, small, large doneChan) {
				for range beats {
					srv.Heartbeat()
					synctest.Wait()
				}
				for range answersDue {
					srv.Send(wire.AppendOK(nil))
				}
				for range answersDue {
					require.NoError(t, (<-small).Error)
				}
				behind := started(func() error { return p.Publish("behind", []byte("body")) })
				synctest.Wait()
				srv.Resume()
				require.NoError(t, (<-large).Error)
				require.NoError(t, <-behind)
				messages := srv.Messages()
				require.Equal(t, anyBytes(1<<20), messages[answersDue].Body)
				require.Equal(t, 1+answersDue+1, messages[answersDue].Number, "IDENTIFY, the small ones, and no NOP before it is whole")
				require.Equal(t, 1+answersDue+1+2, messages[answersDue+1].Number, "behind the NOP")
				require.Equal(t, 1, srv.Stats().Nops, "many at once ask for one sign of life")
				require.EqualValues(t, 1, p.Stats().Connections)
			})
		})
	}
}

// An nsqd that takes a large body piece by piece, with pauses shorter than WriteTimeout, is slow and not dead, however long all
// of it takes; and it has ResponseTimeout for the answer from then on, not from the beginning.
func TestSlowWriteIsNoStuckWrite(t *testing.T) {
	const pieces, size = 12, 1 << 20
	faults := []wiretest.Fault{wiretest.OnPublish(wiretest.Every).Delay(4 * time.Second)}
	for n := range pieces {
		faults = append(faults, wiretest.OnByte(1+n*size/pieces).StopReading())
	}
	clock(t, faults, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		for _, form := range forms {
			require.NoError(t, p.Ping())
			result := started(func() error { return form.call(p, context.Background(), anyBytes(size)) })
			for range pieces {
				time.Sleep(900 * ms)
				require.Empty(t, result)
				srv.Resume()
			}
			require.NoError(t, <-result)
			srv.CloseAll() // the faults by bytes come once for a connection
			synctest.Wait()
		}
		require.Len(t, srv.dials(), 1+len(forms))
		require.Equal(t, len(forms), srv.Stats().Messages)
		require.EqualValues(t, len(forms), p.Stats().Acked)
	})
}

// The producer does not take its own blocked write for nsqd's silence as long as heartbeats come, and takes it for a dead
// connection when WriteTimeout is over, answers and heartbeats or not. What was answered by then is acked.
func TestWriteTimeoutDespiteAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const smallBytes = answersDue * len("PUB small\n\x00\x00\x00\x01n")
		srv := wiretest.NewInMemory(wiretest.OnPublish(1).Through(answersDue).Conn(1).Silence(),
			wiretest.OnByte(smallBytes+1).Conn(1).StopReading())
		t.Cleanup(srv.Close)
		gate := newTurnstile()
		cfg := gate.config(srv)
		cfg.HeartbeatInterval, cfg.WriteTimeout, cfg.ResponseTimeout = time.Second, 30*time.Second, time.Hour
		p := newProducer(t, srv.Addr, cfg)
		small, large := publishNumbers(t, p, "small", 0, answersDue), make(doneChan, 1)
		gate.admit()
		gate.admit()
		require.NoError(t, srv.WaitMessages(testContext(t), answersDue))
		require.NoError(t, p.PublishAsync("large", anyBytes(1<<20), large))
		began := time.Now()
		for i := range answersDue {
			time.Sleep(5 * time.Second)
			srv.Heartbeat()
			srv.Send(wire.AppendOK(nil))
			require.NoError(t, (<-small).Error, i)
			require.EqualValues(t, 1, p.Stats().Connections)
		}
		until(t, "another connection", func() bool { return p.Stats().Connections == 2 })
		require.InDelta(t, cfg.WriteTimeout+100*ms, time.Since(began), float64(2*turn), "and the last words")
		require.NoError(t, (<-large).Error, "not written whole: it goes again")
		require.Equal(t, 1, srv.MessageCount("large"))
		require.Equal(t, 2, srv.Messages()[answersDue].Conn)
	})
}

// A context and Shutdown's bound are kept while answers and heartbeats keep the loop busy beside a blocked write.
func TestBoundsHoldBesideABlockedWrite(t *testing.T) {
	blockWrite(t, func(t *testing.T, srv *wiretest.Server, p *actor.Producer, small, large doneChan) {
		over := make(chan struct{})
		defer close(over)
		go func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(ms):
					srv.Heartbeat()
				}
			}
		}()
		for i := range 3 {
			ctx, cancel := context.WithTimeout(context.Background(), 333*ms)
			pause, err := took(func() error { return forms[i].call(p, ctx, []byte("body")) })
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			require.Equal(t, 333*ms, pause)
			srv.Send(wire.AppendOK(nil))
			require.NoError(t, (<-small).Error)
		}
		waiting := started(func() error { return p.Publish("small", []byte("waiting")) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 777*ms)
		defer cancel()
		began := time.Now()
		shutdown := started(func() string { tally, err := p.Shutdown(ctx); return fmt.Sprintf("%+v %v", tally, err) })
		time.Sleep(100 * ms)
		srv.Send(wire.AppendOK(nil))
		require.NoError(t, (<-small).Error, "also while it stops")
		ended := <-shutdown
		require.GreaterOrEqual(t, time.Since(began), 777*ms)
		require.LessOrEqual(t, time.Since(began), 777*ms+turn)
		require.Equal(t, fmt.Sprintf("%+v %v", actor.Tally{Acked: 1, NotSent: 2, Unknown: 1}, context.DeadlineExceeded), ended)
		require.Equal(t, actor.Unknown, actor.OutcomeOf((<-small).Error), "written and never answered")
		require.True(t, (<-large).Error == actor.ErrStopped, "never whole")
		require.True(t, <-waiting == actor.ErrStopped)
		requireStopped(t, p)
	})
}
