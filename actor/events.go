package actor

import (
	"time"

	"github.com/nsqactor/producer/state"
)

// event is something in a producer's life that Config.Logger or Config.Trace hears of.
type event uint8

const (
	connecting   event = iota // an attempt to connect begins
	connected                 // through the handshake
	dialFailed                // an attempt came to nothing
	disconnected              // a connection has ended
	linkMoved                 // from one state.Link to another
	batchEncoded              // for one write
	events
)

// record is an event with its circumstances.
type record struct {
	event
	at       time.Time
	cause    error      // of dialFailed and disconnected
	from, to state.Link // of linkMoved
	batch    Batch      // of batchEncoded
}

// Some records may wait for a slow handler or trace; more are dropped.
const (
	unlogged = 16
	untraced = 256
)

// audience returns which events somebody wants to hear of, a bit for each.
func (c *Config) audience() (heard uint8) {
	for e := range events {
		if c.Logger != nil && logged[e].text != "" || c.Trace != nil && c.Trace.hears(e) {
			heard |= 1 << e
		}
	}
	return heard
}

// tell reports what somebody wants to hear of. It stands by itself so that it is inlined, and a record for nobody is not even made
// (BenchmarkTrace).
func (p *Producer) tell(r record) {
	if p.heard&(1<<r.event) != 0 {
		p.report(r)
	}
}

// report hands a record to the scribe, a goroutine that lives as long as there is something to tell. Handler and trace are the
// user's, and may block: that stops the scribe and nobody else.
func (p *Producer) report(r record) {
	r.at = time.Now()
	select {
	case p.records <- r:
	default:
		p.counts.untold.Add(1)
		return
	}
	if p.scribing.Set() {
		go p.scribe()
	}
}

// scribe tells records until there are none.
//
// Invariant: no record is left without a scribe. It stops being the scribe before it looks a last time, and report looks for a
// scribe after it has left its record.
func (p *Producer) scribe() {
	for {
		select {
		case r := <-p.records:
			if p.cfg.Logger != nil {
				p.log(&r)
			}
			if p.cfg.Trace != nil {
				p.cfg.Trace.tell(&r)
			}
		default:
			p.scribing.Clear()
			if len(p.records) == 0 || !p.scribing.Set() {
				return
			}
		}
	}
}

// moveLink moves the link, and tells of it.
func (l *loop) moveLink(to state.Link) {
	if from := l.p.link.Load(); from != to {
		l.p.link.Advance(from, to)
		l.p.tell(record{event: linkMoved, from: from, to: to})
	}
}
