package actor

import (
	"runtime"
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
	fold    fold               // being encoded
	flight  flight             // encoded and not answered
	out     outbox             // encoded and not with the kernel
	lessons lessons            // of nsqd's limits

	conn    *connection // the present attempt or connection; nil while none is wanted or the next has to wait
	replies chan reply  // conn's; nil without one
	retry   retry
	cause   error // why the link is Down
	acked   int   // publishes that answers have ended since the loop last let others run

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
	l := &loop{p: p, began: p.made, stopping: p.stopping, timer: time.AfterFunc(time.Hour, p.ring)}
	l.timer.Stop()
	l.fold.mostMessages = p.cfg.FoldMessages
	l.unlearn()
	return l
}

// clock returns the time since the loop began, in nanoseconds, never 0.
func (l *loop) clock() int64 { return int64(time.Since(l.began)) + 1 }

func (l *loop) run() {
	defer close(l.p.ended)
	l.connect()
	for !l.drained() && !l.severed() {
		if l.acked > 1 { // their callers first: what they publish next goes out in the same write (BenchmarkPublish)
			runtime.Gosched()
		}
		l.acked = 0
		l.show()
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

// sleep waits until there is something to do. While the window is closed that is nothing which comes by mail: publishes gather
// there until an answer comes. Who asks a question rings, lest it wait for that, and so does who gives up a publish, lest it take
// another's place in the mailbox.
func (l *loop) sleep() {
	mail := l.p.mail
	if c := l.conn; c != nil && c.conn != nil && c.broken == nil && !c.window.open() {
		mail = nil
	}
	select {
	case t := <-mail:
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

// sweep drops what callers have given up, and ends the Pings that wait for a producer which is stopping.
func (l *loop) sweep() {
	l.backlog.keep(func(t *Transaction) bool {
		if l.draining && t.kind == ping {
			l.end(t, NotSent, ErrStopped)
			return false
		}
		return t.claim.Load() == state.Queued
	})
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
// Invariant: the ring holds at most MaxPending publishes of at most MaxPendingBytes and one more, those of callers who have left
// included. So memory stays bounded even if every caller leaves a stopped nsqd behind: then no more is taken, and what is not
// taken can be given up.
func (l *loop) mayTake() bool {
	if l.backlog.len() == 0 || (*l.backlog.front()).alone && l.flight.len()+len(l.fold.groups) >= mostAlone {
		return false
	}
	return l.flight.members.len()+l.fold.members < l.p.cfg.MaxPending &&
		l.unanswered() < l.p.cfg.MaxPendingBytes && l.conn.window.open()
}

// unanswered returns how many bytes have been taken behind the last answer.
func (l *loop) unanswered() int {
	if l.flight.len() == 0 {
		return l.fold.bytes
	}
	return int(l.conn.encoded-l.flight.commands.front().begin) + l.fold.bytes
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
		l.out.add(nop)
		c.encoded += uint64(len(nop))
	}
	for l.mayTake() && !l.fold.full() {
		t := l.backlog.popFront()
		if !t.claim.Advance(state.Queued, state.Taken) {
			continue // given up
		}
		if refusal := l.lessons.refuse(t, now); refusal != nil {
			l.end(t, Refused, refusal)
		} else {
			l.fold.add(t)
		}
	}
	if l.fold.members > 0 {
		l.encodeFold(now)
	}
	l.wakeBy(now + int64(l.p.cfg.ResponseTimeout))
}

// encodeFold makes a write of what has been taken.
func (l *loop) encodeFold(now int64) {
	c := l.conn
	for i := range l.fold.groups {
		g := &l.fold.groups[i]
		begin := c.encoded
		before := l.out.len()
		l.out.addGroup(g)
		c.encoded += uint64(l.out.len() - before)
		l.flight.push(command{begin: begin, end: c.encoded, at: now}, g.first)
	}
	l.p.tell(record{event: batchEncoded, batch: Batch{l.fold.members, len(l.fold.groups), l.out.len()}})
	l.p.counts.commands.Add(uint64(len(l.fold.groups)))
	l.p.counts.batches.Add(1)
	l.fold.reset()
	if l.out.tail == nil {
		l.flight.commands.at(l.flight.len() - 1).last = true
		c.window.unanswered++
	}
}

var nop = wire.AppendNop(nil)

// write gives the kernel the next piece. What it does not take now is tried again when the loop comes by again, until
// WriteTimeout has passed without progress.
func (l *loop) write(now int64) {
	if !l.out.pending() {
		return
	}
	c := l.conn
	before := c.through
	var n int
	var err error
	if c.seal == nil {
		n, err = c.write(l.out.piece(), now)
		l.out.advance(n)
		c.written += uint64(n)
		c.through = c.written
	} else {
		n, err = c.writeSealed(&l.out, now)
	}
	switch {
	case err != nil:
		l.breakOff(err)
	case n > 0:
		c.stuck = 0
		if l.flight.len() > 0 {
			if end := l.flight.commands.front().end; end > before && end <= c.through {
				c.whole = now
			}
		}
	case c.stuck == 0:
		c.stuck = now
	case now-c.stuck >= int64(l.p.cfg.WriteTimeout):
		l.breakOff(errWriteStuck)
	}
}
