package link_test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest/link"
)

// pingPong sends a byte there and back n times and returns the times that it took, smallest first.
func pingPong(t testing.TB, client, served net.Conn, n int) []time.Duration {
	t.Helper()
	go func() {
		one := make([]byte, 1)
		for range n {
			if _, err := io.ReadFull(served, one); err != nil {
				return
			}
			served.Write(one)
		}
	}()
	times := make([]time.Duration, n)
	one := make([]byte, 1)
	for i := range times {
		began := time.Now()
		_, err := client.Write(one)
		require.NoError(t, err)
		_, err = io.ReadFull(client, one)
		require.NoError(t, err)
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times
}

func TestRoundTrip(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	for _, d := range []time.Duration{200 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 0} {
		s.path.RoundTrip(d)
		times := pingPong(t, client, served, 20)
		require.GreaterOrEqual(t, times[0], d)
		require.Less(t, times[len(times)/2], d+20*time.Millisecond)
		t.Logf("%v: from %v to %v, median %v", d, times[0], times[len(times)-1], times[len(times)/2])
	}
}

// A long path is a pipe: how long it is bounds nothing but the first byte's time.
func TestLongPathHasFullThroughput(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	const roundTrip, size = 400 * time.Millisecond, 32 << 20
	s.path.RoundTrip(roundTrip)
	began := time.Now()
	background(t, func() { io.CopyN(client, zeros{}, size) })
	_, err := io.CopyN(io.Discard, served, size)
	require.NoError(t, err)
	took := time.Since(began)
	require.GreaterOrEqual(t, took, roundTrip/2)
	require.Less(t, took, 5*time.Second, "a sleep for each piece of 64 KiB would take 100 s")
	t.Logf("%d MiB took %v", size>>20, took)
}

// Each byte is under way for as long as any other, also where several are.
func TestEachByteTakesItsTime(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	const roundTrip = 200 * time.Millisecond
	s.path.RoundTrip(roundTrip)
	began := time.Now()
	send(t, client, []byte("a"))
	time.Sleep(roundTrip / 4)
	between := time.Now()
	send(t, client, []byte("b"))
	expect(t, served, []byte("a"))
	require.GreaterOrEqual(t, time.Since(began), roundTrip/2)
	expect(t, served, []byte("b"))
	require.GreaterOrEqual(t, time.Since(between), roundTrip/2)
}

// What is under way keeps its time and its order when the path gets shorter.
func TestShorterPathKeepsOrder(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	const roundTrip = 400 * time.Millisecond
	s.path.RoundTrip(roundTrip)
	began := time.Now()
	send(t, client, []byte("first "))
	time.Sleep(10 * time.Millisecond) // for the link to have read it
	s.path.RoundTrip(0)
	send(t, client, []byte("second"))
	expect(t, served, []byte("first second"))
	require.GreaterOrEqual(t, time.Since(began), roundTrip/2)
}

func TestRate(t *testing.T) {
	for _, c := range []struct{ rate, size int }{{64 << 10, 64 << 10}, {1 << 20, 1 << 20}, {50, 50}} {
		t.Run(fmt.Sprint(c.rate), func(t *testing.T) {
			t.Parallel() // they mostly wait
			s := newServer(t)
			took := time.Hour
			for range 3 { // the machine may have other things to do, and hold one up
				client, served := s.connect()
				s.path.Rate(c.rate)
				began := time.Now()
				background(t, func() { io.CopyN(client, zeros{}, int64(c.size)) })
				_, err := io.CopyN(io.Discard, served, int64(c.size))
				require.NoError(t, err)
				took = min(took, time.Since(began))
				t.Logf("%d bytes at %d a second took %v", c.size, c.rate, took)
				require.GreaterOrEqual(t, took, 700*time.Millisecond)
				if took < 2*time.Second {
					break
				}
			}
			require.Less(t, took, 2*time.Second)
		})
	}
}

// A rate that changes takes effect at once, also on a reader who waits for a long time.
func TestRateChanges(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	s.path.Rate(50)
	const size = 1 << 20
	background(t, func() { io.CopyN(client, zeros{}, size) })
	expect(t, served, make([]byte, 1))
	s.path.Rate(0)
	_, err := io.CopyN(io.Discard, served, size-1)
	require.NoError(t, err)
}

// The rate bounds what the link reads, too: so the client notices it, beyond what the kernels hold.
func TestRateHoldsUpTheClient(t *testing.T) {
	s := newServer(t)
	client, served := s.connect()
	s.path.Rate(1000)
	const much = 64 << 20
	require.Less(t, flood(t, client, much), much/2)
	require.Less(t, s.path.Stats().Up, int64(100_000))
	answer := noise(1 << 20)
	background(t, func() { served.Write(answer) })
	expect(t, client, answer) // down has no rate
}

func TestRateOnALongPath(t *testing.T) {
	s := newServer(t)
	s.path.Rate(100_000)
	s.path.RoundTrip(400 * time.Millisecond)
	client, served := s.connect()
	began := time.Now()
	send(t, client, make([]byte, 50_000))
	expect(t, served, make([]byte, 50_000))
	require.GreaterOrEqual(t, time.Since(began), 500*time.Millisecond)
	s.wait(func(stats link.Stats) bool { return stats.Up == 50_000 })
}

func BenchmarkPingPong(b *testing.B) {
	for _, µs := range []time.Duration{0, 200, 1000, 5000, 20_000} {
		roundTrip := µs * time.Microsecond
		b.Run("path="+roundTrip.String(), func(b *testing.B) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			defer listener.Close()
			path := link.New(listener.Addr().String())
			defer path.Close()
			path.RoundTrip(roundTrip)
			client, err := net.Dial("tcp", path.Addr)
			require.NoError(b, err)
			defer client.Close()
			served, err := listener.Accept()
			require.NoError(b, err)
			defer served.Close()
			b.ResetTimer()
			times := pingPong(b, client, served, b.N)
			b.ReportMetric(float64(times[len(times)/2]-roundTrip)/1e3, "p50-beyond-µs")
			b.ReportMetric(float64(times[len(times)*99/100]-roundTrip)/1e3, "p99-beyond-µs")
		})
	}
}

func BenchmarkThroughput(b *testing.B) {
	for _, roundTrip := range []time.Duration{0, 5 * time.Millisecond} {
		b.Run("path="+roundTrip.String(), func(b *testing.B) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			defer listener.Close()
			path := link.New(listener.Addr().String())
			defer path.Close()
			path.RoundTrip(roundTrip)
			client, err := net.Dial("tcp", path.Addr)
			require.NoError(b, err)
			defer client.Close()
			served, err := listener.Accept()
			require.NoError(b, err)
			defer served.Close()
			const size = 1 << 20
			b.SetBytes(size)
			go io.CopyN(client, zeros{}, int64(b.N)*size)
			_, err = io.CopyN(io.Discard, served, int64(b.N)*size)
			require.NoError(b, err)
		})
	}
}
