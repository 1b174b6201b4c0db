package actor_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// Callers who leave give back their bounds, but what they left unanswered is still in memory, lest it has to go again: so the
// producer takes no more than MaxPendingBytes of it and one more, however many come and leave.
func TestWhatIsLeftUnansweredIsBoundedInBytes(t *testing.T) {
	const size, most = 256 << 10, 4 << 20
	// The first answer's long way makes the window of unanswered writes wide enough not to be the bound.
	faults := []wiretest.Fault{wiretest.OnPublish(1).Delay(20 * time.Millisecond), wiretest.OnPublish(2).Stall()}
	srv := wiretest.Config{InMemory: true, Faults: faults}.NewServer()
	t.Cleanup(srv.Close)
	p := newProducer(t, srv.Addr, &actor.Config{Dial: srv.Dial, MaxPendingBytes: most})
	require.NoError(t, p.Publish("topic", []byte("first")))
	body := make([]byte, size)
	outcomes := map[actor.Outcome]int{}
	for range 8 * most / size {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		err := p.PublishContext(ctx, "topic", body)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		outcomes[actor.OutcomeOf(err)]++
	}
	taken := srv.Stats().Messages - 1
	require.LessOrEqual(t, taken*size, most+size)
	require.GreaterOrEqual(t, taken, most/size-2, "and nearly as much it does take")
	require.GreaterOrEqual(t, outcomes[actor.Unknown], taken)
	require.Zero(t, p.Stats().PendingBytes)

	srv.Resume()
	require.NoError(t, p.Publish("topic", body))
	require.Equal(t, taken+2, srv.Stats().Messages, "those that were not sent are not")
}
