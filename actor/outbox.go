package actor

import "github.com/nsqactor/producer/wire"

// outbox is what has been encoded for a connection and has not gone to the kernel yet: small commands copied one behind the
// other into buf, so that they go out in one write, and behind them at most one large command, which is written from its
// transaction's own memory instead of being copied.
//
// Invariant: nothing is added to an outbox while it is pending, so that what is in it is written to the end, or, at the end of
// the connection, forgotten before the transaction that owns tail may go elsewhere.
type outbox struct {
	buf  []byte
	tail []byte
	sent int // how much of buf, then of tail, the kernel has
}

const (
	batchBytes = 256 << 10 // commands of so many bytes are enough for one write
	largeBytes = 16 << 10  // commands from this size on are not copied
	pieceBytes = 64 << 10  // the most that one write is given
)

func (o *outbox) len() int { return len(o.buf) + len(o.tail) }

func (o *outbox) pending() bool { return o.sent < o.len() }

// add puts a whole command behind the others, of which none is large. It must stay unchanged as long as it is pending.
func (o *outbox) add(command []byte) {
	if len(command) >= largeBytes {
		o.tail = command
		return
	}
	o.buf = append(o.buf, command...)
}

// addGroup puts a group's command behind the others.
func (o *outbox) addGroup(g *group) {
	if g.members == 1 {
		o.add(g.first.command)
		return
	}
	o.buf = wire.AppendMPubHead(o.buf, g.first.topicBytes(), g.members, g.bytes)
	for t := g.first; t != nil; t = t.next {
		o.buf = append(o.buf, t.message()...)
	}
}

// piece returns the next bytes to write, at most pieceBytes.
func (o *outbox) piece() []byte {
	rest := o.tail
	if o.sent < len(o.buf) {
		rest = o.buf[o.sent:]
	} else {
		rest = rest[o.sent-len(o.buf):]
	}
	return rest[:min(len(rest), pieceBytes)]
}

// advance notes that the kernel has taken the next n bytes.
func (o *outbox) advance(n int) {
	o.sent += n
	if !o.pending() {
		o.reset()
	}
}

func (o *outbox) reset() {
	o.buf, o.tail, o.sent = o.buf[:0], nil, 0
}
