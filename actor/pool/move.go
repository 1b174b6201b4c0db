package pool

import "github.com/nsqactor/producer/actor"

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

// rehome finds another member for a publish. Where the pool is shutting its members down there is none any more: the last failure is
// the result, and nobody waits for its reader.
func (p *Pool) rehome(from *member, t *actor.Transaction) {
	for !p.closing() {
		m := p.choose(route{}, from)
		err := m.producer.Adopt(m.span(p), t)
		if e, ours := err.(*actor.Error); err == nil || ours && e.Accepted() {
			p.counts.adopted.Add(1) // also where it was handed back at once
		}
		if err == nil {
			return
		}
		from = m
	}
	outcome := actor.OutcomeOf(t.Error)
	if !t.Deliver() {
		p.counts.dropped.Add(1)
	}
	p.counts.ended[outcome].Add(1)
}
