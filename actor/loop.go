package actor

import (
	"time"

	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
)

// loop is the actor: one goroutine from the producer's first use to its end. All fields are its own, no other goroutine can
// name them.
//
// It never waits but in two places: in sleep, for anything that concerns it, and in a write, for writeAhead at most. Results go
// to channels with room, or to a courier.
type loop struct {
	p     *Producer
	began time.Time // zero of the loop's clock

	backlog ring[*Transaction] // accepted and not encoded, oldest first; what goes again stands before what is new
	flight  flight             // encoded and not answered
	out     outbox             // encoded and not with the kernel

	conn    *connection // the present attempt or connection; nil while none is wanted or the next has to wait
	replies chan reply  // conn's; nil without one
	retry   retry
	cause   error // why the link is Down

	timer *time.Timer // rings the bell when it is due; a timer's channel in a select would be set anew by each sleep
	due   int64       // when that is; 0: never

	seq      uint64 // of the last transaction accepted
	flushes  ring[flushWait]
	recount  bool                         // what the Flushes wait for is to be counted anew
	idle     chan *box                    // whose courier may end
	boxes    map[chan<- *Transaction]*box // of done channels that are behind
	stopping <-chan struct{}              // p.stopping until it was seen closed, then nil
	draining bool
}

func newLoop(p *Producer) *loop {
	l := &loop{p: p, began: time.Now(), stopping: p.stopping, timer: time.AfterFunc(time.Hour, p.ring)}
	l.timer.Stop()
	return l
}

// clock returns the time since the loop began, in nanoseconds, never 0.
func (l *loop) clock() int64 { return int64(time.Since(l.began)) + 1 }

func (l *loop) run() {
	defer close(l.p.ended)
	l.connect()
	for !l.drained() && !l.severed() {
		heard := l.collect()
		l.countFlushes()
		heard = l.listen() || heard
		switch {
		case l.severed(): // another write would be one too many
		case l.hasWork():
			now := l.clock() // once: it costs as much as all else in fill
			l.fill(now)
			l.write(now)
		case !heard: // what was heard may be the end
			l.sleep()
		}
	}
	l.farewell()
}

// sleep waits until there is something to do.
func (l *loop) sleep() {
	select {
	case t := <-l.p.mail:
		l.receive(t)
	case r := <-l.replies:
		l.reply(r)
	case <-l.p.bell:
		l.answerBell()
	}
}

// listen takes what has been said, without waiting, and reports whether there was anything. It stands before fill so that an
// answer that came before a command was encoded cannot pass for the command's own, and keeps a loop that has work in touch.
func (l *loop) listen() (heard bool) {
	select {
	case r := <-l.replies:
		l.reply(r)
		heard = true
	default:
	}
	select {
	case <-l.p.bell:
		l.answerBell()
		heard = true
	default:
	}
	return heard
}

// collect takes everything that waits in the mailbox, so that it goes out in one write, and reports whether there was anything.
func (l *loop) collect() (heard bool) {
	for range len(l.p.mail) {
		select {
		case t := <-l.p.mail:
			l.receive(t)
			heard = true
		default:
			return heard
		}
	}
	return heard
}

// receive takes one transaction from the mailbox.
func (l *loop) receive(t *Transaction) {
	if t.claim.Load() != state.Queued {
		return // given up on its way; whoever leaves behind this look, while it matters, rings
	}
	l.seq++
	t.seq = l.seq
	up := l.p.link.Load()
	switch {
	case t.kind == flush:
		l.flush(t)
	case t.kind == ping && up == state.Up && l.conn.broken == nil:
		l.end(t, Acked, nil)
	case up == state.Down && !t.waits:
		l.end(t, NotSent, l.cause)
	default:
		if l.backlog.full() { // before it grows: what callers have given up needs no place
			l.sweep()
		}
		l.backlog.pushBack(t)
	}
}

// answerBell looks at all that lies outside of the mailbox.
func (l *loop) answerBell() {
	select {
	case <-l.stopping:
		l.stopping, l.draining = nil, true
	default:
	}
	if l.draining {
		l.p.watched.Set()
		l.sweep()
	}
	if l.due != 0 && l.clock() >= l.due {
		l.fire()
	}
	l.retireCouriers()
	l.recount = l.flushes.len() > 0
}

// sweep drops what callers have given up.
func (l *loop) sweep() {
	l.backlog.keep(func(t *Transaction) bool { return t.claim.Load() == state.Queued })
}

// hasWork reports whether there is something to write, and a connection that takes it.
func (l *loop) hasWork() bool {
	c := l.conn
	if c == nil || c.conn == nil || c.broken != nil {
		return false
	}
	return l.out.pending() || c.nop || l.mayTake()
}

// mayTake reports whether the oldest of the backlog may be encoded.
//
// Invariant: the ring holds at most MaxPending commands of at most MaxPendingBytes and one more, those of callers who have left
// included. So memory stays bounded even if every caller leaves a stopped nsqd behind: then no more is taken, and what is not
// taken can be given up.
func (l *loop) mayTake() bool {
	return l.backlog.len() > 0 && l.flight.len() < l.p.cfg.MaxPending && l.unanswered() < uint64(l.p.cfg.MaxPendingBytes) &&
		l.conn.window.open()
}

// unanswered returns how many bytes have been encoded behind the last answer.
func (l *loop) unanswered() uint64 {
	if l.flight.len() == 0 {
		return 0
	}
	return l.conn.encoded - l.flight.commands.front().begin
}

// fill encodes the answer to a heartbeat, and from the backlog, oldest first, until the batch is full. It does nothing while
// the last batch is still on its way.
func (l *loop) fill(now int64) {
	if l.out.pending() {
		return
	}
	c := l.conn
	if c.nop {
		c.nop = false
		l.encode(nop)
	}
	if !l.mayTake() {
		return
	}
	before := l.flight.len()
	for l.mayTake() && !l.out.full() {
		t := l.backlog.popFront()
		if t.claim.Advance(state.Queued, state.Taken) {
			begin := c.encoded
			l.encode(t.command)
			l.flight.push(command{begin: begin, end: c.encoded, at: now}, t)
		}
	}
	if l.flight.len() > before {
		l.flight.commands.at(l.flight.len() - 1).last = true
		c.window.unanswered++
	}
	l.wakeBy(now + int64(l.p.cfg.ResponseTimeout))
}

var nop = wire.AppendNop(nil)

func (l *loop) encode(command []byte) {
	l.out.add(command)
	l.conn.encoded += uint64(len(command))
}

// write gives the kernel the next piece. What it does not take now is tried again when the loop comes by again, until
// WriteTimeout has passed without progress.
func (l *loop) write(now int64) {
	if !l.out.pending() {
		return
	}
	c := l.conn
	before := c.written
	n, err := c.write(l.out.piece(), now)
	l.out.advance(n)
	c.written += uint64(n)
	switch {
	case err != nil:
		l.breakOff(err)
	case n > 0:
		c.stuck = 0
		if l.flight.len() > 0 {
			if end := l.flight.commands.front().end; end > before && end <= c.written {
				c.whole = now
			}
		}
	case c.stuck == 0:
		c.stuck = now
	case now-c.stuck >= int64(l.p.cfg.WriteTimeout):
		l.breakOff(errWriteStuck)
	}
}
