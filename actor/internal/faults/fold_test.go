package faults

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// door is a dial hook that holds every attempt until it is opened, and counts the folds that go through it.
type door struct {
	opened chan struct{}
	folds  atomic.Int64
}

func newDoor() *door { return &door{opened: make(chan struct{})} }

func (d *door) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	select {
	case <-d.opened:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return watched{conn, d}, err
}

type watched struct {
	net.Conn
	door *door
}

func (w watched) Write(b []byte) (int, error) {
	w.door.folds.Add(int64(bytes.Count(b, []byte("MPUB "))))
	return w.Conn.Write(b)
}

// folding is config with folding on.
func folding(t *testing.T, d *door) actor.Config {
	cfg := config(t)
	cfg.FoldMessages = 256
	cfg.Dial, cfg.DialTimeout = d.dial, patience
	return cfg
}

// connections counts how often nsqd has met a producer.
func connections(nsqd *nsqdtest.Nsqd) int { return strings.Count(nsqd.Log(), "UserAgent:nsqactor/") }

// requireConnections checks that nsqd has met a producer as often as that one says, since it was so often before.
func requireConnections(t *testing.T, nsqd *nsqdtest.Nsqd, before int, p *actor.Producer) {
	t.Helper()
	require.NoError(t, p.Ping(), "the last one is up")
	want := before + int(p.Stats().Connections)
	for end := time.Now().Add(patience); connections(nsqd) < want && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the log comes a moment later
	}
	require.Equal(t, want, connections(nsqd))
}

// publishSizes publishes bodies of these sizes while the producer cannot connect, opens the door, and returns how each ended.
func publishSizes(t *testing.T, p *actor.Producer, d *door, topic string, sizes []int) []error {
	t.Helper()
	done := make(chan *actor.Transaction, len(sizes))
	for i, size := range sizes {
		require.NoError(t, p.PublishAsync(topic, append(fmt.Append(nil, i, " "), padding[:size-len(fmt.Sprint(i))-1]...), done, i))
	}
	close(d.opened)
	errs := make([]error, len(sizes))
	requireEnd(t, "the publishes", func() {
		for range sizes {
			result := <-done
			errs[result.Args[0].(int)] = result.Error
		}
	})
	return errs
}

// requireStored checks that nsqd has stored what was acked, in order, and nothing else.
func requireStored(t *testing.T, nsqd *nsqdtest.Nsqd, topic string, errs []error) {
	t.Helper()
	var want, got []string
	for i, err := range errs {
		if err == nil {
			want = append(want, fmt.Sprint(i))
		}
	}
	for _, body := range nsqd.ReadBack(topic) {
		name, _, _ := strings.Cut(body, " ")
		got = append(got, name)
	}
	require.Equal(t, want, got)
}

// One publish in a fold of 256 is larger than nsqd takes: it alone is refused, for two more connections, and nsqd has the others in
// order. With a second one of that size it is not one connection more; with a smaller one it is one.
func TestGuiltyInAFold(t *testing.T) {
	onPlainWire(t)
	leak.Check(t)
	const all, largest = 256, 200
	nsqd := nsqdtest.Start(t, "-mem-queue-size=0", "-max-msg-size=200")
	for i, row := range []struct {
		guilty map[int]int // sizes by number
		cost   int         // connections
	}{
		{map[int]int{0: largest + 1}, 3},
		{map[int]int{127: largest + 1}, 3},
		{map[int]int{all - 1: largest + 1}, 3},
		{map[int]int{0: 15_000}, 3},
		{map[int]int{127: 15_000}, 3},
		{map[int]int{all - 1: 15_000}, 3},
		{map[int]int{50: 5_000, 60: 5_000, 200: 6_000}, 3},
		{map[int]int{50: 5_000, 60: 4_999, 200: 4_999}, 4},
		{nil, 1},
	} {
		t.Run(fmt.Sprint(row.guilty), func(t *testing.T) {
			sizes := make([]int, all)
			for i := range sizes {
				sizes[i] = largest - i%150
			}
			for i, size := range row.guilty {
				sizes[i] = size
			}
			topic, d, before := fmt.Sprint("guilty-", i), newDoor(), connections(nsqd)
			cfg := folding(t, d)
			p, err := actor.NewProducer(nsqd.TCPAddr, &cfg)
			require.NoError(t, err)
			t.Cleanup(p.Stop)
			errs := publishSizes(t, p, d, topic, sizes)
			for i, err := range errs {
				if row.guilty[i] == 0 {
					require.NoError(t, err, i)
					continue
				}
				var refusal *wire.ReplyError
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, wire.CodeBadMessage, refusal.Code)
				require.Equal(t, actor.Refused, actor.OutcomeOf(err))
			}
			requireConnections(t, nsqd, before, p)
			require.EqualValues(t, row.cost, p.Stats().Connections)
			require.Positive(t, d.folds.Load())
			requireBooks(t, p)
			requireStored(t, nsqd, topic, errs)
		})
	}
}

// A fold that is more than nsqd takes goes again in smaller ones, and nobody is refused; nor is anybody but the guilty one where
// that comes to it.
func TestFoldAboveNsqdsLimit(t *testing.T) {
	leak.Check(t)
	const all, size, guilty = 256, 150, 40 // 39,428 bytes as nsqd counts them
	nsqd := nsqdtest.Start(t, "-mem-queue-size=0", "-max-msg-size=200", "-max-body-size=2000")
	for name, row := range map[string]struct {
		size int // of one of them
		most int // connections: one for each half of what nsqd does not take, and three with a guilty one
	}{
		"innocent": {size, 1 + 5},
		"guilty":   {201, 1 + 5 + 2},
	} {
		t.Run(name, func(t *testing.T) {
			sizes := make([]int, all)
			for i := range sizes {
				sizes[i] = size
			}
			sizes[guilty] = row.size
			d, before := newDoor(), connections(nsqd)
			cfg := folding(t, d)
			p, err := actor.NewProducer(nsqd.TCPAddr, &cfg)
			require.NoError(t, err)
			t.Cleanup(p.Stop)
			errs := publishSizes(t, p, d, name, sizes)
			refused := 0
			for i, err := range errs {
				if err != nil {
					refused++
					require.Equal(t, guilty, i)
					require.Equal(t, actor.Refused, actor.OutcomeOf(err))
				}
			}
			require.Equal(t, name == "guilty", refused == 1)
			require.LessOrEqual(t, p.Stats().Connections, uint64(row.most))
			require.Greater(t, p.Stats().Connections, uint64(2))
			requireConnections(t, nsqd, before, p)
			requireBooks(t, p)
			requireStored(t, nsqd, name, errs)
			t.Logf("%d connections", p.Stats().Connections)
		})
	}
}

// Eight topics share a connection and each write, and one of them is deleted again and again: what is said of its folds is nobody
// else's, who lose nothing and do not wonder.
func TestDeletedTopicAmongFolds(t *testing.T) {
	onPlainWire(t)
	leak.Check(t)
	const topics, each = 8, 8
	nsqd, d := nsqdtest.Start(t), newDoor()
	close(d.opened)
	cfg := folding(t, d)
	p, err := actor.NewProducer(nsqd.TCPAddr, &cfg)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	loads := make([]*load, topics)
	for i := range loads {
		l := loadOn(t, p, fmt.Sprint("topic-", i))
		loads[i] = l
		l.callers(each, func(body []byte) error {
			err := l.publish(body)
			time.Sleep(time.Millisecond) // so much the less to read back
			return err
		})
	}
	bad, kept := loads[0], loads[1:]
	struck := func() int {
		counts := bad.book.counts()
		return counts[actor.Refused] + counts[actor.Unknown]
	}
	for range 3 {
		was := struck()
		for end := time.Now().Add(patience); struck() == was; {
			require.False(t, time.Now().After(end), "no deletion meets a publish: %+v", p.Stats())
			nsqd.CreateTopic(bad.topic)
			nsqd.DeleteTopic(bad.topic)
		}
		for _, l := range loads {
			l.progress(t, 20)
		}
	}
	for _, l := range loads {
		close(l.stopped)
	}
	for _, l := range loads {
		requireEnd(t, "the publishers", l.publishers.Wait)
	}
	requireBooks(t, p)
	for _, l := range kept {
		counts := l.book.counts()
		require.Zero(t, counts[actor.Refused]+counts[actor.Unknown], "%v", counts)
		l.book.check(t, nsqd.ReadBack(l.topic), false)
	}
	require.Positive(t, d.folds.Load())
	t.Logf("%d connections; kept: %v, deleted: %v", p.Stats().Connections, kept[0].book.counts(), bad.book.counts())
}

// One of 64 callers publishes what nsqd does not take, without end. What can be learned from his refusals is: he costs connections
// only for what is news. What cannot, batches, costs a bounded number a second. His neighbours do not notice.
func TestOneBadCallerAmongMany(t *testing.T) {
	onPlainWire(t)
	const callers, lasts = 63, 2
	for name, bad := range map[string]struct {
		size  func(n int) int
		batch bool
	}{
		"the same size":   {size: func(int) int { return 1001 }},
		"now and then":    {size: func(n int) int { return 1001 + 7919*(n+1)%5003 }},
		"within batches":  {size: func(int) int { return 1001 }, batch: true},
		"smaller by ones": {size: func(n int) int { return max(1001, 9000-n) }},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			nsqd, d := nsqdtest.Start(t, "-max-msg-size=1000"), newDoor()
			close(d.opened)
			l := newLoad(t, nsqd.TCPAddr, "neighbours", folding(t, d))
			unexpected := make(chan error, 1)
			note := func(err error) {
				select {
				case unexpected <- err:
				default:
				}
			}
			l.callers(callers, func(body []byte) error {
				err := l.publish(body)
				if err != nil {
					note(fmt.Errorf("a good publish failed: %w", err))
				}
				time.Sleep(5 * time.Millisecond) // so much the less to read back
				return err
			})
			l.progress(t, 100)
			refused, news, least := 0, 0, 0
			l.publisher("bad", func(name string) {
				size := bad.size(refused)
				if bad.batch || least == 0 || size < least {
					news, least = news+1, size
				}
				l.book.begin(name, 1)
				var err error
				if bad.batch {
					err = l.MultiPublish(l.topic, [][]byte{padding[:size]})
				} else {
					err = l.Publish(l.topic, padding[:size])
				}
				if actor.OutcomeOf(err) != actor.Refused {
					note(fmt.Errorf("of %d bytes: %w", size, err))
				}
				refused++
				l.book.end(name, err)
				time.Sleep(time.Millisecond)
			})
			for range lasts {
				before := l.Stats().Connections
				time.Sleep(time.Second)
				l.progress(t, callers)
				require.LessOrEqual(t, l.Stats().Connections-before, uint64(10+20+5), "from ten in a row on, at most twenty a second")
			}
			l.rest(t)
			select {
			case err := <-unexpected:
				require.NoError(t, err)
			default:
			}
			requireConnections(t, nsqd, 0, l.Producer)
			conns := int(l.Stats().Connections)
			require.LessOrEqual(t, conns, 1+2*news, "one for the fold, perhaps, and one for himself")
			l.book.check(t, nsqd.ReadBack(l.topic), false)
			require.Equal(t, map[actor.Outcome]int{actor.Refused: refused}, without(l.book.counts(), actor.Acked))
			require.Positive(t, d.folds.Load())
			t.Logf("%d refused, of which %d were news: %d connections beside %d acked", refused, news, conns, l.acks.Load())
		})
	}
}
