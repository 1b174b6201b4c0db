package actor

import "github.com/nsqactor/producer/state"

// flight is what has been encoded on the present connection and not been answered, oldest first. nsqd answers strictly in
// order and names nothing, so that this order is all that says which publish an answer belongs to.
//
// A command answers for one or more transactions, its members. They lie in a ring of their own, in the same order, so that a
// command of many members needs no memory of its own.
type flight struct {
	commands ring[command]
	members  ring[*Transaction]
}

// command is one unanswered command. Offsets count the bytes of the connection's stream behind the handshake.
type command struct {
	begin, end uint64 // of its bytes
	at         int64  // when it was encoded, in nanoseconds on the loop's clock
	members    int
	last       bool // it ends a write, as the window counts them
}

func (f *flight) len() int { return f.commands.len() }

// push notes a command with its members, of whom first leads to the others.
func (f *flight) push(c command, first *Transaction) {
	c.members = 0
	for t := first; t != nil; {
		next := t.next
		t.next = nil
		f.members.pushBack(t)
		c.members++
		t = next
	}
	f.commands.pushBack(c)
}

// alive reports whether anybody still waits for one of the answers.
func (f *flight) alive() bool {
	for i := range f.members.len() {
		if (*f.members.at(i)).claim.Load() == state.Taken {
			return true
		}
	}
	return false
}

// pop removes the oldest command and hands its members to each, in order.
func (f *flight) pop(each func(*Transaction)) {
	for range f.commands.popFront().members {
		each(f.members.popFront())
	}
}
