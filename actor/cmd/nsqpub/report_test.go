package main

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/nsqactor/producer/actor"
)

func TestHistogram(t *testing.T) {
	var h histogram
	assert.Zero(t, h.quantile(0.5))
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 20000 {
		d := time.Duration(math.Exp(random.Float64() * math.Log(math.MaxInt64))) // every power of two alike
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.99, 0.999, 1} {
		exact := all[max(int(math.Ceil(q*float64(len(all)))), 1)-1]
		assert.GreaterOrEqual(t, h.quantile(q), exact, "%v", q)
		assert.LessOrEqual(t, float64(h.quantile(q)), float64(exact)*(1+1.0/64)+1, "%v", q)
	}
}

func TestHistogramEnds(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 63, 64, 127, 128, math.MaxInt64} {
		var h histogram
		h.add(d)
		assert.GreaterOrEqual(t, h.quantile(0.5), d)
	}
	var h histogram
	h.add(-1) // a clock that jumped
	assert.Zero(t, h.quantile(1))
}

func TestSummary(t *testing.T) {
	var a account
	a.read.Store(5)
	for range 2 {
		a.acked(40) // below 64 ns the histogram is exact
	}
	a.failed(3, actor.NotSent, errors.New("down"))
	a.failed(4, actor.NotSent, errors.New("still down"))
	a.failed(5, actor.Unknown, errors.New("lost"))
	var got strings.Builder
	a.summarize(&got, 2*time.Second)
	assert.Equal(t, "read 5  acked 2  refused 0  not sent 2  unknown 1\n"+
		"time 2.000 s  messages/s 1  acknowledgement p50 0.000 ms  p99 0.000 ms\n"+
		"first not sent: line 3: down\n"+
		"first unknown: line 5: lost\n", got.String())

	got.Reset()
	new(account).summarize(&got, 0)
	assert.Equal(t, "read 0  acked 0  refused 0  not sent 0  unknown 0\n"+
		"time 0.000 s  messages/s 0  acknowledgement p50 -  p99 -\n", got.String())
}
