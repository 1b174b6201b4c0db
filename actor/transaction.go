package actor

import (
	"strings"

	"github.com/nsqactor/producer/state"
)

// Transaction is one publish, and the result of an asynchronous one: it comes on the channel that the publish named.
//
// Its fields may be read until Release, and are the receiver's alone.
type Transaction struct {
	Error error // nil: nsqd answered OK. Otherwise as PublishContext would have returned it; see there
	Args  []any // what the publish was given, in a slice of the transaction's own; do not keep it beyond Release

	// The caller writes the following before it posts the transaction, and nobody writes them while it is under way.
	home    *Producer
	kind    kind
	dest    chan<- *Transaction // where the result goes: done, a channel of the caller's, or nil for nowhere
	done    chan *Transaction   // capacity 1, made once and kept with the transaction through the pool
	command []byte              // topic and bodies as encoded for the wire; the memory is the transaction's own
	topic   int                 // the topic's length in command, where it follows the command's name
	hash    uint32              // of the topic
	size    int                 // what it holds of MaxPendingBytes
	waits   bool                // it waits for a connection although the producer is down
	moves   int                 // how often it was handed back

	claim state.ClaimCell

	// The loop's own, but for doubt: a caller that has won the claim may read it.
	seq    uint64       // the order in which the loop accepted it
	losses int          // connections without an error frame that it has lived through
	alone  bool         // nsqd has refused a fold that it was in: it is not folded again
	next   *Transaction // the next of its group, while the loop encodes
	doubt  bool         // it was written on a connection that was lost, and goes again: it may be stored already
}

// kind is what a transaction asks of the loop.
type kind uint8

const (
	publish kind = iota
	multiPublish
	deferredPublish
	ping
	flush
)

var kinds = [...]struct {
	op      string  // the method, for errors
	name    string  // what stands before the topic in command
	unheard Outcome // of a call that ended before the loop took notice of it
}{
	publish:         {"Publish", "PUB ", NotSent},
	multiPublish:    {"MultiPublish", "MPUB ", NotSent},
	deferredPublish: {"DeferredPublish", "DPUB ", NotSent},
	ping:            {"Ping", "", NotSent},
	flush:           {"Flush", "", Unknown},
}

// publishes reports whether the transaction carries messages, and counts in bounds and Stats.
func (k kind) publishes() bool { return k <= deferredPublish }

// topicName returns a copy: command is reused.
func (t *Transaction) topicName() string {
	if !t.kind.publishes() {
		return ""
	}
	return string(t.topicBytes())
}

func (t *Transaction) topicBytes() []byte {
	start := len(kinds[t.kind].name)
	return t.command[start : start+t.topic]
}

// message returns what a PUB and an MPUB have in common: the body behind its length. It is for a publish only.
func (t *Transaction) message() []byte {
	return t.command[len(kinds[publish].name)+t.topic+len("\n"):]
}

// Release gives the transaction back for reuse, and waits for nothing. Who received it from his channel may call it once, when he
// needs it no more; it is not an obligation, a transaction that is never released is left to the garbage collector. A second Release
// before the reuse does nothing.
func (t *Transaction) Release() {
	if t.claim.Advance(state.Done, state.Free) {
		t.recycle()
	}
}

// recycle puts the transaction into the pool; its claim is Free, so that nobody else touches it.
func (t *Transaction) recycle() {
	t.Error = nil
	clear(t.Args)
	t.Args = t.Args[:0]
	t.dest = nil
	t.losses, t.moves, t.alone, t.doubt = 0, 0, false, false
	t.home.pools.put(t)
}

// fresh takes a transaction with memory for a command of about that size from the pool, or makes one.
func (p *Producer) fresh(k kind, size int) *Transaction {
	t := p.pools.get(size)
	if t == nil {
		t = &Transaction{home: p, done: make(chan *Transaction, 1)}
	}
	t.kind = k
	t.makeRoom(size)
	return t
}

// fail makes the error of a call. ErrStopped and ErrFull stay bare, so that == finds them. It keeps nothing of topic's memory.
func (p *Producer) fail(k kind, topic string, outcome Outcome, err error) error {
	if err == ErrStopped || err == ErrFull {
		return err
	}
	return &Error{Op: kinds[k].op, Topic: strings.Clone(topic), Addr: p.addr, Outcome: outcome, Err: err}
}
