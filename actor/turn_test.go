package actor

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
)

// TestLateSenderLooksAtHisOwnTurn replays what a preempted sender can meet: he has posted a transaction, which was acked,
// released and posted again by somebody else, and the producer has closed, before he looks at the phase. He must not take
// back what is not his.
func TestLateSenderLooksAtHisOwnTurn(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	require.True(t, p.phase.Advance(state.Idle, state.Live))
	tr := p.fresh(publish, 4)
	post := func() sent {
		require.True(t, p.room.tryEnter(4))
		tr.size = 4
		require.NoError(t, tr.encode(&request{kind: publish, topic: "topic", body: []byte("body")}))
		s, _, err := p.post(context.Background(), tr, wait)
		require.NoError(t, err)
		return s
	}
	l := newLoop(p)
	first := post()
	l.end(next(t, p.mail), Acked, nil) // dest is nil: released at once, and posted again as if it came from the pool
	second := post()
	require.True(t, p.phase.Advance(state.Live, state.Draining))
	require.True(t, p.phase.Advance(state.Draining, state.Closed))

	late := func(s sent) bool {
		_, left := p.tooLate(s)
		return left
	}
	before := p.Stats()
	assert.False(t, late(first), "it was acked")
	assert.Equal(t, before, p.Stats())
	assert.Equal(t, state.Queued, tr.claim.Load())
	assert.True(t, late(second))
	assert.False(t, late(second), "once")
	assert.EqualValues(t, 1, p.Stats().NotSent)
	assert.Zero(t, p.Stats().Pending)
}

func TestPendingMemoryFollowsTheSize(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	for _, size := range []int{0, 1, 100, 1000, 8 << 10, 9 << 10, 16 << 10, 64 << 10, 100 << 10, 1 << 20} {
		tr := p.fresh(publish, size)
		need := size + lineBytes
		assert.GreaterOrEqual(t, cap(tr.command), need)
		assert.LessOrEqual(t, cap(tr.command), max(2*need, smallBytes), "size %d", size)
		tr.recycle()
		assert.LessOrEqual(t, cap(tr.command), smallBytes<<(classes-1), "what the pool keeps")

		// Whatever was in use before, a small publish gets no large memory.
		assert.LessOrEqual(t, cap(p.fresh(publish, 16).command), smallBytes)
	}
}

// TestCourierRetiresOnce replays a courier that finds itself idle again just before its box is closed.
func TestCourierRetiresOnce(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	l := newLoop(p)
	dest := make(chan *Transaction)
	b := &box{dest: dest, in: make(chan []*Transaction, 1)}
	l.idle, l.boxes = make(chan *box, 2), map[chan<- *Transaction]*box{dest: b}
	l.idle <- b
	l.idle <- b
	l.retireCouriers()
	require.Empty(t, l.boxes)
	_, open := <-b.in
	require.False(t, open)
}

// TestCourierThatHasMoreStays: a courier that found itself idle, and was given another result before the loop looked, is not
// retired, and may say again that it is idle.
func TestCourierThatHasMoreStays(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	l := newLoop(p)
	dest := make(chan *Transaction)
	b := &box{dest: dest, in: make(chan []*Transaction, 1), given: 2}
	l.idle, l.boxes = make(chan *box, 1), map[chan<- *Transaction]*box{dest: b}
	for taken := 1; taken <= 2; taken++ {
		require.Contains(t, l.boxes, b.dest)
		p.unread.force(0)
		p.done(b, l.idle, 0)
		require.Len(t, l.idle, 1, "after %d", taken)
		l.retireCouriers()
	}
	require.Empty(t, l.boxes)
	count, _ := p.unread.inside()
	require.Zero(t, count)
}

// TestDrainedLoopDoesNotSleep lets the last thing in the mailbox of a stopping producer be one that ends, or has ended, without
// anything being written: a Flush, and a publish that was given up on its way. Nobody would ring for it again.
func TestDrainedLoopDoesNotSleep(t *testing.T) {
	for _, k := range []kind{flush, publish} {
		p, err := NewProducer("a:1", &Config{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		require.NoError(t, err)
		require.True(t, p.phase.Advance(state.Idle, state.Live))
		tr := p.fresh(k, 0)
		tr.dest = tr.done
		s, _, err := p.post(context.Background(), tr, wait)
		require.NoError(t, err)
		if k == publish {
			require.True(t, p.room.tryEnter(0))
			_, left := p.leave(s)
			require.True(t, left)
		}
		require.True(t, p.phase.Advance(state.Live, state.Draining))
		l := newLoop(p)
		l.draining = true // the bell was heard before the mailbox was looked at
		go l.run()
		select {
		case <-p.ended:
		case <-time.After(500 * time.Millisecond):
			require.Fail(t, "the loop sleeps", kinds[k].op)
		}
	}
}

// TestResultsDoNotOvertakeACourier: as long as there is one, results go through it, although the channel has room just now.
func TestResultsDoNotOvertakeACourier(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	l := newLoop(p)
	dest := make(chan *Transaction, 1)
	b := &box{dest: dest, in: make(chan []*Transaction, 1)}
	l.boxes = map[chan<- *Transaction]*box{dest: b}
	first, second := p.fresh(publish, 0), p.fresh(publish, 0)
	for _, tr := range []*Transaction{first, second} {
		tr.dest = dest
		l.offer(tr)
	}
	require.Empty(t, dest)
	require.Equal(t, []*Transaction{first, second}, next(t, b.in))
	require.EqualValues(t, 2, p.Stats().Undelivered)
}
