package actor

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
)

// TestLateSenderInDoubt replays a sender who is preempted between his send and his look at the phase while, with RetryUnknown,
// his publish is written, its connection lost, and the producer closed by the end of Shutdown's bound: nsqd may have stored it.
func TestLateSenderInDoubt(t *testing.T) {
	p, err := NewProducer("a:1", &Config{RetryUnknown: true})
	require.NoError(t, err)
	require.True(t, p.phase.Advance(state.Idle, state.Live))
	require.True(t, p.room.tryEnter(4))
	tr := p.fresh(publish, 4)
	tr.size = 4
	require.NoError(t, tr.encode(&request{kind: publish, topic: "topic", body: []byte("body")}))
	l := newLoop(p)

	// post, as far as the send; then the loop: receive, fill, write, wreck.
	s := sent{tr, tr.claim.Turn(), tr.kind, tr.size}
	require.True(t, tr.claim.Advance(state.Free, state.Queued))
	p.counts.submitted.Add(1)
	p.mail <- tr
	require.True(t, l.collect())
	require.True(t, tr.claim.Advance(state.Queued, state.Taken))
	l.backlog.popFront()
	require.True(t, l.survives(tr, true, errors.New("lost")))
	l.backlog.pushFront(tr)
	require.True(t, p.phase.Advance(state.Live, state.Draining))
	require.True(t, p.phase.Advance(state.Draining, state.Closed))

	outcome, late := p.tooLate(s)
	require.True(t, late)
	require.Equal(t, Unknown, outcome)
	require.EqualValues(t, 1, p.Stats().Unknown)

	// How post says that: with a publish that is in doubt from the beginning, since nobody can come between here.
	require.True(t, p.room.tryEnter(4))
	tr = p.fresh(publish, 4)
	tr.size, tr.doubt = 4, true
	_, outcome, err = p.post(context.Background(), tr, wait)
	require.Equal(t, Unknown, outcome)
	require.ErrorIs(t, err, ErrConnectionLost)
	require.NotErrorIs(t, err, ErrStopped, "which implies not sent")
	require.EqualValues(t, 2, p.Stats().Unknown)
	require.Zero(t, p.Stats().Queued, "what lies in the mailbox of an ended loop is nobody's")
}
