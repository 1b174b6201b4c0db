package actor

import (
	"math/bits"
	"sync"
)

// pools holds free transactions by the size of their memory, in classes that double, so that a pending publish holds at most
// twice its own size, or smallBytes. In a single pool each transaction would in time have grown to the largest size about, and
// MaxPendingBytes would bound little.
//
// They are sync.Pools: what is not used goes with the garbage collection.
type pools [classes + 1]sync.Pool // the last one's have no memory

const (
	smallBytes = 8 << 10 // the first class: up to this
	classes    = 5       // up to 8, 16, 32, 64 and 128 KiB; what is larger pays for its own memory
	lineBytes  = 128     // more than a command has beside its bodies: name, topic, delay and lengths
	leastBytes = 256
)

// class returns the class of that many bytes.
func class(bytes int) int { return min(classes, bits.Len(uint(max(bytes, 1)-1)/smallBytes)) }

// get returns a free transaction whose memory is of the class of a command with bodies of that size, or nil.
func (p *pools) get(size int) *Transaction {
	t, _ := p[class(size+lineBytes)].Get().(*Transaction)
	return t
}

// put takes a transaction that is free.
func (p *pools) put(t *Transaction) {
	c := class(cap(t.command))
	if c == classes {
		t.command = nil
	}
	p[c].Put(t)
}

// makeRoom sees to it that encoding a command with bodies of that size does not allocate.
func (t *Transaction) makeRoom(size int) {
	need := size + lineBytes
	if cap(t.command) >= need {
		return
	}
	if class(need) < classes {
		need = max(leastBytes, 1<<bits.Len(uint(need-1)))
	}
	t.command = make([]byte, 0, need)
}

// shed drops the memory of a transaction that has ended, unless it is small: readers may leave its result lying, and what
// that holds of the bounds has been given back.
func (t *Transaction) shed() {
	if cap(t.command) > smallBytes {
		t.command = nil
	}
}
