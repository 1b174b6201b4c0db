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
	// latest finds a topic's latest group by the hash of its name. It is only a hint: what it holds may be of an earlier write,
	// or of another topic with that hash. Then the topic begins another group, which costs a command; the order stands, since
	// the hint does not go back to a group that another one has followed.
	latest [mostGroups]uint16

	members int
	bytes   int // of the members' own commands
}

// group is what becomes one command: members linked by next, oldest first.
type group struct {
	first, last *Transaction
	members     int
	bytes       int  // of the members as an MPUB holds them: each body behind its length
	open        bool // more may join
}

const (
	mostGroups = 2048
	countBytes = 4 // what an MPUB has beside its messages, as nsqd counts it
)

// add puts a transaction behind the others of its topic.
func (f *fold) add(t *Transaction) {
	f.members++
	f.bytes += len(t.command)
	size := len(t.message())
	foldable := t.kind == publish && !t.alone && len(t.command) < largeBytes
	hint := &f.latest[t.hash%mostGroups]
	if i := int(*hint); foldable && i < len(f.groups) {
		if g := &f.groups[i]; f.fits(g, size) && bytes.Equal(g.first.topicBytes(), t.topicBytes()) {
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
