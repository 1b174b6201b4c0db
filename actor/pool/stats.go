package pool

import (
	"sync/atomic"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
)

// Stats is a pool's account, and its nsqd's. The embedded one is the pool's: each publish counts once, wherever it went. So each
// figure of it is the sum of that figure over Nodes and Gone, less what was moved on: a publish that one nsqd did not take and
// another did is one of the pool's, but was submitted at both. HandedBack is 0 in it: what is on its way is Pending.
type Stats struct {
	actor.Stats
	Nodes []Node
	Gone  actor.Stats // of the nsqd that have left the pool
	Moved uint64      // how often a publish was moved on from one nsqd to another
}

// Node is the account of one nsqd, over all connections to it.
type Node struct {
	Addr string
	actor.Stats
	Breaker state.Breaker // the best of its connections'; see the package's documentation
	Leaving bool          // it gets nothing new
}

// counters are what the pool counts beside its members.
type counters struct {
	moved   [actor.Unknown + 1]atomic.Uint64 // publishes tried again by their callers, by the outcome that was not told
	adopted atomic.Uint64                    // handed-back publishes that another member took
	ended   [actor.Unknown + 1]atomic.Uint64 // handed-back publishes that nobody would take any more, by outcome
	dropped atomic.Uint64                    // of these, those whose result found no room in its channel
}

// rehomed returns how many of the publishes that members have handed back are through.
func (c *counters) rehomed() uint64 {
	n := c.adopted.Load()
	for i := range c.ended {
		n += c.ended[i].Load()
	}
	return n
}

// Stats returns the accounts as of now. It does not block; anyone may call it at any time. While publishes are under way the
// figures are read one after the other; at rest they are exact.
func (p *Pool) Stats() Stats {
	s := Stats{Stats: p.account()}
	members := p.members.Load()
	s.Gone = members.gone
	for i, list := range [][]*member{members.active, members.leaving} {
		for _, m := range list {
			leaving := i == 1
			if last := len(s.Nodes) - 1; last < 0 || s.Nodes[last].Addr != m.addr || s.Nodes[last].Leaving != leaving {
				s.Nodes = append(s.Nodes, Node{Addr: m.addr, Breaker: state.Broken, Leaving: leaving})
			}
			node := &s.Nodes[len(s.Nodes)-1]
			addAccount(&node.Stats, m.producer.Stats())
			if b := m.breaker.Load(); b == state.Trusted || node.Breaker == state.Broken {
				node.Breaker = b
			}
		}
	}
	s.Moved = p.counts.adopted.Load()
	for i := range p.counts.moved {
		s.Moved += p.counts.moved[i].Load()
	}
	return s
}

// account returns the pool's own account. What was moved is read first, so that nothing comes out negative.
func (p *Pool) account() actor.Stats {
	var moved, ended [actor.Unknown + 1]uint64
	for i := range moved {
		moved[i], ended[i] = p.counts.moved[i].Load(), p.counts.ended[i].Load()
	}
	adopted := p.counts.adopted.Load()
	members := p.members.Load()
	sum := members.gone
	members.all(func(m *member) { addAccount(&sum, m.producer.Stats()) })
	own := func(all uint64, o actor.Outcome) uint64 { return all - moved[o] + ended[o] }
	s := sum
	s.Submitted -= adopted + moved[actor.Refused] + moved[actor.NotSent] + moved[actor.Unknown]
	s.Refused = own(sum.Refused, actor.Refused)
	s.NotSent = own(sum.NotSent, actor.NotSent)
	s.Unknown = own(sum.Unknown, actor.Unknown)
	s.HandedBack = 0
	s.Phase = p.phase.Load()
	s.Pending = s.Submitted - s.Acked - s.Refused - s.NotSent - s.Unknown
	return s
}

// AckTimes returns how long acknowledgements took at all members that the pool has, as a Producer's AckTimes does.
func (p *Pool) AckTimes() (h actor.Histogram) {
	p.members.Load().all(func(m *member) { h.Add(m.producer.AckTimes()) })
	return h
}

// addAccount adds a member's account to a sum, of which the link is the best there is and the error one of the last ones.
func addAccount(sum *actor.Stats, s actor.Stats) {
	sum.Submitted += s.Submitted
	sum.Acked += s.Acked
	sum.Refused += s.Refused
	sum.NotSent += s.NotSent
	sum.Unknown += s.Unknown
	sum.Pending += s.Pending
	sum.PendingBytes += s.PendingBytes
	sum.Undelivered += s.Undelivered
	sum.HandedBack += s.HandedBack
	sum.Queued += s.Queued
	sum.InFlight += s.InFlight
	sum.Batches += s.Batches
	sum.Commands += s.Commands
	sum.Untold += s.Untold
	sum.Oldest = max(sum.Oldest, s.Oldest)
	sum.Window += s.Window
	if s.LastError != nil {
		sum.LastError = s.LastError
	}
	sum.Connections += s.Connections
	sum.Phase = s.Phase
	if rank(s.Link) > rank(sum.Link) {
		sum.Link = s.Link
	}
}

// rank orders links by how much they are good for.
func rank(l state.Link) int {
	switch l {
	case state.Up:
		return 3
	case state.Connecting:
		return 2
	case state.Down:
		return 1
	}
	return 0
}
