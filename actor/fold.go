package actor

import "bytes"

// fold sorts by topic what goes out in one write: the publishes to one topic become one command, an MPUB if there are several,
// which nsqd answers once. It holds what was taken from the backlog and is not encoded yet, and is empty between two calls of
// the loop's fill.
//
// Invariant: the order within a topic is kept. A publish joins the latest group of its topic or begins a new one, and what is
// not folded is a group of its own that nothing joins.
type fold struct {
	mostMessages int // in one group
	mostBytes    int // likewise, as nsqd counts them against its -max-body-size

	groups []group
	// latest has slots by the hash of a topic's name; see find. What it holds may be of an earlier write: a group that does not know
	// the slot is none of it.
	latest [mostGroups]uint16

	members int
	bytes   int // of the members' own commands
}

// group is what becomes one command: members linked by next, oldest first.
type group struct {
	first, last *Transaction
	members     int
	bytes       int    // of the members as an MPUB holds them: each body behind its length
	open        bool   // more may join
	slot        uint16 // where latest leads to it
}

const (
	mostGroups = 2048
	probes     = 4 // slots in which a topic's latest group may be
	countBytes = 4 // what an MPUB has beside its messages, as nsqd counts it
)

// add puts a transaction behind the others of its topic.
func (f *fold) add(t *Transaction) {
	f.members++
	f.bytes += len(t.command)
	size := len(t.message())
	foldable := t.kind == publish && !t.alone && len(t.command) < largeBytes
	slot, g := f.find(t)
	if g != nil && foldable && f.fits(g, size) {
		g.last.next = t
		g.last = t
		g.members++
		g.bytes += size
		return
	}
	f.latest[slot] = uint16(len(f.groups))
	f.groups = append(f.groups, group{first: t, last: t, members: 1, bytes: size, open: foldable, slot: slot})
}

// find returns the slot of the transaction's topic, and the topic's latest group, nil if there is none. Where all its slots are
// other topics', the first of them is taken over: the other topic begins another group when it is next met, which costs a command;
// the order stands, since nothing leads back to a group that another one of its topic has followed.
func (f *fold) find(t *Transaction) (slot uint16, latest *group) {
	for i := range uint32(probes) {
		slot = uint16((t.hash + i) % mostGroups)
		hint := int(f.latest[slot])
		if hint >= len(f.groups) || f.groups[hint].slot != slot {
			return slot, nil
		}
		if g := &f.groups[hint]; bytes.Equal(g.first.topicBytes(), t.topicBytes()) {
			return slot, g
		}
	}
	return uint16(t.hash % mostGroups), nil
}

func (f *fold) fits(g *group, size int) bool {
	return g.open && g.members < f.mostMessages && countBytes+g.bytes+size <= f.mostBytes
}

// full reports whether the write is as large as it should become. A large command is the last of its write.
func (f *fold) full() bool {
	n := len(f.groups)
	return f.bytes >= batchBytes || n == mostGroups || n > 0 && len(f.groups[n-1].first.command) >= largeBytes
}

func (f *fold) reset() {
	clear(f.groups)
	f.groups, f.members, f.bytes = f.groups[:0], 0, 0
}
