package actor

import (
	"sync/atomic"
	"time"

	"github.com/nsqactor/producer/state"
)

// Stats is a producer's account. A publish counts when it is accepted: within the bounds, with nothing wrong about it.
//
// Submitted = Acked + Refused + NotSent + Unknown + Pending, with HandedBack where Config.HandBack is set, always: Pending is
// what is left of Submitted. While publishes are under way the figures are read one after the other; at rest they are exact.
type Stats struct {
	Submitted uint64 // publishes accepted; a MultiPublish counts one
	Acked     uint64 // how many of them have ended so, as the next three
	Refused   uint64
	NotSent   uint64
	Unknown   uint64
	Pending   uint64 // accepted, without an outcome yet

	PendingBytes uint64 // what they hold of Config.MaxPendingBytes
	Undelivered  uint64 // asynchronous results that wait for room in their channel
	Queued       uint64 // in the producer and not encoded, those included whose callers have left
	InFlight     uint64 // encoded and not answered, likewise
	Batches      uint64 // encoded since the producer was made, each for one write
	Commands     uint64 // in them: the publishes to one topic in a batch fold into one
	HandedBack   uint64 // publishes that ended here without an outcome, for another nsqd to have
	Adopted      uint64 // of Submitted, those that a producer had handed back
	Connections  uint64 // handshakes that succeeded since the producer was made

	Untold uint64 // events that a slow Logger or Trace has missed

	Oldest    time.Duration // for how long the oldest unanswered command has been encoded; 0: there is none
	Window    int           // how many batches may be unanswered at a time; 0: there is no connection
	LastError error         // why the last connection ended, or the last attempt at one failed; nil: none has

	Phase state.Phase // of the producer's life
	Link  state.Link  // how it stands with nsqd
}

// Tally is how the publishes ended that were pending when Shutdown began or came in beside it.
type Tally struct {
	Acked       uint64 // each of the first four counts an outcome
	Refused     uint64
	NotSent     uint64
	Unknown     uint64
	Undelivered uint64 // asynchronous results that were dropped, since their channel had no room by the end; outcomes count above
}

// counters are what Stats is made of. All but boxed only grow.
type counters struct {
	submitted   atomic.Uint64              // by callers
	outcomes    [Unknown + 1]atomic.Uint64 // by whoever ends a publish; the first is not used
	handedBack  atomic.Uint64              // by the loop, and by callers whom it has left
	adopted     atomic.Uint64              // by callers
	dropped     atomic.Uint64              // results, by couriers
	boxed       atomic.Int64               // results with couriers: the loop adds, couriers subtract
	connections atomic.Uint64              // by the loop, as are the following
	batches     atomic.Uint64
	commands    atomic.Uint64
	untold      atomic.Uint64
}

func (c *counters) tally() Tally {
	return Tally{
		Acked:       c.outcomes[Acked].Load(),
		Refused:     c.outcomes[Refused].Load(),
		NotSent:     c.outcomes[NotSent].Load(),
		Unknown:     c.outcomes[Unknown].Load(),
		Undelivered: c.dropped.Load(),
	}
}

func (t Tally) since(base Tally) Tally {
	return Tally{
		Acked:       t.Acked - base.Acked,
		Refused:     t.Refused - base.Refused,
		NotSent:     t.NotSent - base.NotSent,
		Unknown:     t.Unknown - base.Unknown,
		Undelivered: t.Undelivered - base.Undelivered,
	}
}

// Stats returns the account as of now. It does not block and allocates nothing; anyone may call it at any time.
func (p *Producer) Stats() Stats {
	back := p.counts.handedBack.Load() // before the outcomes, and these before submitted, so that Pending cannot come out negative
	ends := p.counts.tally()
	adopted := p.counts.adopted.Load()
	submitted := p.counts.submitted.Load()
	_, bytes := p.room.inside()
	s := Stats{
		Submitted:    submitted,
		Acked:        ends.Acked,
		Refused:      ends.Refused,
		NotSent:      ends.NotSent,
		Unknown:      ends.Unknown,
		Pending:      submitted - ends.Acked - ends.Refused - ends.NotSent - ends.Unknown - back,
		PendingBytes: bytes,
		Undelivered:  uint64(p.counts.boxed.Load()),
		HandedBack:   back,
		Adopted:      adopted,
		Connections:  p.counts.connections.Load(),
		Batches:      p.counts.batches.Load(),
		Commands:     p.counts.commands.Load(),
		Untold:       p.counts.untold.Load(),
		Phase:        p.phase.Load(),
		Link:         p.link.Load(),
	}
	p.read(&s)
	return s
}

// Pending returns how many publishes are accepted and not ended, those included that are just coming in: Stats' Pending by one
// atomic load, to choose between producers.
func (p *Producer) Pending() int {
	count, _ := p.room.inside()
	return int(count)
}
