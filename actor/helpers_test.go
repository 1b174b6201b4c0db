package actor_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest"
)

// patience is how long a test waits for what must happen, and which nothing is measured by.
const patience = 20 * time.Second

// newDouble starts a double of nsqd on loopback with these faults, and closes it when the test has ended.
func newDouble(t testing.TB, faults ...wiretest.Fault) *wiretest.Server {
	t.Helper()
	srv := wiretest.NewServer(faults...)
	t.Cleanup(srv.Close)
	return srv
}

// newInMemory starts a double without a port. It is for who closes its listener and dials on: nobody else can listen there then,
// and no connection can come from there that goes there, too.
func newInMemory(t testing.TB) *wiretest.Server {
	t.Helper()
	srv := wiretest.NewInMemory()
	t.Cleanup(srv.Close)
	return srv
}

// listenAgain makes the double reachable again after CloseListener. Meanwhile its port may be that from which a connection goes
// out to somebody else, until that has ended.
func listenAgain(t testing.TB, srv *wiretest.Server) {
	t.Helper()
	until(t, "the port is free", func() bool { return srv.Listen() == nil })
}

// newProducer makes a producer, and shuts it down when the test has ended, giving what is pending next to no time.
func newProducer(t testing.TB, addr string, cfg *actor.Config) *actor.Producer {
	t.Helper()
	one := actor.Config{}
	if cfg != nil {
		one = *cfg
	}
	if one.FoldMessages == 0 {
		one.FoldMessages = 1
	}
	p, err := actor.NewProducer(addr, &one)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		p.Shutdown(ctx)
	})
	return p
}

// testContext ends with the test, or after patience.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// started runs f on a goroutine of its own and returns a channel that has its result when it has returned.
func started[T any](f func() T) <-chan T {
	result := make(chan T, 1)
	go func() { result <- f() }()
	return result
}

// receive returns the next value from a channel. With none within patience the test fails with everybody's stack.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case v := <-from:
		return v
	case <-timeout.C:
		require.FailNow(t, "nothing came", "%s", leak.Stacks())
		panic("not reached")
	}
}

// eventually waits until a condition holds that nobody reports. It looks on the test's own goroutine, so that the condition may
// count goroutines.
func eventually(t testing.TB, holds func() bool, what string) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			require.FailNow(t, "not in time: "+what, "%s", leak.Stacks())
		}
	}
}

// requireBooks checks the account of a producer at rest.
func requireBooks(t testing.TB, p *actor.Producer) {
	t.Helper()
	s := p.Stats()
	require.Equal(t, s.Submitted, s.Acked+s.Refused+s.NotSent+s.Unknown+s.Pending, "%+v", s)
}
