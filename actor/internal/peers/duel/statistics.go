package main

import (
	"math"
	"slices"
	"time"
)

// spread is what several rounds gave.
type spread struct {
	median, lowest, highest float64
}

// spreadOf needs at least one value.
func spreadOf(values []float64) spread {
	return spread{median: median(values), lowest: slices.Min(values), highest: slices.Max(values)}
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// percentile is the smallest of the sorted values that at least p percent of them do not exceed.
func percentile(sorted []time.Duration, p float64) time.Duration {
	rank := int(math.Ceil(p * float64(len(sorted)) / 100))
	return sorted[max(0, rank-1)]
}
