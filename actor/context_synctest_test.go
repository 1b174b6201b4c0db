//go:build go1.25

package actor_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// bubble runs a test with fake time, in which nothing passes while anybody has something to do: times are exact.
func bubble(t *testing.T, srv func() *wiretest.Server, cfg actor.Config, test func(*testing.T, *wiretest.Server, *actor.Producer)) {
	synctest.Test(t, func(t *testing.T) {
		double := srv()
		t.Cleanup(double.Close)
		if cfg.Dial == nil {
			cfg.Dial = double.Dial
		}
		test(t, double, newProducer(t, double.Addr, &cfg))
	})
}

func inMemory(faults ...wiretest.Fault) func() *wiretest.Server {
	return func() *wiretest.Server { return wiretest.NewInMemory(faults...) }
}

// took reports how long a call took, in fake time.
func took(call func() error) (time.Duration, error) {
	began := time.Now()
	err := call()
	return time.Since(began), err
}

// Every call returns at the very moment at which its context ends, whatever holds it up.
func TestContextEndsACallExactly(t *testing.T) {
	never := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	const give = 777 * time.Millisecond
	for _, hold := range []struct {
		name    string
		srv     func() *wiretest.Server
		cfg     actor.Config
		before  func(*testing.T, *wiretest.Server, *actor.Producer)
		outcome actor.Outcome
	}{
		{"dialling", inMemory(), actor.Config{Dial: never}, nil, actor.NotSent},
		{"handshake", inMemory(wiretest.OnAccept().Freeze()), actor.Config{}, nil, actor.NotSent},
		{"no room", inMemory(wiretest.OnAccept().Freeze()), actor.Config{MaxPending: 1}, func(t *testing.T, _ *wiretest.Server, p *actor.Producer) {
			require.NoError(t, p.PublishAsync("topic", []byte("first"), nil))
		}, actor.NotSent},
		{"no answer", inMemory(wiretest.OnPublish(1).Stall()), actor.Config{}, nil, actor.Unknown},
		{"no answer to those before", inMemory(wiretest.OnPublish(1).Stall()), actor.Config{MaxPending: 2}, func(t *testing.T, _ *wiretest.Server, p *actor.Producer) {
			for range 2 { // their tombstones take the places in flight
				ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
				defer cancel()
				require.Equal(t, actor.Unknown, actor.OutcomeOf(p.PublishContext(ctx, "topic", []byte("first"))))
			}
		}, actor.NotSent},
		{"its write blocked", inMemory(), actor.Config{}, func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
			require.NoError(t, p.Ping())
			srv.StopReading()
			require.NoError(t, p.PublishAsync("topic", make([]byte, 60_000), nil)) // into the buffer, nearly all of it
			synctest.Wait()
		}, actor.Unknown},
		{"a write before it blocked", inMemory(), actor.Config{}, func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
			require.NoError(t, p.Ping())
			srv.StopReading()
			require.NoError(t, p.PublishAsync("topic", make([]byte, 100_000), nil))
			synctest.Wait()
		}, actor.NotSent},
		{"connecting again", inMemory(wiretest.OnAccept().Conn(2).Freeze()), actor.Config{}, func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
			require.NoError(t, p.Ping())
			srv.CloseAll()
			synctest.Wait()
		}, actor.NotSent},
	} {
		for _, form := range forms {
			t.Run(hold.name+"/"+form.name, func(t *testing.T) {
				bubble(t, hold.srv, hold.cfg, func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
					if hold.before != nil {
						hold.before(t, srv, p)
					}
					ctx, cancel := context.WithTimeout(context.Background(), give)
					defer cancel()
					pause, err := took(func() error { return form.call(p, ctx, make([]byte, 10_000)) })
					require.Equal(t, give, pause)
					require.ErrorIs(t, err, context.DeadlineExceeded)
					require.Equal(t, hold.outcome, actor.OutcomeOf(err), "%v", err)
				})
			})
		}
	}
}

// Without a context a call is bounded by the Config, each bound exactly.
func TestTimeoutsBoundACallExactly(t *testing.T) {
	cfg := actor.Config{DialTimeout: 3 * time.Second, HandshakeTimeout: 7 * time.Second, ResponseTimeout: 4 * time.Second, WriteTimeout: 2 * time.Second}
	const lastWords = 100 * time.Millisecond // in which a connection that is given up is still read
	for _, bound := range []struct {
		name    string
		fault   wiretest.Fault
		dial    func(context.Context, string, string) (net.Conn, error)
		pause   time.Duration
		outcome actor.Outcome
		is      error
		says    string
	}{
		{"DialTimeout", wiretest.OnAccept().Freeze(), func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, 3 * time.Second, actor.NotSent, actor.ErrNotConnected, "deadline exceeded"},
		{"HandshakeTimeout", wiretest.OnAccept().Freeze(), nil, 7 * time.Second, actor.NotSent, actor.ErrNotConnected, "handshake"},
		{"ResponseTimeout", wiretest.OnPublish(1).Stall(), nil, 4*time.Second + lastWords, actor.Unknown, actor.ErrConnectionLost, "ResponseTimeout"},
	} {
		for _, form := range forms {
			t.Run(bound.name+"/"+form.name, func(t *testing.T) {
				cfg := cfg
				cfg.Dial = bound.dial
				bubble(t, inMemory(bound.fault), cfg, func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
					pause, err := took(func() error { return form.call(p, context.Background(), []byte("body")) })
					require.Equal(t, bound.pause, pause, "%v", err)
					require.ErrorIs(t, err, bound.is)
					require.Equal(t, bound.outcome, actor.OutcomeOf(err))
					require.ErrorContains(t, err, bound.says)
				})
			})
		}
	}
	t.Run("WriteTimeout", func(t *testing.T) {
		bubble(t, inMemory(), cfg, func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
			require.NoError(t, p.Ping())
			srv.StopReading()
			pause, err := took(func() error { return p.Publish("topic", make([]byte, 100_000)) })
			// Part of it was written, so that it is sent again; the next handshake is not answered, and that ends it.
			require.ErrorIs(t, err, actor.ErrNotConnected)
			require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
			const turns = 24 * time.Millisecond // the writes that it is measured by: the one that saw the first standstill, and the last
			require.InDelta(t, 2*time.Second+lastWords+7*time.Second, pause, float64(turns))
		})
	})
}

// The longest time that a call without a context can take on an nsqd that makes no progress: each connection is made at the last
// moment, and then answers nothing to those before it.
func TestLongestTimeWithoutAContext(t *testing.T) {
	defaults := actor.NewConfig()
	const moment, lastWords = time.Millisecond, 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		srv := wiretest.NewInMemory(wiretest.OnIdentify().Busy(defaults.HandshakeTimeout-moment), wiretest.OnPublish(wiretest.Every).Ignore())
		t.Cleanup(srv.Close)
		p := newProducer(t, srv.Addr, &actor.Config{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			select {
			case <-time.After(defaults.DialTimeout - moment):
				return srv.Dial(ctx, network, addr)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}})
		const perWrite = 17 // 256 KiB, and two unanswered writes are the window of each connection
		for range defaults.MaxAttempts * 2 * perWrite {
			require.NoError(t, p.PublishAsync("topic", make([]byte, 16_000), nil))
		}
		pause, err := took(func() error { return p.Publish("topic", []byte("body")) })
		require.Equal(t, actor.NotSent, actor.OutcomeOf(err), "%v", err)
		require.ErrorContains(t, err, "3 connections lost under it")
		each := defaults.DialTimeout + defaults.HandshakeTimeout + defaults.ResponseTimeout + lastWords - 2*moment
		require.Equal(t, time.Duration(defaults.MaxAttempts)*each, pause)
		require.EqualValues(t, 2*defaults.MaxAttempts*perWrite, p.Stats().Unknown, "those before it")
	})
}

// Shutdown returns within 20 ms of its context's end.
func TestShutdownKeepsItsBound(t *testing.T) {
	const give, bound = 333 * time.Millisecond, 20 * time.Millisecond
	for _, hold := range []struct {
		name   string
		srv    func() *wiretest.Server
		before func(*testing.T, *wiretest.Server, *actor.Producer)
		tally  actor.Tally
	}{
		{"handshake", inMemory(wiretest.OnAccept().Freeze()), nil, actor.Tally{NotSent: 1}},
		{"no answer", inMemory(wiretest.OnPublish(1).Stall()), nil, actor.Tally{Unknown: 1}},
		{"no answer, heartbeats", inMemory(wiretest.OnPublish(1).Stall()), func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
			go func() {
				for range 1000 {
					time.Sleep(time.Millisecond)
					srv.Heartbeat()
				}
			}()
		}, actor.Tally{Unknown: 1}},
		{"blocked write", inMemory(), func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
			require.NoError(t, p.Ping())
			srv.StopReading()
			require.NoError(t, p.PublishAsync("topic", make([]byte, 100_000), nil))
		}, actor.Tally{NotSent: 2}},
	} {
		t.Run(hold.name, func(t *testing.T) {
			bubble(t, hold.srv, actor.Config{WriteTimeout: time.Minute}, func(t *testing.T, srv *wiretest.Server, p *actor.Producer) {
				if hold.before != nil {
					hold.before(t, srv, p)
				}
				result := started(func() error { return p.Publish("topic", []byte("body")) })
				synctest.Wait()
				ctx, cancel := context.WithTimeout(context.Background(), give)
				defer cancel()
				began := time.Now()
				tally, err := p.Shutdown(ctx)
				require.LessOrEqual(t, time.Since(began), give+bound)
				require.GreaterOrEqual(t, time.Since(began), give)
				require.Equal(t, context.DeadlineExceeded, err)
				require.Equal(t, hold.tally, tally)
				require.Error(t, <-result)
				requireBooks(t, p)
				time.Sleep(2 * time.Second) // the heartbeats' end
			})
		})
	}
}
