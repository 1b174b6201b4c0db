package actor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
)

// deaf returns a live producer whose loop is the test.
func deaf(t *testing.T, room int) *Producer {
	t.Helper()
	p, err := NewProducer("a:1", &Config{MaxPending: room})
	require.NoError(t, err)
	require.True(t, p.phase.Advance(state.Idle, state.Live))
	return p
}

func (p *Producer) finish(t *testing.T) {
	t.Helper()
	require.True(t, p.phase.Advance(state.Live, state.Draining))
	require.True(t, p.phase.Advance(state.Draining, state.Closed))
}

// requireNothingHeld looks at both bounds.
func requireNothingHeld(t *testing.T, p *Producer, submitted, notSent int) {
	t.Helper()
	requireInside(t, &p.room, 0, 0)
	requireInside(t, &p.unread, 0, 0)
	s := p.Stats()
	require.Equal(t, [3]uint64{uint64(submitted), uint64(notSent), 0}, [3]uint64{s.Submitted, s.NotSent, s.Pending})
}

// TestMailboxIsFull, of questions that callers gave up, though there is room within the bounds: each call ends in its own way,
// as not sent, and holds nothing any more.
func TestMailboxIsFull(t *testing.T) {
	p := deaf(t, 4)
	for range cap(p.mail) {
		require.ErrorIs(t, p.PingContext(endsMeanwhile()), context.Canceled)
	}
	require.Len(t, p.mail, cap(p.mail))
	done := make(chan *Transaction, 1)
	for range 10 {
		require.True(t, p.TryPublishAsync("t", []byte("x"), done) == ErrFull)
	}
	requireNothingHeld(t, p, 10, 10)

	for _, err := range []error{
		p.PublishContext(endsMeanwhile(), "t", []byte("x")),
		p.MultiPublishContext(endsMeanwhile(), "t", [][]byte{[]byte("x")}),
		p.DeferredPublishContext(endsMeanwhile(), "t", 0, []byte("x")),
		p.PingContext(endsMeanwhile()),
	} {
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, NotSent, OutcomeOf(err))
	}
	require.ErrorIs(t, p.Flush(endsMeanwhile()), context.Canceled)
	requireNothingHeld(t, p, 13, 13)

	close(p.stopping)
	require.True(t, p.Publish("t", []byte("x")) == ErrStopped)
	require.True(t, p.PublishAsync("t", []byte("x"), done) == ErrStopped)
	require.True(t, p.PublishAsync("t", []byte("x"), nil) == ErrStopped)
	requireNothingHeld(t, p, 16, 16)
	require.Empty(t, done)
}

// shortened is a context that ends behind the first look at it, before anybody waits.
type shortened struct {
	context.Context
	looked bool
}

func endsMeanwhile() context.Context {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	return &shortened{Context: ended}
}

func (c *shortened) Err() error {
	if !c.looked {
		c.looked = true
		return nil
	}
	return c.Context.Err()
}

// TestLateSender: somebody found the producer alive, waited for room, and sends when the loop has emptied the mailbox for the
// last time: he takes it back.
func TestLateSender(t *testing.T) {
	done := make(chan *Transaction, 1)
	for _, publish := range []func(*Producer) error{
		func(p *Producer) error { return p.Publish("t", []byte("x")) },
		func(p *Producer) error { return p.MultiPublish("t", [][]byte{[]byte("x")}) },
		func(p *Producer) error { return p.PublishAsync("t", []byte("x"), done) },
		func(p *Producer) error { return p.PublishAsync("t", []byte("x"), nil) },
	} {
		p := deaf(t, 1)
		require.True(t, p.room.tryEnter(1))
		result := make(chan error, 1)
		go func() { result <- publish(p) }()
		parked(t, 1)
		p.finish(t)
		p.room.leave(1, 1)
		require.True(t, next(t, result) == ErrStopped)
		require.Len(t, p.mail, 1)
		late := next(t, p.mail)
		require.Equal(t, state.GivenUp, late.claim.Load())
		require.Nil(t, late.command, "its memory goes at once")
		requireNothingHeld(t, p, 1, 1)
	}
	require.Empty(t, done)
}

// TestOneEnd: the loop ends a publish, stops, and the caller's context ends, all at once. What the caller is told is what
// was counted, once.
func TestOneEnd(t *testing.T) {
	for range 2000 {
		p := deaf(t, 1)
		ctx, cancel := context.WithCancel(context.Background())
		result, ended := make(chan error, 1), make(chan struct{})
		go func() { result <- p.PublishContext(ctx, "t", []byte("x")) }()
		tr := next(t, p.mail)
		go func() {
			newLoop(p).end(tr, Acked, nil)
			p.finish(t)
			close(ended)
		}()
		cancel()
		outcome := OutcomeOf(next(t, result))
		next(t, ended)
		require.Contains(t, []Outcome{Acked, NotSent}, outcome)
		for _, o := range []Outcome{Acked, Refused, NotSent, Unknown} {
			want := uint64(0)
			if o == outcome {
				want = 1
			}
			require.Equal(t, want, p.counts.outcomes[o].Load(), o.String())
		}
		requireInside(t, &p.room, 0, 0)
	}
}

// TestResultThatIsThereWins over the context: whoever finds both takes the result, since it says more.
func TestResultThatIsThereWins(t *testing.T) {
	for range 200 {
		p := deaf(t, 1)
		ctx, cancel := context.WithCancel(context.Background())
		result := make(chan error, 1)
		go func() { result <- p.PublishContext(ctx, "t", []byte("x")) }()
		newLoop(p).end(next(t, p.mail), Acked, nil)
		cancel()
		require.NoError(t, next(t, result))
		require.EqualValues(t, 1, p.Stats().Acked)
	}
}

// TestRoomOfWhatChangesUnderTheCall: a caller who breaks the rules between the check and the copy is refused by the encoder, and
// the room that he had entered is given back.
func TestRoomOfWhatChangesUnderTheCall(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	bodies := [][]byte{{1}, {2}}
	r := request{kind: multiPublish, topic: "topic", bodies: bodies}
	size, err := r.check(&p.cfg)
	require.NoError(t, err)
	require.True(t, p.room.tryEnter(size))
	bodies[1] = nil
	_, err = p.admit(&r, size)
	require.ErrorIs(t, err, wire.ErrEmpty)
	require.Equal(t, NotSent, OutcomeOf(err))
	require.Zero(t, p.Pending())
	require.Zero(t, p.Stats().PendingBytes)
}
