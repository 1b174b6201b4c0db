package actor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
)

// handing returns a producer that hands back, and one of its transactions, posted.
func handing(t *testing.T, maxPending int) (*Producer, sent) {
	p, err := NewProducer("a:1", &Config{HandBack: 1, MaxPending: maxPending})
	require.NoError(t, err)
	require.True(t, p.phase.Advance(state.Idle, state.Live))
	require.True(t, p.room.tryEnter(4))
	require.True(t, p.unread.tryEnter(0))
	tr, err := p.admit(&request{kind: publish, topic: "topic", body: []byte("body")}, 4)
	require.NoError(t, err)
	s, _, err := p.post(context.Background(), tr, wait)
	require.NoError(t, err)
	return p, s
}

// TestAdoptedIsACopy of the transaction that was handed back, which serves another publish at once, and keeps what lasts.
func TestAdoptedIsACopy(t *testing.T) {
	from, s := handing(t, 2)
	to, other := handing(t, 2)
	require.True(t, (<-from.mail).claim.Finish())
	s.t.moves, s.t.doubt = 3, true
	require.NoError(t, to.TryAdopt(s.t))
	require.Same(t, other.t, <-to.mail)
	own := <-to.mail
	require.NotSame(t, s.t, own)
	text := string(own.command)
	clear(s.t.command[:cap(s.t.command)])
	require.Equal(t, text, string(own.command))
	require.Equal(t, 3, own.moves)
	require.True(t, own.doubt)
	require.Equal(t, state.Free, s.t.claim.Load())
}

// TestBookedOnce: a sender who finds the producer ended takes back what he has sent, by an outcome, and has it booked as handed
// back: instead of that, not beside it.
func TestBookedOnce(t *testing.T) {
	p, s := handing(t, 2)
	require.True(t, p.phase.Advance(state.Live, state.Draining))
	require.True(t, p.phase.Advance(state.Draining, state.Closed))
	outcome, late := p.tooLate(s)
	require.True(t, late)
	require.EqualValues(t, 1, p.Stats().NotSent)
	var failed *Error
	require.ErrorAs(t, p.booked(publish, "topic", outcome, ErrStopped, true), &failed)
	require.True(t, failed.HandedBack())
	stats := p.Stats()
	require.Zero(t, stats.NotSent)
	require.EqualValues(t, 1, stats.HandedBack)
	require.Zero(t, stats.Pending)
}

// TestAdoptedAtHome: what comes back to the producer that handed it back has its places already, and holds them once.
func TestAdoptedAtHome(t *testing.T) {
	p, s := handing(t, 2)
	require.True(t, (<-p.mail).claim.Finish())
	require.NoError(t, p.TryAdopt(s.t))
	require.Equal(t, 1, p.Pending())
	require.EqualValues(t, 4, p.Stats().PendingBytes)
	count, bytes := p.unread.inside()
	require.EqualValues(t, 1, count)
	require.Zero(t, bytes)
}

// TestAdoptionThatIsStopped, while it waits for the mailbox: the transaction stays the caller's, with the places that it had.
func TestAdoptionThatIsStopped(t *testing.T) {
	p, s := handing(t, 1) // which fills the mailbox
	require.True(t, s.t.claim.Finish())
	close(p.stopping)
	var failed *Error
	require.ErrorAs(t, p.TryAdopt(s.t), &failed)
	require.ErrorIs(t, failed, ErrStopped)
	require.True(t, failed.HandedBack())
	require.Equal(t, state.Done, s.t.claim.Load())
	require.Equal(t, 1, p.Pending())
	require.EqualValues(t, 4, p.Stats().PendingBytes)
	count, _ := p.unread.inside()
	require.EqualValues(t, 1, count)
}
