package actor

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts acknowledgements by the time that they took, in buckets of fixed bounds, four to each doubling: 16.384 µs
// (2^14 ns), 20.48 µs, 24.576 µs, 28.672 µs, 32.768 µs, and so on up to 68.7 s (2^36 ns). It is a value of its own, which nobody
// else changes; the zero one is empty. Its methods wait for nothing and allocate nothing, and several goroutines may call those that
// only read at once.
type Histogram struct {
	buckets [ackBuckets]uint64
	sum     float64 // seconds
}

const (
	ackLowest  = 14 // the first bucket holds what took less than 2 to this power of nanoseconds
	ackHighest = 36 // the last one, what took this power or more
	ackBuckets = 4*(ackHighest-ackLowest) + 2
)

// ackBucket returns the bucket of a time in nanoseconds.
func ackBucket(ns int64) int {
	power := bits.Len64(uint64(max(ns, 0))) - 1
	switch {
	case power < ackLowest:
		return 0
	case power >= ackHighest:
		return ackBuckets - 1
	}
	return 1 + 4*(power-ackLowest) + int(ns>>(power-2)&3)
}

// ackBound returns the upper bound of a bucket, which it excludes; of the last one there is none.
func ackBound(bucket int) time.Duration {
	octave, quarter := bucket/4, bucket%4
	return time.Duration(4+quarter) << (ackLowest + octave - 2)
}

// Count returns how many publishes it counts.
func (h Histogram) Count() (n uint64) {
	for _, count := range h.buckets {
		n += count
	}
	return n
}

// Sum returns how long all of them took together, in seconds: a float64, since a time.Duration would overflow within weeks where
// thousands are unanswered all the time. By as many as are unanswered, on average, it grows in each second.
func (h Histogram) Sum() float64 { return h.sum }

// Within returns how many took less than limit. It is exact where limit is a bound of a bucket; between two bounds it counts as of
// the lower one, and so never too many. What took 68.7 s and more is within no limit.
func (h Histogram) Within(limit time.Duration) (n uint64) {
	for bucket, count := range h.buckets[:ackBuckets-1] {
		if ackBound(bucket) > limit {
			break
		}
		n += count
	}
	return n
}

// Quantile returns the time within which that share of the acknowledgements came, q from 0 to 1, as the upper bound of the bucket
// in which it lies: up to a quarter too much. It is 0 for an empty histogram, and no more than 69 s.
func (h Histogram) Quantile(q float64) time.Duration {
	all := h.Count()
	if all == 0 {
		return 0
	}
	rank := min(uint64(q*float64(all)), all-1)
	for bucket, count := range h.buckets {
		if rank < count {
			return ackBound(min(bucket, ackBuckets-2))
		}
		rank -= count
	}
	return ackBound(ackBuckets - 2)
}

// Buckets calls each with every bucket, in order: its upper bound, excluded, 0 for none, and how many took as long.
func (h Histogram) Buckets(each func(bound time.Duration, count uint64)) {
	for bucket, count := range h.buckets[:ackBuckets-1] {
		each(ackBound(bucket), count)
	}
	each(0, h.buckets[ackBuckets-1])
}

// Add adds another's counts.
func (h *Histogram) Add(other Histogram) {
	for i, count := range other.buckets {
		h.buckets[i] += count
	}
	h.sum += other.sum
}

// acks is the histogram as the loop writes it.
type acks struct {
	buckets [ackBuckets]atomic.Uint64
	sum     atomic.Uint64 // a float64's bits
}

// add counts so many publishes that were acknowledged together after ns.
func (a *acks) add(ns int64, publishes int) {
	a.buckets[ackBucket(ns)].Add(uint64(publishes))
	took := float64(max(ns, 0)) * float64(publishes) / float64(time.Second)
	a.sum.Store(math.Float64bits(math.Float64frombits(a.sum.Load()) + took)) // by the loop alone
}

// AckTimes returns how long acknowledgements took since the producer was made: from when a publish was encoded, which is just
// before it is written, to its answer. What it waited before that, in the producer, is not in it. A publish whose caller had left
// counts when its answer comes, so that these can be more than Stats.Acked. It does not block and allocates nothing; anyone may call
// it at any time. While publishes are under way its figures are read one after the other; at rest they are exact.
func (p *Producer) AckTimes() (h Histogram) {
	for i := range p.acks.buckets {
		h.buckets[i] = p.acks.buckets[i].Load()
	}
	h.sum = math.Float64frombits(p.acks.sum.Load())
	return h
}
