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

// rehome finds another member for a publish: the first that has room, or else the first that gets some. Where the pool is shutting
// its members down there is none any more: the last failure is the result, and nobody waits for its reader.
func (p *Pool) rehome(from *member, t *actor.Transaction) {
	avoid := from
	for range p.members.Load().active {
		m := p.choose(route{}, avoid)
		if m.producer.TryAdopt(t) == nil {
			p.counts.adopted.Add(1)
			return
		}
		avoid = m
	}
	for !p.closing() {
		if p.choose(route{}, from).producer.Adopt(t) == nil {
			p.counts.adopted.Add(1)
			return
		}
	}
	outcome := actor.OutcomeOf(t.Error)
	if !t.Deliver() {
		p.counts.dropped.Add(1)
	}
	p.counts.ended[outcome].Add(1)
}
