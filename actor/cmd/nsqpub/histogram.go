package main

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in a fixed amount of memory. Each power of two of nanoseconds is divided into 64 buckets, so that
// a bucket's upper edge is at most 1/64 above anything in it.
type histogram struct {
	buckets [58 * 64]uint64 // an int64 has 63 bits: 64 buckets of 1 ns, and then 57 powers
	n       uint64
}

func (h *histogram) add(d time.Duration) {
	v := uint64(max(d, 0))
	power := max(bits.Len64(v)-7, 0)
	h.buckets[uint64(power)<<6+v>>power]++
	h.n++
}

// quantile returns a duration that the share q of all, from 0 to 1, does not exceed; 0 if there is none.
func (h *histogram) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := max(uint64(math.Ceil(q*float64(h.n))), 1)
	for i, n := range h.buckets {
		if rank > n {
			rank -= n
			continue
		}
		if i < 64 {
			return time.Duration(i)
		}
		power, mantissa := i>>6-1, uint64(i&63+64)
		return time.Duration((mantissa+1)<<power - 1)
	}
	return math.MaxInt64
}
