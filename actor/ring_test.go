package actor

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRingAgainstSlice lets chance use a ring and a slice in the same way: they hold the same at each step, and a place that
// holds nothing is zero.
func TestRingAgainstSlice(t *testing.T) {
	for round := range uint64(10) {
		random := rand.New(rand.NewPCG(round, 1))
		var r ring[int]
		var model []int
		for step := range 2000 {
			grow := step/200%2 == 0 // long runs either way, so that it wraps and doubles
			switch roll := random.IntN(100); {
			case roll < 5:
				wanted := func(v int) bool { return v%3 != 0 }
				r.keep(wanted)
				var kept []int
				for _, v := range model {
					if wanted(v) {
						kept = append(kept, v)
					}
				}
				model = kept
			case roll < 45 == grow || len(model) == 0:
				r.pushBack(step + 1)
				model = append(model, step+1)
			case roll < 55 || grow:
				r.pushFront(-step - 1)
				model = append([]int{-step - 1}, model...)
			default:
				require.Equal(t, model[0], *r.front())
				require.Equal(t, model[0], r.popFront())
				model = model[1:]
			}
			requireSame(t, &r, model)
		}
	}
}

func requireSame(t *testing.T, r *ring[int], model []int) {
	t.Helper()
	if len(model) != r.len() || r.full() != (len(model) == len(r.items)) || len(r.items)&(len(r.items)-1) != 0 {
		require.FailNow(t, "sizes", "%d values, len %d, full %v, %d places", len(model), r.len(), r.full(), len(r.items))
	}
	for i, v := range model {
		if *r.at(i) != v {
			require.Equal(t, v, *r.at(i), "place %d of %d", i, len(model))
		}
	}
	used := 0
	for _, v := range r.items {
		if v != 0 {
			used++
		}
	}
	if used != len(model) {
		require.Equal(t, len(model), used, "places that are not zero")
	}
}

// TestRingKeepsNothingAlive looks at all of a ring's memory after what was in it has gone by either way.
func TestRingKeepsNothingAlive(t *testing.T) {
	for _, wrap := range []int{0, 1, 9, 15} {
		var r ring[*int]
		for range wrap {
			r.pushBack(new(int))
			r.popFront()
		}
		for range 40 {
			r.pushBack(new(int))
			r.pushFront(new(int))
		}
		for range 60 {
			require.NotNil(t, r.popFront())
		}
		r.keep(func(*int) bool { return false })
		require.Zero(t, r.len())
		for i, v := range r.items {
			require.Nil(t, v, "place %d", i)
		}
	}
}

func TestRingKeepSeesEachOnceInOrder(t *testing.T) {
	var r ring[int]
	for range 13 { // so that it wraps
		r.pushBack(1)
		r.popFront()
	}
	for i := range 16 {
		r.pushBack(i)
	}
	require.True(t, r.full())
	var seen []int
	r.keep(func(v int) bool {
		seen = append(seen, v)
		return v%2 == 1
	})
	require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, seen)
	requireSame(t, &r, []int{1, 3, 5, 7, 9, 11, 13, 15})
}

func TestWarmRingAllocatesNothing(t *testing.T) {
	var r ring[int]
	for i := range 100 {
		r.pushBack(i)
	}
	for r.len() > 0 {
		r.popFront()
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for i := range 100 {
			r.pushBack(i)
		}
		for range 100 {
			r.popFront()
		}
	}))
	require.Len(t, r.items, 128)
}
