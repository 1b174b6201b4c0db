package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
)

// member is one connection to one nsqd: a producer, and what the pool thinks of it.
type member struct {
	producer   *actor.Producer
	addr       string
	connection int    // which of the connections to addr, from 0
	place      uint64 // where keys are concerned, see score

	breaker state.BreakerCell
	since   atomic.Int64         // when it began to prove itself, on the pool's clock
	whole   atomic.Pointer[span] // from when it was trusted again until it breaks

	// The keeper's own.
	answers  uint64        // of nsqd, when it was last looked at
	progress int64         // when there last was one, or nothing that asked for one
	until    int64         // no proving before
	pause    time.Duration // the last one's ceiling; 0: it has been trusted for a while
	noticed  bool          // that it is broken
}

func newMember(p *Pool, addr string, connection int) (*member, error) {
	producer, err := actor.NewProducer(addr, &p.cfg)
	if err != nil {
		return nil, err
	}
	place := hash(addr + "#" + strconv.Itoa(connection))
	m := &member{producer: producer, addr: addr, connection: connection, place: place}
	m.whole.Store(newSpan())
	return m, nil
}

// span is a context with its end: while it lasts, it is worth waiting.
type span struct {
	context.Context
	end context.CancelFunc
}

func newSpan() *span {
	ctx, cancel := context.WithCancel(context.Background())
	return &span{ctx, cancel}
}

// span returns for how long a publish may wait for room at the member: until it breaks, or, where it is broken, as all are then,
// until one of them gets better.
func (m *member) span(p *Pool) context.Context {
	if m.breaker.Load() == state.Broken {
		return p.better.Load()
	}
	return m.whole.Load()
}

// breakOff makes the member broken.
func (m *member) breakOff() {
	if m.breaker.Break() {
		m.whole.Load().end()
	}
}

// heed takes the member's failure for what it is: where not the publish was at fault but nsqd or the way there, it is broken.
func (m *member) heed(err error) {
	if !errors.Is(err, actor.ErrStopped) && actor.Movable(err, true) {
		m.breakOff()
	}
}

// grade is how willingly a publish is given to a member; the lower, the better.
type grade uint8

const (
	fit   grade = iota
	tried       // it is proving itself, and has all that it is given for now
	unfit       // broken
)

// A member that proves itself may have one publish pending at first, and twice as many after each proveStep, until it is trusted.
const (
	proveStep = 100 * time.Millisecond
	proveFor  = time.Second
)

func (m *member) grade(p *Pool) grade {
	switch m.breaker.Load() {
	case state.Trusted:
		return fit
	case state.Proving:
		since := m.since.Load() // before the clock, lest it be later
		if steps := max(0, p.clock()-since) / int64(proveStep); m.producer.Pending() < 1<<min(steps, 20) {
			return fit
		}
		return tried
	}
	return unfit
}

// limits are what the keeper judges by.
type limits struct {
	patience          time.Duration // for how long nsqd may leave what is pending unanswered
	shortest, longest time.Duration // of the pauses behind a failure
}

// look judges the member as of now, and reports whether it can be used again.
func (m *member) look(l *limits, now int64) (better bool) {
	s := m.producer.Stats()
	if answers := s.Acked + s.Refused; answers != m.answers {
		m.answers, m.progress = answers, now
	} else if s.Link == state.Up || s.Pending == 0 && s.Link != state.Connecting {
		// What is unanswered counts, pending or not: callers who leave soon enough would hide that nothing is answered.
		m.progress = max(m.progress, now-int64(s.Oldest))
	}
	refusal, refused := s.LastError.(*wire.ReplyError)
	refused = refused && refusal.Fact().Retry != wire.RetryLater // nsqd ended the connection to refuse a guilty publish, and is well
	lost := s.Link == state.Down || s.Link == state.Connecting && s.Connections > 0 && !refused
	stalled := now-m.progress > int64(l.patience)
	switch m.breaker.Load() {
	case state.Trusted:
		if !lost && !stalled {
			return false
		}
		m.breakOff()
	case state.Proving:
		if !lost && !stalled {
			if now-m.since.Load() >= int64(proveFor) && m.breaker.Advance(state.Proving, state.Trusted) {
				m.pause = 0
			}
			return false
		}
		m.breakOff()
	}
	if !m.noticed {
		m.noticed = true
		m.pause = min(max(2*m.pause, l.shortest), l.longest)
		m.until = now + int64(m.pause/2+rand.N(m.pause/2+1)) // not all clients at once
	}
	if lost || stalled || s.Link != state.Up || now < m.until || m.whole.Load().Err() == nil { // who broke it is about to end that
		return false
	}
	m.noticed = false
	m.since.Store(now)
	m.whole.Store(newSpan())
	m.breaker.Advance(state.Broken, state.Proving)
	return true
}
