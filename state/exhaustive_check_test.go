package state

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// narrow are explored always.
var narrow = []bounds{
	{calls: []call{forgetting, withContext}, mailbox: 1, inFlight: 1, idle: true},
	{calls: []call{trying, publishing}, mailbox: 1, inFlight: 1, faults: 1},
	{calls: []call{asynchronous, forgetting}, mailbox: 1, inFlight: 2, faults: 1},
	{calls: []call{withContext, withContext}, mailbox: 2, inFlight: 2},
	{calls: []call{forgetting, withContext}, mailbox: 2, inFlight: 2, faults: 1},
	{calls: []call{withContext}, mailbox: 1, inFlight: 1, faults: 3, retryUnknown: true},
	{calls: []call{forgetting, publishing}, mailbox: 1, inFlight: 1, faults: 2, retryUnknown: true},
	{calls: []call{withContext, withContext}, mailbox: 2, inFlight: 2, faults: 1, whole: true},
	{calls: []call{withContext, withContext}, mailbox: 1, inFlight: 2, faults: 1, windowed: true, whole: true},
}

// wide are explored where the race detector does not slow it down.
var wide = []bounds{
	{calls: []call{asynchronous, withContext}, mailbox: 1, inFlight: 2, faults: 1},
	{calls: []call{withContext, withContext}, mailbox: 1, inFlight: 1, faults: 1},
	{calls: []call{forgetting, forgetting, withContext}, mailbox: 1, inFlight: 1, whole: true},
	{calls: []call{forgetting, withContext, publishing}, mailbox: 1, inFlight: 2, windowed: true, whole: true},
	{calls: []call{forgetting, forgetting, forgetting}, mailbox: 1, inFlight: 1, faults: 1, whole: true},
}

// TestExhaustive takes every order of steps, finds nothing wrong, and comes by every step, every reason to leave, and every
// outcome of every kind of call, without which it would have proved little.
func TestExhaustive(t *testing.T) {
	all := narrow
	if !raced {
		all = append(all[:len(all):len(all)], wide...)
	}
	var walked walked
	for _, b := range all {
		t.Run(b.String(), func(t *testing.T) {
			m, began := &model{bounds: b, walked: walked}, time.Now()
			found := m.check()
			require.Nil(t, found, "%v", found)
			t.Logf("%d worlds in %v", len(m.seen), time.Since(began).Round(time.Millisecond))
			walked = m.walked
		})
	}
	if t.Failed() {
		return
	}
	for what, steps := range map[string][]bool{
		"caller": walked.calls[:], "reason to leave": walked.left[:], "reader": walked.reads[:], "loop": walked.loops[:],
		"Shutdown": walked.stops[:],
	} {
		for i, step := range steps {
			assert.True(t, step, "%s: %d", what, i)
		}
	}
	for call, ends := range walked.ends {
		for end, came := range ends {
			assert.True(t, came, "%v: %v", callNames[call], outcome(end))
		}
	}
}

var callNames = []string{"Publish", "PublishContext", "PublishAsync", "fire and forget", "TryPublishAsync"}

func (b bounds) String() string {
	s := ""
	for _, call := range b.calls {
		s += callNames[call] + ", "
	}
	s += fmt.Sprintf("mailbox %d, in flight %d, faults %d", b.mailbox, b.inFlight, b.faults)
	for _, setting := range []struct {
		on   bool
		name string
	}{{b.idle, "idle"}, {b.retryUnknown, "RetryUnknown"}, {b.windowed, "window of 1"}, {b.whole, "whole methods"}} {
		if setting.on {
			s += ", " + setting.name
		}
	}
	return s
}
