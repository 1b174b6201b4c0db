package main

import "time"

// pacer spaces messages evenly. The zero pacer does not.
type pacer struct {
	interval time.Duration // between messages; 0: none
	next     time.Time     // when the next one is due
}

// slack is how far a pacer that was held up may be behind and still catch up. It covers timers that fire late; a longer delay
// is not followed by a burst.
const slack = 20 * time.Millisecond

func newPacer(rate int) pacer {
	if rate == 0 {
		return pacer{}
	}
	return pacer{interval: time.Second / time.Duration(rate), next: time.Now()}
}

// wait waits until the next message is due, and reports false if stop is closed first.
func (p *pacer) wait(stop <-chan struct{}) bool {
	if p.interval == 0 {
		return true
	}
	now := time.Now()
	if ahead := p.next.Sub(now); ahead > 0 {
		timer := time.NewTimer(ahead)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-stop:
			return false
		}
	} else if ahead < -slack {
		p.next = now.Add(-slack)
	}
	p.next = p.next.Add(p.interval)
	return true
}
