package actor

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
	batchBytes = 64 << 10 // buf is not filled further
	largeBytes = 16 << 10 // commands from this size on are not copied
	pieceBytes = 64 << 10 // the most that one write is given
)

func (o *outbox) pending() bool { return o.sent < len(o.buf)+len(o.tail) }

// full reports whether the next command has to wait for the next batch.
func (o *outbox) full() bool { return len(o.buf) >= batchBytes || o.tail != nil }

// add puts a whole command behind the others. It must stay unchanged as long as it is pending.
func (o *outbox) add(command []byte) {
	if len(command) >= largeBytes {
		o.tail = command
		return
	}
	o.buf = append(o.buf, command...)
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
