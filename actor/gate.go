package actor

import (
	"context"
	"sync/atomic"
)

// gate bounds how many things, and how many bytes of them, may be inside at a time. Where there is room, entering is one
// compare-and-swap. Otherwise callers wait in the order in which they came, so that a large one is not starved by small ones
// that would still fit.
type gate struct {
	used     atomic.Uint64 // count<<byteBits | bytes: both change in one step
	maxCount uint64
	maxBytes uint64

	// The waiters queue up for the one token in turn (a channel serves its receivers in order). Whoever holds it is the first
	// in the line, and tries again at each token in freed.
	//
	// Invariant: room that is given back while somebody waits leaves a token in freed. A waiter counts itself in waiting before
	// it looks at used, and leave subtracts from used before it looks at waiting, so that one of the two sees the other.
	waiting atomic.Int64
	turn    chan struct{}
	freed   chan struct{}
}

const (
	byteBits     = 40 // 1 TiB of bytes and 16 million of count in one word
	maxGateBytes = 1<<byteBits - 1
	maxGateCount = 1<<(64-byteBits) - 1
)

func (g *gate) init(maxCount, maxBytes int) {
	g.maxCount, g.maxBytes = uint64(maxCount), uint64(maxBytes)
	g.turn = make(chan struct{}, 1)
	g.turn <- struct{}{}
	g.freed = make(chan struct{}, 1)
}

// tryEnter takes room for one thing of that many bytes, if there is any and nobody waits for it.
func (g *gate) tryEnter(bytes int) bool {
	return g.waiting.Load() == 0 && g.take(bytes)
}

// enter takes room for one thing of that many bytes, at most maxBytes, and waits for it as long as neither ctx nor stop ends.
// It returns ErrStopped or ctx's error.
func (g *gate) enter(ctx context.Context, stop <-chan struct{}, bytes int) error {
	if g.tryEnter(bytes) {
		return nil
	}
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	select {
	case <-g.turn:
	case <-ctx.Done():
		return ctx.Err()
	case <-stop:
		return ErrStopped
	}
	defer func() { g.turn <- struct{}{} }() // capacity 1, and the one token is ours: never blocks
	for !g.take(bytes) {
		select {
		case <-g.freed:
		case <-ctx.Done():
			return ctx.Err()
		case <-stop:
			return ErrStopped
		}
	}
	return nil
}

// force takes room for one thing of that many bytes beyond all bounds. It is for what holds room in another gate and is about to
// leave it.
func (g *gate) force(bytes int) { g.used.Add(1<<byteBits | uint64(bytes)) }

// leave gives back what that many successful enters took.
func (g *gate) leave(count, bytes int) {
	g.used.Add(-(uint64(count)<<byteBits | uint64(bytes)))
	if g.waiting.Load() > 0 {
		select {
		case g.freed <- struct{}{}:
		default:
		}
	}
}

func (g *gate) take(bytes int) bool {
	for {
		used := g.used.Load()
		count, inside := used>>byteBits+1, used&maxGateBytes+uint64(bytes)
		if count > g.maxCount || inside > g.maxBytes {
			return false
		}
		if g.used.CompareAndSwap(used, count<<byteBits|inside) {
			return true
		}
	}
}

// inside returns the count and the bytes that are in.
func (g *gate) inside() (count, bytes uint64) {
	used := g.used.Load()
	return used >> byteBits, used & maxGateBytes
}
