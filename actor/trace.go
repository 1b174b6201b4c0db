package actor

import (
	"time"

	"github.com/nsqactor/producer/state"
)

// Trace is functions that hear of what a producer does, in the manner of net/http/httptrace; each may be nil. They are called in
// the order of events, one at a time, on a goroutine that they share with Config.Logger: never on the loop, a reader or a
// publisher's. One that takes its time holds up no publish, but it hears of things late, and of what comes meanwhile only the
// first 256; the others are counted in Stats.Untold.
type Trace struct {
	ConnectStart func(at time.Time)                      // an attempt to connect begins
	Connected    func(at time.Time)                      // a connection is through its handshake
	ConnectError func(at time.Time, cause error)         // an attempt came to nothing
	Lost         func(at time.Time, cause error)         // a connection has ended
	LinkMoved    func(at time.Time, from, to state.Link) // how the producer stands with nsqd has changed
	Batch        func(at time.Time, b Batch)             // publishes were encoded, to be written at once
}

// Batch is what goes out in one write.
type Batch struct {
	Publishes int // a MultiPublish counts one
	Commands  int // the publishes to one topic fold into one
	Bytes     int // as they are before TLS and compression
}

// hears reports whether there is a function for the event.
func (t *Trace) hears(e event) bool {
	return [events]bool{
		connecting:   t.ConnectStart != nil,
		connected:    t.Connected != nil,
		dialFailed:   t.ConnectError != nil,
		disconnected: t.Lost != nil,
		linkMoved:    t.LinkMoved != nil,
		batchEncoded: t.Batch != nil,
	}[e]
}

// tell calls the function for a record, on the scribe.
func (t *Trace) tell(r *record) {
	if !t.hears(r.event) {
		return
	}
	switch r.event {
	case connecting:
		t.ConnectStart(r.at)
	case connected:
		t.Connected(r.at)
	case dialFailed:
		t.ConnectError(r.at, r.cause)
	case disconnected:
		t.Lost(r.at, r.cause)
	case linkMoved:
		t.LinkMoved(r.at, r.from, r.to)
	case batchEncoded:
		t.Batch(r.at, r.batch)
	}
}
