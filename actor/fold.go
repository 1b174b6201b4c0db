package actor

import (
	"bytes"

	"github.com/nsqactor/producer/wire"
)

// fold sorts what goes out in one write by topic: the publishes to one topic become one command, an MPUB if there are several,
// which nsqd answers once. It holds what was taken from the backlog and not encoded yet, and is empty between two calls of the
// loop's fill.
//
// Invariant: the order within a topic is kept. A topic's publishes go to its latest group, and a group that was followed by
// another one of its topic gets nothing more; what is not folded is a group of its own.
type fold struct {
	mostMessages int // in one command
	mostBytes    int // likewise, as nsqd counts them against its -max-body-size

	groups []group
	// latest finds a topic's latest group by the hash of its name. It is a hint: what it holds for a hash may be of an earlier
	// write, or another topic's. Then the topic gets another group, which costs a command and no order, since the old one is
	// not found any more.
	latest [hintSize]uint16

	members int
	bytes   int // of the members' commands
}

// group is what becomes one command: members linked by next, in the order of their acceptance.
type group struct {
	first, last *Transaction
	members     int
	bytes       int  // of the members as an MPUB holds them: each message behind its length
	open        bool // more may join
}

const (
	hintSize  = 2048
	mpubBytes = 4 // beside its messages, an MPUB's count
)

// add puts a transaction behind the others of its topic.
func (f *fold) add(t *Transaction) {
	f.members++
	f.bytes += len(t.command)
	hint := &f.latest[t.hash%hintSize]
	size := len(t.command) - t.message
	foldable := t.kind == publish && !t.alone && len(t.command) < largeBytes
	if i := int(*hint); i < len(f.groups) {
		g := &f.groups[i]
		if foldable && g.open && g.members < f.mostMessages && mpubBytes+g.bytes+size <= f.mostBytes && bytes.Equal(g.first.topicBytes(), t.topicBytes()) {
			g.last.next = t
			g.last = t
			g.members++
			g.bytes += size
			return
		}
	}
	*hint = uint16(len(f.groups))
	f.groups = append(f.groups, group{first: t, last: t, members: 1, bytes: size, open: foldable})
}

// full reports whether the write is as large as it should become.
func (f *fold) full() bool {
	if n := len(f.groups); n > 0 && len(f.groups[n-1].first.command) >= largeBytes {
		return true // which must be the last
	}
	return f.bytes >= batchBytes || len(f.groups) >= hintSize
}

// head appends what stands before the messages of a group of several.
func (g *group) head(dst []byte) []byte {
	return wire.AppendMPubHead(dst, g.first.topicBytes(), g.members, g.bytes)
}

func (f *fold) reset() {
	clear(f.groups)
	f.groups, f.members, f.bytes = f.groups[:0], 0, 0
}
