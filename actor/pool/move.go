package pool

import (
	"errors"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
)

// move is the goroutine that finds another member for what one hands back, until that one has ended.
func (p *Pool) move(from *member, ended chan<- *member) {
	for batch := range from.producer.HandedBack() {
		for _, t := range batch {
			from.heed(t.Error)
			p.rehome(from, t)
		}
	}
	ended <- from
}

// rehome finds another member for a publish. It waits for room at one that can be used. Where none can, it takes what has room, or
// goes back, which takes none: there it fails again until it has been handed back often enough, and its failure is delivered; from
// one that has left the pool it waits for room or for one that can be used. Where the pool is shutting its members down its last
// failure is the result, and its reader has until the bound is over.
func (p *Pool) rehome(from *member, t *actor.Transaction) {
	for avoid := from; !p.closing(); {
		m := p.choose(route{}, avoid)
		var err error
		if m.breaker.Load() != state.Broken {
			err = m.producer.Adopt(m.whole.Load(), t)
		} else if err = m.producer.TryAdopt(t); err == actor.ErrFull {
			if err = from.producer.TryAdopt(t); errors.Is(err, actor.ErrStopped) {
				err = m.producer.Adopt(m.span(p), t)
			} else {
				m = from
			}
		}
		if e, ours := err.(*actor.Error); err == nil || ours && e.Accepted() { // also where it was handed back at once
			p.counts.through.Add(1)
		}
		if err == nil {
			return
		}
		avoid = m
	}
	outcome := actor.OutcomeOf(t.Error)
	if !t.Deliver(p.bound) {
		p.counts.dropped.Add(1)
	}
	p.counts.end(outcome)
}
