package actor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// The kernel is kept from taking a large command whole while nsqd takes nothing: when the connection ends it is known not to be
// stored, and goes again.
func TestKernelTakesLittleAhead(t *testing.T) {
	srv := newDouble(t, wiretest.OnPublish(1).Conn(1).Answered().StopReading())
	p := newProducer(t, srv.Addr, &actor.Config{WriteTimeout: patience})
	require.NoError(t, p.Publish("topic", []byte("first")))
	done := make(doneChan, 1)
	require.NoError(t, p.PublishAsync("topic", make([]byte, 1<<20), done))
	time.Sleep(50 * time.Millisecond) // which is long for a kernel that takes it all
	srv.ResetAll()
	require.NoError(t, receive(t, done).Error)
	require.Equal(t, 2, srv.Stats().Conns)
	require.Equal(t, 2, srv.MessageCount("topic"))
}
