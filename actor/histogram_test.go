package actor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Each time is in a bucket whose bounds it lies between, and the bounds grow by a quarter at most.
func TestAckBuckets(t *testing.T) {
	require.Equal(t, time.Duration(1<<ackLowest), ackBound(0))
	require.Equal(t, time.Duration(1<<ackHighest), ackBound(ackBuckets-2))
	for b := 1; b < ackBuckets-1; b++ {
		low, high := ackBound(b-1), ackBound(b)
		require.Greater(t, high, low)
		require.LessOrEqual(t, float64(high), 1.25*float64(low))
		for _, ns := range []time.Duration{low, low + 1, (low + high) / 2, high - 1} {
			require.Equal(t, b, ackBucket(int64(ns)), "%v", ns)
		}
	}
	for _, ns := range []int64{-1, 0, 1, 1<<ackLowest - 1} {
		require.Equal(t, 0, ackBucket(ns))
	}
	for _, ns := range []int64{1 << ackHighest, 7 << (ackHighest - 2), 1<<62 + 5} {
		require.Equal(t, ackBuckets-1, ackBucket(ns))
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	require.Zero(t, h.Quantile(0.5))
	require.Zero(t, h.Count())
	for i := range 1000 {
		h.buckets[ackBucket(int64(time.Duration(i+1)*time.Millisecond))]++
	}
	require.EqualValues(t, 1000, h.Count())
	for q, want := range map[float64]time.Duration{0: time.Millisecond, 0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		got := h.Quantile(q)
		require.GreaterOrEqual(t, got, want, "%v", q)
		require.LessOrEqual(t, float64(got), 1.25*float64(want+time.Millisecond), "%v", q)
	}
	var counted uint64
	var last time.Duration
	bounds := 0
	h.Buckets(func(bound time.Duration, count uint64) {
		counted += count
		bounds++
		if bounds < ackBuckets {
			require.Greater(t, bound, last)
		}
		last = bound
	})
	require.EqualValues(t, 1000, counted)
	require.Equal(t, ackBuckets, bounds)
	require.Zero(t, last, "the last bucket has no bound")
	h.Add(h)
	require.EqualValues(t, 2000, h.Count())
	h.buckets[ackBuckets-1] = 1 << 40
	require.Equal(t, time.Duration(1<<ackHighest), h.Quantile(0.99))
}

// Within is exact at each bound, and between two of them says what it says at the lower one.
func TestHistogramWithin(t *testing.T) {
	var h, none Histogram
	for b := range h.buckets {
		h.buckets[b] = 1 << (b % 60)
	}
	var within uint64
	var lower time.Duration
	h.Buckets(func(bound time.Duration, count uint64) {
		if bound == 0 {
			return
		}
		require.Equal(t, within, h.Within(bound-1), "below %v", bound)
		require.Equal(t, within, h.Within((lower+bound)/2), "between %v and %v", lower, bound)
		within += count
		require.Equal(t, within, h.Within(bound), "%v", bound)
		lower = bound
	})
	require.Equal(t, h.Count()-h.buckets[ackBuckets-1], h.Within(time.Duration(1<<62)), "the last bucket has no bound")
	for _, limit := range []time.Duration{-1, 0, 1} {
		require.Zero(t, h.Within(limit))
	}
	require.Zero(t, none.Within(time.Hour))
}

// Sum is of each publish, not of each command, and takes no time for negative.
func TestHistogramSum(t *testing.T) {
	var p Producer
	p.acks.add(int64(1500*time.Millisecond), 2)
	p.acks.add(int64(250*time.Millisecond), 1)
	p.acks.add(-5, 1)
	h := p.AckTimes()
	require.Equal(t, 3.25, h.Sum())
	require.EqualValues(t, 4, h.Count())
	require.EqualValues(t, 2, h.Within(time.Second))
	h.Add(h)
	require.Equal(t, 6.5, h.Sum())
}
