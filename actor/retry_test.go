package actor

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
)

// TestBackoffStaysWithinItsBounds draws many rows of pauses, for the limits of a Config too.
func TestBackoffStaysWithinItsBounds(t *testing.T) {
	for _, c := range []struct{ lowest, highest time.Duration }{
		{50 * time.Millisecond, 5 * time.Second}, // the defaults
		{time.Millisecond, 24 * time.Hour},
		{10 * time.Millisecond, 15 * time.Millisecond}, // less than a doubling apart
		{time.Second, time.Second},
		{24 * time.Hour, 24 * time.Hour},
		{1<<33 + 1, 24 * time.Hour}, // doubled thirty-one times, this wraps around to two seconds
	} {
		t.Run(c.lowest.String()+" to "+c.highest.String(), func(t *testing.T) {
			for range 50 {
				var r retry
				for step := range 50 {
					pause := time.Duration(r.backoff(c.lowest, c.highest))
					require.GreaterOrEqual(t, pause, c.lowest, "failure %d", step+1)
					require.LessOrEqual(t, pause, c.highest, "failure %d", step+1)
				}
			}
		})
	}
}

// TestBackoffDoubles: the n-th pause is drawn from the upper half of a span that doubles until it is the highest.
func TestBackoffDoubles(t *testing.T) {
	const lowest, highest = 50 * time.Millisecond, 5 * time.Second
	for range 200 {
		var r retry
		span := 2 * lowest
		for step := range 12 {
			pause := time.Duration(r.backoff(lowest, highest))
			require.GreaterOrEqual(t, pause, span/2, "failure %d", step+1)
			require.LessOrEqual(t, pause, span, "failure %d", step+1)
			span = min(2*span, highest)
		}
	}
}

// TestBackoffSpreads: of many producers that failed at once, some come back early and some late, and hardly two together.
func TestBackoffSpreads(t *testing.T) {
	const many, highest = 1000, 5 * time.Second
	distinct := make(map[int64]bool)
	var early, late int
	for range many {
		r := retry{step: 20}
		pause := r.backoff(50*time.Millisecond, highest)
		distinct[pause] = true
		switch quarter := (pause - int64(highest/2)) * 4 / int64(highest/2); quarter {
		case 0:
			early++
		case 3, 4:
			late++
		}
	}
	require.Greater(t, len(distinct), many*9/10)
	require.Greater(t, early, many/8)
	require.Greater(t, late, many/8)
}

// TestBackoffStartsAnew after a second of acknowledged work and nothing less.
func TestBackoffStartsAnew(t *testing.T) {
	p, err := NewProducer("127.0.0.1:1", nil)
	require.NoError(t, err)
	l := newLoop(p)
	l.retry = retry{step: 5, row: 7}
	l.conn = &connection{opened: 10}

	require.Equal(t, int64(time.Second), provenAfter)
	acknowledged := func(age time.Duration, n int) (step, row int) {
		for range n {
			tr := &Transaction{home: p, kind: publish}
			require.True(t, tr.claim.Advance(state.Free, state.Queued))
			require.True(t, tr.claim.Advance(state.Queued, state.Taken))
			l.flight.push(command{}, tr)
		}
		l.conn.heard = l.conn.opened + int64(age)
		require.NoError(t, l.acknowledge(n))
		require.Zero(t, l.flight.len())
		return l.retry.step, l.retry.row
	}
	for _, c := range []struct {
		age       time.Duration
		n         int
		step, row int
	}{
		{0, 1, 5, 7},
		{time.Second - 1, 3, 5, 7},
		{time.Hour, 0, 5, 7}, // heartbeats alone, however long
		{time.Second, 1, 0, 0},
	} {
		step, row := acknowledged(c.age, c.n)
		require.Equal(t, [2]int{c.step, c.row}, [2]int{step, row}, "%+v", c)
	}
	require.LessOrEqual(t, time.Duration(l.retry.backoff(p.cfg.BackoffMin, p.cfg.BackoffMax)), 2*p.cfg.BackoffMin)
}

// TestWhatFollowsAnEnd: at once, later, or down, by how the connection ended.
func TestWhatFollowsAnEnd(t *testing.T) {
	refusal := func(code string) *wire.ReplyError { return &wire.ReplyError{Code: code} }
	for _, c := range []struct {
		name    string
		refusal *wire.ReplyError
		before  retry
		atOnce  bool
		link    state.Link
	}{
		{"loss without a frame", nil, retry{}, true, state.Connecting},
		{"a publish was wrong", refusal(wire.CodeBadTopic), retry{}, true, state.Connecting},
		{"the ninth in a row", nil, retry{row: 8}, true, state.Connecting},
		{"the tenth in a row", nil, retry{row: 9}, false, state.Connecting},
		{"nsqd cannot store", refusal(wire.CodePubFailed), retry{}, false, state.Connecting},
		{"nsqd cannot store again", refusal(wire.CodePubFailed), retry{step: 1}, false, state.Down},
		{"nsqd cannot store a batch", refusal(wire.CodeMPubFailed), retry{}, false, state.Connecting},
		{"no auth server", refusal(wire.CodeAuthFailed), retry{}, false, state.Connecting},
		{"no auth server again", refusal(wire.CodeAuthFailed), retry{step: 1}, false, state.Down},
	} {
		p, err := NewProducer("127.0.0.1:1", &Config{Dial: noDial})
		require.NoError(t, err)
		l := newLoop(p)
		p.link.Advance(state.Unlinked, state.Connecting)
		p.link.Advance(state.Connecting, state.Up)
		l.retry = c.before
		l.retry.began = l.clock()
		l.after(c.refusal, errSilent)
		require.Equal(t, c.atOnce, l.conn != nil, c.name)
		require.Equal(t, c.link, p.link.Load(), c.name)
		if !c.atOnce {
			pause := time.Duration(l.retry.at - l.clock())
			require.Greater(t, pause, time.Duration(0), c.name)
			require.LessOrEqual(t, pause, 4*p.cfg.BackoffMin, c.name)
			require.Equal(t, l.retry.at, l.due, c.name+": the timer knows")
		}
		if l.conn != nil {
			l.conn.close()
			require.ErrorIs(t, next(t, l.replies).end, errNoDial)
		}
		l.timer.Stop()
	}
}

var errNoDial = errors.New("no dialling here")

func noDial(context.Context, string, string) (net.Conn, error) { return nil, errNoDial }
