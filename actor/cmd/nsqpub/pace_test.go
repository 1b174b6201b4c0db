package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPacer(t *testing.T) {
	p := newPacer(1000)
	began := time.Now()
	for range 101 {
		assert.True(t, p.wait(nil))
	}
	took := time.Since(began)
	assert.GreaterOrEqual(t, took, 100*time.Millisecond-slack, "no faster than the rate")
	assert.Less(t, took, 2*time.Second)
}

// After having been held up, it does not make up for more than slack.
func TestPacerHeldUp(t *testing.T) {
	p := newPacer(1000)
	p.next = time.Now().Add(-time.Hour)
	began := time.Now()
	for range 121 {
		p.wait(nil)
	}
	assert.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond-slack)
}

func TestPacerStops(t *testing.T) {
	stop := make(chan struct{})
	close(stop)
	p := newPacer(1)
	p.next = time.Now().Add(time.Hour)
	assert.False(t, p.wait(stop))
	unlimited := newPacer(0)
	assert.True(t, unlimited.wait(stop))
}
