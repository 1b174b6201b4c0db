package pool

import (
	"sync/atomic"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
)

// Stats is a pool's account, and its nsqd's. The embedded one is the pool's: each publish counts once, wherever it went. So each
// figure of it is the sum of that figure over Nodes and Gone, less what was moved on: a publish that one nsqd did not take and
// another did is one of the pool's, but was submitted at both. HandedBack and Adopted are 0 in it: what is on its way is Pending.
// Its Link is the best of the nsqd's, Oldest the longest, LastError one of theirs, and Phase the pool's own.
// While publishes are under way the figures are read one after the other: Submitted, which never goes down, and with it Pending may
// lack what is just being moved on. At rest they are exact.
type Stats struct {
	actor.Stats
	Nodes []Node      // by the order of the addresses, and behind them those that are leaving
	Gone  actor.Stats // of the nsqd that have left the pool
	Moved uint64      // how often a publish was moved on from one nsqd to another
}

// Node is the account of one nsqd, over all connections to it.
type Node struct {
	Addr string // as New or the resolver had it
	actor.Stats
	Breaker state.Breaker // the best of its connections'; see the package's documentation
	Leaving bool          // it gets nothing new
}

// counters are what the pool counts beside its members.
type counters struct {
	adopted atomic.Uint64                    // calls that one member has handed back and another accepted, or is about to
	ended   [actor.Unknown + 1]atomic.Uint64 // handed-back publishes that no other one did, by the outcome that was told
	changed [actor.Unknown + 1]atomic.Int64  // outcomes that were told against those that members counted: doubt is the pool's
	through atomic.Uint64                    // handed-back publishes with which one or the other is done, for Flush
	dropped atomic.Uint64                    // results that found no room in their channels at the end
	most    atomic.Int64                     // Submitted, as Stats last had it
}

// end counts one that none will accept.
func (c *counters) end(o actor.Outcome) {
	c.ended[o].Add(1)
	c.through.Add(1)
}

// Stats returns the accounts as of now. It does not block; anyone may call it at any time.
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
	s.Moved = s.Adopted
	s.Adopted = 0
	return s
}

// account returns the pool's own account, with what was moved on in Adopted. What is submitted is read first, and what was moved on,
// and so is submitted twice, last: while publishes are under way Submitted may be less than it is, but never more, so that it
// does not go down again, nor below how many have ended.
func (p *Pool) account() actor.Stats {
	members := p.members.Load()
	submitted := members.gone.Submitted
	members.all(func(m *member) { submitted += m.producer.Stats().Submitted })
	var own [actor.Unknown + 1]uint64
	for o := actor.Unknown; o > 0; o-- { // before the members', which changed takes from, and what it gives before what it takes
		own[o] = p.counts.ended[o].Load() + uint64(p.counts.changed[o].Load())
	}
	members = p.members.Load()
	s := members.gone
	members.all(func(m *member) { addAccount(&s, m.producer.Stats()) })
	s.Adopted += p.counts.adopted.Load()
	s.Refused += own[actor.Refused]
	s.NotSent += own[actor.NotSent]
	s.Unknown += own[actor.Unknown]
	ends := s.Acked + s.Refused + s.NotSent + s.Unknown
	s.Submitted = max(p.counts.submitted(int64(submitted-s.Adopted)), ends)
	s.Pending = s.Submitted - ends
	s.HandedBack = 0
	s.Phase = p.phase.Load()
	return s
}

// submitted returns the most that was known to be submitted, now or before.
func (c *counters) submitted(now int64) uint64 {
	for {
		most := c.most.Load()
		if now <= most || c.most.CompareAndSwap(most, now) {
			return uint64(max(now, most))
		}
	}
}

// AckTimes returns how long acknowledgements took at all members, those included that have left the pool, as a Producer's AckTimes
// does.
func (p *Pool) AckTimes() actor.Histogram {
	members := p.members.Load()
	h := members.times
	members.all(func(m *member) { h.Add(m.producer.AckTimes()) })
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
	sum.Adopted += s.Adopted
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
