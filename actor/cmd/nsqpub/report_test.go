package main

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

func TestProgress(t *testing.T) {
	var a account
	written := make(written, 1)
	ticks, stop, ended := make(chan time.Time), make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		a.progress(written, ticks, func() uint64 { return 7 }, stop)
	}()
	a.outcomes[actor.Acked].Store(3000)
	ticks <- began.Add(time.Hour) // so late that the moment at which progress began does not matter
	assert.Equal(t, "\r\x1b[K3000 messages acked  1 messages/s  7 in flight", <-written)
	a.outcomes[actor.Acked].Store(3500)
	a.outcomes[actor.NotSent].Store(2)
	ticks <- began.Add(time.Hour + time.Second)
	assert.Equal(t, "\r\x1b[K3500 messages acked  500 messages/s  7 in flight", <-written)
	assert.Equal(t, "  2 not acked", <-written)
	close(stop)
	assert.Equal(t, "\r\x1b[K", <-written)
	<-ended
}

// written is a writer whose writes can be received.
type written chan string

func (w written) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestIsTerminal(t *testing.T) {
	assert.False(t, isTerminal(&bytes.Buffer{}))
	file, err := os.Create(rejectsFile(t))
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, isTerminal(file))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	assert.False(t, isTerminal(w))
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	assert.True(t, isTerminal(null))
}
