package producer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/link"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

const benchTopic = "bench"

// peer is what a benchmark publishes to: a real nsqd, and the double, which answers faster than nsqd can and so shows the
// producer's own costs.
type peer struct {
	name  string
	start func(b *testing.B) (addr string, count func() uint64)
}

var benchPeers = []peer{
	{"nsqd", func(b *testing.B) (string, func() uint64) {
		nsqd := nsqdtest.Start(b, "-mem-queue-size=10000000")
		return nsqd.TCPAddr, func() uint64 { return nsqd.MessageCount(benchTopic) }
	}},
	{"double", func(b *testing.B) (string, func() uint64) {
		double := wiretest.Config{Discard: true}.NewServer()
		b.Cleanup(double.Close)
		return double.Addr, func() uint64 { return uint64(double.MessageCount(benchTopic)) }
	}},
}

// onPeers runs a benchmark on each peer with a warm producer, and checks with the peer's own count that the work was done:
// messages is how many one operation publishes.
func onPeers(b *testing.B, scenario string, messages int, run func(b *testing.B, p *actor.Producer)) {
	for _, peer := range benchPeers {
		b.Run(peer.name+"/"+scenario, func(b *testing.B) {
			addr, count := peer.start(b)
			p, err := actor.NewProducer(addr, nil)
			require.NoError(b, err)
			defer p.Stop()
			require.NoError(b, p.Publish(benchTopic, []byte("warm")))
			b.ReportAllocs()
			b.ResetTimer()
			run(b, p)
			b.StopTimer()
			require.EqualValues(b, b.N*messages+1, count())
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	body := make([]byte, 128)
	for _, callers := range []int{1, 16, 256} {
		onPeers(b, fmt.Sprintf("callers=%d/body=128B", callers), 1, func(b *testing.B, p *actor.Producer) {
			share(b, callers, func() error { return p.Publish(benchTopic, body) })
		})
	}
}

func BenchmarkPublishAsync(b *testing.B) {
	body := make([]byte, 128)
	const outstanding = 1024
	onPeers(b, "outstanding=1024/body=128B", 1, func(b *testing.B, p *actor.Producer) {
		done := make(chan *actor.Transaction, outstanding)
		receive := func() {
			result := <-done
			if result.Error != nil {
				b.Error(result.Error)
			}
			result.Release()
		}
		for i := range b.N {
			if i >= outstanding {
				receive()
			}
			if err := p.PublishAsync(benchTopic, body, done); err != nil {
				b.Fatal(err)
			}
		}
		for range min(b.N, outstanding) {
			receive()
		}
	})
}

func BenchmarkMultiPublish(b *testing.B) {
	const batch = 100
	bodies := slices.Repeat([][]byte{make([]byte, 128)}, batch)
	onPeers(b, "callers=1/batch=100/body=128B", batch, func(b *testing.B, p *actor.Producer) {
		share(b, 1, func() error { return p.MultiPublish(benchTopic, bodies) })
	})
}

func BenchmarkDeferredPublish(b *testing.B) {
	body := make([]byte, 128)
	onPeers(b, "callers=16/body=128B", 1, func(b *testing.B, p *actor.Producer) {
		share(b, 16, func() error { return p.DeferredPublish(benchTopic, time.Millisecond, body) })
	})
}

// share divides b.N calls among goroutines.
func share(b *testing.B, callers int, call func() error) {
	ends := make(chan error, callers)
	for i := range callers {
		go func() {
			var err error
			for n := i; n < b.N && err == nil; n += callers {
				err = call()
			}
			ends <- err
		}()
	}
	for range callers {
		if err := <-ends; err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkRaw is the limit of unbatched PUB: one goroutine writes encoded commands and reads the answers, that many of them
// at a time.
func BenchmarkRaw(b *testing.B) {
	for _, window := range []int{1, 16, 256} {
		for _, peer := range benchPeers {
			b.Run(fmt.Sprintf("%s/window=%d/body=128B", peer.name, window), func(b *testing.B) {
				addr, count := peer.start(b)
				raw := dialRaw(b, addr, window)
				b.ReportAllocs()
				b.ResetTimer()
				for range (b.N + window - 1) / window {
					raw.round()
				}
				b.StopTimer()
				require.EqualValues(b, (b.N+window-1)/window*window, count())
			})
		}
	}
}

// BenchmarkLoneCaller compares one caller with the raw loop, both on one nsqd, turn by turn: on one processor, where no
// hand-off can wake an idle thread, and on all. It reports the median of the rounds' ratios.
func BenchmarkLoneCaller(b *testing.B) {
	for _, procs := range []int{1, runtime.GOMAXPROCS(0)} {
		b.Run(fmt.Sprintf("procs=%d", procs), func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			nsqd := nsqdtest.Start(b, "-mem-queue-size=10000000")
			p, err := actor.NewProducer(nsqd.TCPAddr, nil)
			require.NoError(b, err)
			defer p.Stop()
			body := make([]byte, 128)
			publish := func() { require.NoError(b, p.Publish(benchTopic, body)) }
			raw := dialRaw(b, nsqd.TCPAddr, 1)
			const rounds, calls = 101, 300
			time1 := func(call func()) float64 {
				start := time.Now()
				for range calls {
					call()
				}
				return float64(time.Since(start).Nanoseconds()) / calls
			}
			time1(publish)
			time1(raw.round)
			b.ResetTimer()
			var ours, limits, ratios []float64
			for range b.N * rounds {
				our, limit := time1(publish), time1(raw.round)
				ours, limits, ratios = append(ours, our), append(limits, limit), append(ratios, our/limit)
			}
			b.StopTimer()
			b.ReportMetric(median(ours), "ours-ns")
			b.ReportMetric(median(limits), "raw-ns")
			b.ReportMetric(median(ratios), "ours/raw")
			require.EqualValues(b, 2*(b.N*rounds+1)*calls, nsqd.MessageCount(benchTopic))
		})
	}
}

// BenchmarkPath publishes over paths of different lengths. It reports the median time of a call, also as a multiple of that of the
// raw loop's lone PUB on the same path, and how many calls a second there are.
func BenchmarkPath(b *testing.B) {
	nsqd := nsqdtest.Start(b, "-mem-queue-size=100000")
	for _, trip := range []time.Duration{0, 200 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		for _, callers := range []int{2, 64} {
			for _, topics := range []int{1, 1000} {
				b.Run(fmt.Sprintf("trip=%v/callers=%d/topics=%d", trip, callers, topics), func(b *testing.B) {
					path := link.New(nsqd.TCPAddr)
					b.Cleanup(path.Close)
					path.RoundTrip(trip)
					p, err := actor.NewProducer(path.Addr, nil)
					require.NoError(b, err)
					defer p.Stop()
					names := make([]string, topics)
					for i := range names {
						names[i] = fmt.Sprint("path-", i)
					}
					times := publishTimes(b, p, callers, names)
					slices.Sort(times)
					p50 := times[len(times)/2]
					b.ReportMetric(float64(p50.Microseconds()), "p50-µs")
					b.ReportMetric(float64(len(times))/b.Elapsed().Seconds(), "calls/s")
					b.ReportMetric(float64(p50)/float64(rawTime(b, path.Addr)), "p50/raw")
					require.EqualValues(b, b.N+warmUp, p.Stats().Acked)
				})
			}
		}
	}
}

// rawTime returns the median time of the raw loop's lone PUB.
func rawTime(b *testing.B, addr string) time.Duration {
	raw := dialRaw(b, addr, 1)
	times := make([]time.Duration, 100)
	for i := range times {
		start := time.Now()
		raw.round()
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

const warmUp = 500 // calls, after which the producer knows the path

// publishTimes publishes b.N messages to these topics in turn, and returns how long each call took.
func publishTimes(b *testing.B, p *actor.Producer, callers int, topics []string) (times []time.Duration) {
	body := make([]byte, 128)
	round := func(calls int) (times []time.Duration) {
		all := make(chan []time.Duration, callers)
		for i := range callers {
			go func() {
				var own []time.Duration
				for n := i; n < calls; n += callers {
					start := time.Now()
					if err := p.Publish(topics[n%len(topics)], body); err != nil {
						b.Error(err)
					}
					own = append(own, time.Since(start))
				}
				all <- own
			}()
		}
		for range callers {
			times = append(times, <-all...)
		}
		return times
	}
	round(warmUp)
	b.ResetTimer()
	times = round(b.N)
	b.StopTimer()
	return times
}

// BenchmarkContextEnd measures how long after its context's end a call returns, with nsqd stopped by a signal and 100 callers
// at a time, small bodies and such as fill the socket's buffers.
func BenchmarkContextEnd(b *testing.B) {
	for _, size := range []int{128, 200 << 10} {
		b.Run(fmt.Sprintf("nsqd-stopped/callers=100/body=%dB", size), func(b *testing.B) {
			nsqd := nsqdtest.Start(b, "-mem-queue-size=10000000")
			p, err := actor.NewProducer(nsqd.TCPAddr, nil)
			require.NoError(b, err)
			defer p.Stop()
			require.NoError(b, p.Ping())
			nsqd.Pause()
			defer nsqd.Resume()
			const callers, rounds = 100, 5
			body := make([]byte, size)
			late := make(chan float64, callers)
			var lates []float64
			b.ResetTimer()
			for range b.N * rounds {
				for range callers {
					go func() {
						deadline := time.Now().Add(50 * time.Millisecond)
						ctx, cancel := context.WithDeadline(context.Background(), deadline)
						defer cancel()
						err := p.PublishContext(ctx, benchTopic, body)
						late <- float64(time.Since(deadline).Microseconds()) / 1000
						if !errors.Is(err, context.DeadlineExceeded) {
							b.Error(err)
						}
					}()
				}
				for range callers {
					lates = append(lates, <-late)
				}
			}
			b.StopTimer()
			slices.Sort(lates)
			b.ReportMetric(lates[len(lates)/2], "p50-ms-late")
			b.ReportMetric(lates[len(lates)*99/100], "p99-ms-late")
			b.ReportMetric(lates[len(lates)-1], "max-ms-late")
		})
	}
}

// BenchmarkIdle measures what a connected producer that does nothing holds: heap and goroutines.
func BenchmarkIdle(b *testing.B) {
	double := wiretest.NewServer()
	b.Cleanup(double.Close)
	const producers = 50
	measure := func() (heap, goroutines float64) {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return float64(stats.HeapAlloc), float64(runtime.NumGoroutine())
	}
	// What the double holds for a connection is not the producer's: plain connections are measured first and taken off.
	connect := func(dial func() (closeIt func())) (heap, goroutines float64) {
		heapBefore, goroutinesBefore := measure()
		var closers []func()
		for range producers {
			closers = append(closers, dial())
		}
		heapAfter, goroutinesAfter := measure()
		for _, closeIt := range closers {
			closeIt()
		}
		return (heapAfter - heapBefore) / producers, (goroutinesAfter - goroutinesBefore) / producers
	}
	for range b.N {
		plainHeap, plainGoroutines := connect(func() func() {
			conn := dialRaw(b, double.Addr, 1).conn
			return func() { conn.Close() }
		})
		heap, goroutines := connect(func() func() {
			p, err := actor.NewProducer(double.Addr, nil)
			require.NoError(b, err)
			require.NoError(b, p.Ping())
			return p.Stop
		})
		b.ReportMetric((heap-plainHeap)/1024, "KiB-heap")
		b.ReportMetric(goroutines-plainGoroutines, "goroutines")
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// rawLoop is a connection that writes some PUBs at once and reads their answers.
type rawLoop struct {
	b                *testing.B
	conn             net.Conn
	commands, answer []byte
}

func dialRaw(b *testing.B, addr string, window int) *rawLoop {
	conn, err := net.Dial("tcp", addr)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close() })
	_, err = conn.Write(wire.AppendIdentify([]byte(wire.Magic), []byte(`{"feature_negotiation":true}`)))
	require.NoError(b, err)
	_, err = wire.NewReader(conn).Next()
	require.NoError(b, err)
	pub, err := wire.AppendPub(nil, benchTopic, make([]byte, 128))
	require.NoError(b, err)
	return &rawLoop{
		b: b, conn: conn,
		commands: []byte(strings.Repeat(string(pub), window)),
		answer:   make([]byte, window*len(wire.AppendOK(nil))),
	}
}

func (r *rawLoop) round() {
	if _, err := r.conn.Write(r.commands); err != nil {
		r.b.Fatal(err)
	}
	if _, err := io.ReadFull(r.conn, r.answer); err != nil {
		r.b.Fatal(err)
	}
}
