//go:build go1.25

package actor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire/wiretest"
)

// holes are the ways of a server that takes a connection and says nothing that ends the handshake.
var holes = []struct {
	name   string
	faults []wiretest.Fault
}{
	{"nothing is read", []wiretest.Fault{wiretest.OnAccept().Freeze()}},
	{"all is read", []wiretest.Fault{wiretest.OnAccept().Blackhole()}},
	{"IDENTIFY is read", []wiretest.Fault{wiretest.OnIdentify().Blackhole()}},
	{"half of the answer comes", []wiretest.Fault{
		wiretest.OnIdentify().Answer([]byte{0, 0, 1, 0, 0, 0, 0, 0, '{'}), wiretest.OnIdentify().Answered().Freeze(),
	}},
	{"nothing but heartbeats comes", []wiretest.Fault{wiretest.OnAccept().Heartbeat(), wiretest.OnIdentify().Ignore()}},
}

// Without a context all that waits for a handshake waits for HandshakeTimeout and not a moment longer; while one attempt after
// the other ends like that, nobody waits for them.
func TestBlackholeHoldsACallForHandshakeTimeout(t *testing.T) {
	const bound = 3 * time.Second
	body := []byte("body")
	calls := []func(p *actor.Producer) error{(*actor.Producer).Ping}
	for _, form := range forms {
		calls = append(calls, func(p *actor.Producer) error { return form.call(p, context.Background(), body) })
	}
	for _, form := range asyncForms {
		calls = append(calls, func(p *actor.Producer) error {
			done := make(doneChan, 1)
			if err := form.call(p, "topic", body, done); err != nil {
				return err
			}
			return (<-done).Error
		})
	}
	for _, hole := range holes {
		t.Run(hole.name, func(t *testing.T) {
			clock(t, hole.faults, actor.Config{HandshakeTimeout: bound}, func(t *testing.T, srv *clocked, p *actor.Producer) {
				var ends []<-chan error
				for _, call := range calls {
					ends = append(ends, started(func() error { return call(p) }))
				}
				time.Sleep(bound / 2)
				for _, end := range ends {
					require.Empty(t, end)
				}
				flush := started(func() error { return p.Flush(context.Background()) })
				for _, end := range ends {
					pause, err := took(func() error { return <-end })
					require.LessOrEqual(t, pause, bound/2)
					require.ErrorIs(t, err, actor.ErrNotConnected)
					require.ErrorContains(t, err, "HandshakeTimeout")
					require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
				}
				require.NoError(t, <-flush)
				require.Equal(t, bound, time.Since(srv.began))
				for began := time.Now(); len(srv.dials()) < 5; {
					require.Less(t, time.Since(began), 5*(bound+time.Second), "attempts and pauses")
					for _, call := range calls {
						pause, err := took(func() error { return call(p) })
						require.ErrorIs(t, err, actor.ErrNotConnected)
						require.Zero(t, pause)
					}
					require.Equal(t, state.Down, p.Stats().Link)
					time.Sleep(100 * ms)
				}
				for i, most := range []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms} {
					pause := srv.pauses(0)[i] - bound
					require.LessOrEqual(t, pause, most, "pause %d", i)
					require.GreaterOrEqual(t, pause, most/2, "pause %d", i)
				}
				require.Zero(t, srv.Stats().Messages)
				requireBooks(t, p)
			})
		})
	}
}

// Stop in the middle of such a handshake returns with the handshake's end, or when its own 5 s are over.
func TestStopInABlackhole(t *testing.T) {
	for _, hole := range holes {
		for bound, want := range map[time.Duration]time.Duration{3 * time.Second: 2 * time.Second, time.Minute: 5 * time.Second} {
			t.Run(hole.name+", "+bound.String(), func(t *testing.T) {
				clock(t, hole.faults, actor.Config{HandshakeTimeout: bound}, func(t *testing.T, srv *clocked, p *actor.Producer) {
					result := started(func() error { return p.Publish("topic", []byte("body")) })
					time.Sleep(time.Second)
					pause, err := took(func() error { p.Stop(); return <-result })
					require.GreaterOrEqual(t, pause, want)
					require.LessOrEqual(t, pause, want+20*ms)
					require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
					requireStopped(t, p)
					require.Len(t, srv.dials(), 1)
					require.Zero(t, srv.Stats().Messages)
				})
			})
		}
	}
}

// While the attempts end in the handshake they come at the backoff's pace, whoever calls meanwhile: that somebody accepts ends
// nothing. When they succeed at last, it is without a publish to ask for it.
func TestBareAcceptsDoNotEndTheBackoff(t *testing.T) {
	for _, door := range shutDoors {
		t.Run(door.name, func(t *testing.T) {
			var shut atomic.Bool
			shut.Store(true)
			fault := door.end(door.when().If(func(wiretest.Command) bool { return shut.Load() }))
			const handshake = ms // of the half answer; the others take no time
			cfg := actor.Config{HandshakeTimeout: handshake}
			clock(t, []wiretest.Fault{fault}, cfg, func(t *testing.T, srv *clocked, p *actor.Producer) {
				require.ErrorIs(t, p.Ping(), actor.ErrNotConnected)
				for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(50 * ms) {
					require.Equal(t, actor.NotSent, actor.OutcomeOf(p.Publish("topic", []byte("body"))))
				}
				pauses := srv.pauses(0)
				for i, pause := range pauses {
					most := min(100*ms<<min(i, 10), 5*time.Second)
					require.GreaterOrEqual(t, pause, most/2, "pause %d of %v", i, pauses)
					require.LessOrEqual(t, pause, most+handshake, "pause %d of %v", i, pauses)
				}
				require.LessOrEqual(t, len(pauses), 6+24, "in a minute")
				require.GreaterOrEqual(t, len(pauses), 6+10)

				shut.Store(false)
				dials := len(srv.dials())
				time.Sleep(5001 * ms)
				synctest.Wait()
				require.Equal(t, state.Up, p.Stats().Link)
				require.Len(t, srv.dials(), dials+1)
				require.EqualValues(t, 1, p.Stats().Connections)
				require.NoError(t, p.Publish("topic", []byte("body")))
				require.Equal(t, 1, srv.Stats().Messages)
				requireBooks(t, p)
			})
		})
	}
}

// A server that goes through the handshake and then ends the connection, each time, costs an idle producer twenty connections
// a second at most; what is published meanwhile ends within as many attempts as it has.
func TestConnectionsThatComeToNothingAreDamped(t *testing.T) {
	for name, fault := range map[string]wiretest.Fault{
		"closed":                wiretest.OnIdentify().Answered().Close(),
		"reset":                 wiretest.OnIdentify().Answered().Reset(),
		"nonsense":              wiretest.OnIdentify().Answered().Send([]byte("nonsense")),
		"an error out of place": wiretest.OnIdentify().Answered().Error("E_INVALID", "out of place"),
	} {
		t.Run(name, func(t *testing.T) {
			clock(t, []wiretest.Fault{fault}, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
				p.Ping()
				time.Sleep(10 * time.Second)
				pauses := srv.pauses(0)
				require.LessOrEqual(t, len(pauses), 10+20*10)
				short := 0
				for _, pause := range pauses { // what comes with the answer to IDENTIFY ends an attempt, and not a connection
					if pause < 50*ms {
						short++
					}
				}
				require.LessOrEqual(t, short, 9, "%v", pauses)
				for i := range 20 {
					pause, err := took(func() error { return p.Publish("topic", []byte("body")) })
					require.Contains(t, []actor.Outcome{actor.NotSent, actor.Unknown, actor.Refused}, actor.OutcomeOf(err), "%d: %v", i, err)
					require.LessOrEqual(t, pause, 3*(50*ms+100*ms), "three pauses, and last words")
				}
				require.Zero(t, srv.Stats().Messages)
				requireBooks(t, p)
			})
		})
	}
}
