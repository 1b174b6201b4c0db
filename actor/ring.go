package actor

// ring is a queue of values in one slice that wraps around, oldest first. It grows by doubling and never shrinks, so that a
// warm one allocates nothing. The zero ring is empty.
//
// Invariant: len(items) is a power of two (or none), so that a mask wraps an index. What is popped is zeroed: a ring that has
// been long keeps nothing alive.
type ring[T any] struct {
	items []T
	head  int // index of the oldest
	n     int
}

const ringStart = 16

func (r *ring[T]) len() int { return r.n }

func (r *ring[T]) full() bool { return r.n == len(r.items) }

// at returns the i-th oldest, 0 <= i < len.
func (r *ring[T]) at(i int) *T { return &r.items[(r.head+i)&(len(r.items)-1)] }

func (r *ring[T]) front() *T { return r.at(0) }

func (r *ring[T]) pushBack(v T) {
	r.makeRoom()
	r.n++
	*r.at(r.n - 1) = v
}

func (r *ring[T]) pushFront(v T) {
	r.makeRoom()
	r.n++
	r.head = (r.head - 1) & (len(r.items) - 1)
	*r.front() = v
}

func (r *ring[T]) popFront() T {
	var none T
	v := *r.front()
	*r.front() = none
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.n--
	return v
}

// keep removes the values that wanted does not want, in one pass, and leaves the rest in order.
func (r *ring[T]) keep(wanted func(T) bool) {
	for range r.n {
		if v := r.popFront(); wanted(v) {
			r.pushBack(v)
		}
	}
}

func (r *ring[T]) makeRoom() {
	if !r.full() {
		return
	}
	grown := make([]T, max(ringStart, 2*len(r.items)))
	n := copy(grown, r.items[r.head:])
	copy(grown[n:], r.items[:r.head])
	r.items, r.head = grown, 0
}
