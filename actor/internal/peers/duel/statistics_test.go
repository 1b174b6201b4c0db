package main

import (
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{3, 1}, 2},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 100, 2}, 3},
	} {
		before := slices.Clone(c.values)
		assert.InDelta(t, c.want, median(c.values), 1e-9, c.values)
		assert.Equal(t, before, c.values, "it sorts a copy: rounds stay in their order")
	}
	assert.Equal(t, spread{median: 5, lowest: 1, highest: 9}, spreadOf([]float64{9, 1, 5}))
}

func TestPercentile(t *testing.T) {
	thousand := make([]time.Duration, 1000) // 1 to 1000
	for i := range thousand {
		thousand[i] = time.Duration(i + 1)
	}
	for p, want := range map[float64]time.Duration{0: 1, 0.1: 1, 50: 500, 50.01: 501, 99: 990, 99.9: 999, 99.95: 1000, 100: 1000} {
		assert.Equal(t, want, percentile(thousand, p), p)
	}
	for p, want := range map[float64]time.Duration{50: 2, 99: 3, 99.9: 3} {
		assert.Equal(t, want, percentile(thousand[:3], p), p)
	}
	assert.EqualValues(t, 1, percentile(thousand[:1], 99.9))
}

// The definition, told another way: p percent at least are not above it, and it is the smallest such.
func TestPercentileByCounting(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for range 1000 {
		values := make([]time.Duration, 1+random.Intn(50))
		for i := range values {
			values[i] = time.Duration(random.Intn(20))
		}
		slices.Sort(values)
		p := float64(1 + random.Intn(100))
		got := percentile(values, p)
		upTo := func(most time.Duration) (share float64) {
			for _, v := range values {
				if v <= most {
					share += 100
				}
			}
			return share / float64(len(values))
		}
		assert.Contains(t, values, got)
		assert.GreaterOrEqual(t, upTo(got), p-1e-9, "%v at %v", values, p)
		assert.Less(t, upTo(got-1), p, "%v at %v", values, p)
	}
}

// However many messages went round the topics, the acks say where each one went.
func TestAckGoesRoundTheTopics(t *testing.T) {
	for topics := 1; topics <= 5; topics++ {
		for first := range topics {
			for n := range 3 * topics {
				want := make([]uint64, topics)
				for i := range n {
					want[(first+i)%topics]++
				}
				one := turn{topics: topicNames(topics), acked: make([]uint64, topics)}
				one.ack(first, n, 0)
				assert.Equal(t, want, one.acked, "%d from %d on", n, first)
			}
		}
	}
}
