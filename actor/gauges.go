package actor

import (
	"sync/atomic"
	"time"

	"github.com/nsqactor/producer/state"
)

// gauges are how the loop stands, for Stats. The loop alone writes them, once in each of its turns.
type gauges struct {
	queued   atomic.Int64
	inFlight atomic.Int64
	oldest   atomic.Int64 // when the oldest unanswered command was encoded, on the loop's clock; 0: there is none
	window   atomic.Int64
	failure  atomic.Pointer[error] // what the last attempt to connect, or connection, failed by
}

// show brings the gauges up to date. It stands at the beginning of a turn: the loop sleeps only in a turn in which nothing has
// changed, so that what is shown while it sleeps is how it stands.
func (l *loop) show() {
	g := &l.p.gauges
	oldest, window := int64(0), int64(0)
	if l.flight.len() > 0 {
		oldest = l.flight.commands.front().at
	}
	if l.conn != nil {
		window = windowBase + l.conn.window.path()/windowStep
	}
	show(&g.queued, int64(l.backlog.len()))
	show(&g.inFlight, int64(l.flight.members.len()))
	show(&g.oldest, oldest)
	show(&g.window, window)
}

// show stores a value that has changed: a load costs less than a store.
func show(gauge *atomic.Int64, value int64) {
	if gauge.Load() != value {
		gauge.Store(value)
	}
}

// read adds the gauges to an account.
func (p *Producer) read(s *Stats) {
	s.Queued = uint64(p.gauges.queued.Load())
	if s.Phase != state.Closed { // what is sent to an ended loop its sender takes back
		s.Queued += uint64(len(p.mail))
	}
	s.InFlight = uint64(p.gauges.inFlight.Load())
	if oldest := p.gauges.oldest.Load(); oldest > 0 {
		s.Oldest = max(0, time.Since(p.made)-time.Duration(oldest))
	}
	s.Window = int(p.gauges.window.Load())
	if failure := p.gauges.failure.Load(); failure != nil {
		s.LastError = *failure
	}
}
