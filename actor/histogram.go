package actor

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts acknowledgements by the time that they took, in buckets of fixed bounds, four to each doubling, from 16 µs to
// 69 s. It is a value of its own: nobody changes it.
type Histogram struct {
	buckets [ackBuckets]uint64
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
func (h *Histogram) Count() (n uint64) {
	for _, count := range h.buckets {
		n += count
	}
	return n
}

// Quantile returns the time within which that share of the acknowledgements came, q from 0 to 1, as the upper bound of the bucket
// in which it lies: up to a quarter too much. It is 0 for an empty histogram, and no more than 69 s.
func (h *Histogram) Quantile(q float64) time.Duration {
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
func (h *Histogram) Buckets(each func(bound time.Duration, count uint64)) {
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
}

// acks is the histogram as the loop writes it.
type acks [ackBuckets]atomic.Uint64

// AckTimes returns how long acknowledgements took since the producer was made: from when a publish was encoded, which is just
// before it is written, to its answer. What it waited before that, in the producer, is not in it. It does not block; anyone may
// call it at any time.
func (p *Producer) AckTimes() (h Histogram) {
	for i := range p.acks {
		h.buckets[i] = p.acks[i].Load()
	}
	return h
}
