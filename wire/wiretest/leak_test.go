package wiretest_test

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// Close leaves no goroutine and no descriptor, in whatever state it finds the connections.
func TestCloseLeavesNothing(t *testing.T) {
	goroutines, descriptors := runtime.NumGoroutine(), countDescriptors(t)
	var clients []*client
	for _, faults := range [][]wiretest.Fault{
		nil,
		{wiretest.OnAccept().Freeze()},
		{wiretest.OnAccept().Blackhole()},
		{wiretest.OnIdentify().Busy(time.Hour)},
		{wiretest.OnIdentify().Stall()},
		{wiretest.OnPublish(1).Delay(time.Hour)},
		{wiretest.OnPublish(1).StopReading()},
		{wiretest.OnPublish(2).Close()},
		{wiretest.OnPublish(2).Reset()},
		{wiretest.OnIdentify().Answered().StopReading()},
		{wiretest.OnTLS().Freeze()},
		{wiretest.OnTLS().Stall()},
		{wiretest.OnCompression().Blackhole()},
		{wiretest.OnCompression().Delay(time.Hour)},
	} {
		srv := wiretest.Config{TLS: trusted().serverTLS(), Deflate: true, Faults: faults}.NewServer()
		for _, dial := range []func(*testing.T, *wiretest.Server) *client{dialTCP, dialMemory} {
			silent, talking, upgrading, promising := dial(t, srv), dial(t, srv), dial(t, srv), dial(t, srv)
			clients = append(clients, silent, talking, upgrading, promising)
			upgrading.Write(wire.AppendIdentify([]byte(wire.Magic), []byte(asking("deflate"))))
			promising.Write(wire.AppendIdentify([]byte(wire.Magic), []byte(asking("tls_v1")))) // and then no handshake
			talking.Write(wire.AppendIdentify([]byte(wire.Magic), []byte("{}")))
			talking.Write(pub(t, "t", "x"))
			talking.Write(pub(t, "t", "x"))
		}
		srv.Close()
		srv.Close()
		require.Zero(t, srv.Stats().Open)
	}
	for _, c := range clients {
		c.Close()
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) { // goroutines that were woken need a moment to go
		if runtime.NumGoroutine() <= goroutines && countDescriptors(t) <= descriptors {
			return
		}
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines and %d descriptors more than before:\n%s", runtime.NumGoroutine()-goroutines,
				countDescriptors(t)-descriptors, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// Close waits for the functions that the server calls.
func TestCloseWaitsForFunctions(t *testing.T) {
	var srv *wiretest.Server
	var returned bool
	entered := make(chan struct{})
	srv = wiretest.NewInMemory(wiretest.OnIdentify().Do(func() {
		close(entered)
		for over := false; !over; { // until Close has begun
			nc, err := srv.Dial(context.Background(), "tcp", srv.Addr)
			if over = err != nil; !over {
				nc.Close()
			}
		}
		time.Sleep(20 * time.Millisecond) // a Close that does not wait is through by then
		returned = true
	}))
	dialMemory(t, srv).open("{}")
	<-entered
	srv.Close()
	require.True(t, returned)
}

func countDescriptors(t *testing.T) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}
