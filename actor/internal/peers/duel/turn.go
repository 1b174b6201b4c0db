package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// turn is one contestant's turn at a load: what it may do, what it did, and what that cost. A load prepares all it needs, has its
// contestant publish a little, so that its pools are filled again, calls begin, does its work, calls end, and says with ack what
// was acknowledged.
type turn struct {
	topics []string
	body   []byte
	length time.Duration
	most   int         // messages: nsqd keeps them in memory until the turn has been checked
	over   atomic.Bool // set length after begin

	acked   []uint64 // by topic
	timed   uint64   // messages between begin and end
	took    time.Duration
	figures figures

	timer  *time.Timer
	start  time.Time
	before costs
}

// figures are what was measured in one turn, by metric.
type figures map[metric]float64

// costs are the process's so far.
type costs struct {
	cpu     time.Duration
	mallocs uint64
	gcs     uint32
	paused  time.Duration
}

func costsNow() costs {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return costs{cpu: cpuTime(), mallocs: m.Mallocs, gcs: m.NumGC, paused: time.Duration(m.PauseTotalNs)}
}

// nsqdMemory bounds what one turn leaves in nsqd; keeping costs that much per message beside the body.
const (
	nsqdMemory = 256 << 20
	keeping    = 256
)

// newTurn prepares a turn. What earlier turns left to the garbage collector is not this one's.
func newTurn(r row, length time.Duration) *turn {
	runtime.GC()
	return &turn{
		topics: topicNames(r.topics), body: make([]byte, r.body), length: length,
		most: nsqdMemory / (r.body + keeping), acked: make([]uint64, r.topics), figures: figures{},
	}
}

func topicNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("duel%d", i)
	}
	return names
}

// begin starts what is measured.
func (t *turn) begin() {
	t.before = costsNow()
	t.timer = time.AfterFunc(t.length, func() { t.over.Store(true) })
	t.start = time.Now()
}

func (t *turn) end() {
	t.took = time.Since(t.start)
	after := costsNow()
	t.timer.Stop()
	t.figures[collections] = float64(after.gcs - t.before.gcs)
	t.figures[pauses] = (after.paused - t.before.paused).Seconds() * 1e6
	t.figures[cpu] = float64(after.cpu - t.before.cpu)
	t.figures[allocations] = float64(after.mallocs - t.before.mallocs)
}

// ack notes that n messages were acknowledged which went to the topics in turn, from the one with that index on, and how many
// of them were measured.
func (t *turn) ack(first, n, timed int) {
	topics := len(t.topics)
	for i := range min(n, topics) {
		t.acked[(first+i)%topics] += uint64((n - i + topics - 1) / topics)
	}
	t.timed += uint64(timed)
}

// perMessage turns the turn's costs into a message's, once all its acks are noted.
func (t *turn) perMessage() {
	n := float64(t.timed)
	t.figures[duration] = float64(t.took) / n
	t.figures[cpu] /= n
	t.figures[allocations] /= n
}
