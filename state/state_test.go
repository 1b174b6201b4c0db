package state

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kind is one sort of flag, as a test sees it.
type kind struct {
	name    string
	moves   *moves
	states  []string
	advance func(v *atomic.Uint32, from, to uint32) bool
	// legal says again, independently of the code's table, which moves there are.
	legal map[[2]string]bool
}

func kinds() []kind {
	return []kind{
		{
			"Phase", &phaseMoves, []string{"idle", "live", "draining", "closed"},
			func(v *atomic.Uint32, from, to uint32) bool {
				c := &PhaseCell{}
				c.v.Store(v.Load())
				did := c.Advance(Phase(from), Phase(to))
				v.Store(uint32(c.Load()))
				return did
			},
			map[[2]string]bool{
				{"idle", "live"}: true, {"idle", "closed"}: true,
				{"live", "draining"}: true, {"draining", "closed"}: true,
			},
		},
		{
			"Link", &linkMoves, []string{"unlinked", "connecting", "up", "down"},
			func(v *atomic.Uint32, from, to uint32) bool {
				c := &LinkCell{}
				c.v.Store(v.Load())
				did := c.Advance(Link(from), Link(to))
				v.Store(uint32(c.Load()))
				return did
			},
			map[[2]string]bool{
				{"unlinked", "connecting"}: true,
				{"connecting", "up"}:       true, {"connecting", "down"}: true, {"connecting", "unlinked"}: true,
				{"up", "connecting"}: true, {"up", "down"}: true, {"up", "unlinked"}: true,
				{"down", "up"}: true, {"down", "unlinked"}: true,
			},
		},
		{
			"Breaker", &breakerMoves, []string{"trusted", "broken", "proving"},
			func(v *atomic.Uint32, from, to uint32) bool {
				c := &BreakerCell{}
				c.v.Store(v.Load())
				did := c.Advance(Breaker(from), Breaker(to))
				v.Store(uint32(c.Load()))
				return did
			},
			map[[2]string]bool{
				{"trusted", "broken"}: true, {"broken", "proving"}: true,
				{"proving", "trusted"}: true, {"proving", "broken"}: true,
			},
		},
		{
			"Claim", &claimMoves, []string{"free", "queued", "taken", "given up", "abandoned", "done"},
			func(v *atomic.Uint32, from, to uint32) bool {
				c := &ClaimCell{}
				c.v.Store(v.Load())
				did := c.Advance(Claim(from), Claim(to))
				v.Store(uint32(c.Load()))
				return did
			},
			map[[2]string]bool{
				{"free", "queued"}:  true,
				{"queued", "taken"}: true, {"queued", "given up"}: true, {"queued", "done"}: true,
				{"taken", "queued"}: true, {"taken", "abandoned"}: true, {"taken", "done"}: true,
				{"abandoned", "free"}: true,
				{"done", "free"}:      true,
			},
		},
	}
}

// TestEveryPair tries each move from each state: legal ones happen, others panic and change nothing.
func TestEveryPair(t *testing.T) {
	for _, k := range kinds() {
		for now := range k.states {
			for from := range k.states {
				for to := range k.states {
					var v atomic.Uint32
					v.Store(uint32(now))
					move := func() bool { return k.advance(&v, uint32(from), uint32(to)) }
					what := k.name + " at " + k.states[now] + ": " + k.states[from] + " -> " + k.states[to]
					if !k.legal[[2]string{k.states[from], k.states[to]}] {
						assert.Panics(t, func() { move() }, what)
						assert.EqualValues(t, now, v.Load(), what)
						continue
					}
					assert.Equal(t, now == from, move(), what)
					if now == from {
						assert.EqualValues(t, to, v.Load(), what)
					} else {
						assert.EqualValues(t, now, v.Load(), what)
					}
				}
			}
		}
	}
}

// TestOneWinner lets many goroutines try the same move: exactly one does it.
func TestOneWinner(t *testing.T) {
	for _, k := range kinds() {
		for from := range k.states {
			for to := range k.states {
				if !k.legal[[2]string{k.states[from], k.states[to]}] {
					continue
				}
				for range 20 {
					var v atomic.Uint32
					v.Store(uint32(from))
					var winners atomic.Int32
					race(8, func(int) {
						if advance(&v, k.moves, uint32(from), uint32(to)) {
							winners.Add(1)
						}
					})
					require.EqualValues(t, 1, winners.Load(), "%s: %s -> %s", k.name, k.states[from], k.states[to])
					require.EqualValues(t, to, v.Load())
				}
			}
		}
	}
}

// TestClaimHasOneEnd lets callers leave while the loop takes, requeues and finishes: exactly one of them ends it.
func TestClaimHasOneEnd(t *testing.T) {
	for range 5000 {
		var c ClaimCell
		turn := c.Turn()
		require.True(t, c.Advance(Free, Queued))
		var ends atomic.Int32
		race(4, func(i int) {
			if i > 0 {
				if _, left := c.Leave(turn); left {
					ends.Add(1)
				}
				return
			}
			if c.Advance(Queued, Taken) && c.Advance(Taken, Queued) {
				c.Advance(Queued, Taken)
			}
			if c.Finish() {
				ends.Add(1)
			}
		})
		switch end := c.Load(); end {
		case Done, GivenUp, Abandoned:
		default:
			require.Failf(t, "not ended", "%v", end)
		}
		require.EqualValues(t, 1, ends.Load())
	}
}

func TestLeaveSaysWhatItLeft(t *testing.T) {
	for from, want := range map[Claim]Claim{Queued: GivenUp, Taken: Abandoned} {
		var c ClaimCell
		c.v.Store(uint32(from))
		left, won := c.Leave(0)
		assert.True(t, won)
		assert.Equal(t, want, left)
		assert.Equal(t, want, c.Load())
	}
	for _, ended := range []Claim{Free, Done, GivenUp, Abandoned} {
		var c ClaimCell
		c.v.Store(uint32(ended))
		_, won := c.Leave(0)
		assert.False(t, won, ended.String())
		assert.Equal(t, ended, c.Load())
	}
}

// TestLeaveIsForOneTurn lets a caller come back to a transaction that has ended and serves another by then.
func TestLeaveIsForOneTurn(t *testing.T) {
	var c ClaimCell
	for range 3 {
		turn := c.Turn()
		require.True(t, c.Advance(Free, Queued))
		require.True(t, c.Advance(Queued, Taken))
		assert.Equal(t, turn, c.Turn())
		require.True(t, c.Finish())
		require.True(t, c.Advance(Done, Free))
		assert.NotEqual(t, turn, c.Turn())

		next := c.Turn()
		require.True(t, c.Advance(Free, Queued))
		_, won := c.Leave(turn)
		assert.False(t, won)
		require.Equal(t, Queued, c.Load())
		require.True(t, c.Advance(Queued, Taken))
		_, won = c.Leave(next)
		require.True(t, won)
		require.True(t, c.Advance(Abandoned, Free))
		assert.NotEqual(t, next, c.Turn(), "whichever way it becomes Free")
	}
}

func TestFinishTakesOnlyWhatIsUnderWay(t *testing.T) {
	for from, want := range map[Claim]bool{Free: false, Queued: true, Taken: true, GivenUp: false, Abandoned: false, Done: false} {
		var c ClaimCell
		c.v.Store(uint32(from))
		assert.Equal(t, want, c.Finish(), from.String())
	}
}

func TestNames(t *testing.T) {
	for i, want := range []string{"idle", "live", "draining", "closed", "Phase(4)"} {
		assert.Equal(t, want, Phase(i).String())
	}
	text, err := json.Marshal(map[string]any{"phase": Live, "link": Up, "breaker": Proving})
	require.NoError(t, err)
	assert.JSONEq(t, `{"phase": "live", "link": "up", "breaker": "proving"}`, string(text))
	for i, want := range []string{"trusted", "broken", "proving", "Breaker(3)"} {
		assert.Equal(t, want, Breaker(i).String())
	}
	for i, want := range []string{"unlinked", "connecting", "up", "down", "Link(4)"} {
		assert.Equal(t, want, Link(i).String())
	}
	for i, want := range []string{"free", "queued", "taken", "given up", "abandoned", "done", "Claim(6)"} {
		assert.Equal(t, want, Claim(i).String())
	}
}

func TestFlag(t *testing.T) {
	var f Flag
	assert.False(t, f.IsSet())
	var first atomic.Int32
	race(8, func(int) {
		if f.Set() {
			first.Add(1)
		}
	})
	assert.EqualValues(t, 1, first.Load())
	assert.True(t, f.IsSet())
	f.Clear()
	assert.False(t, f.IsSet())
	assert.True(t, f.Set())
}

// race runs f on n goroutines that start together, and waits for them.
func race(n int, f func(i int)) {
	start := make(chan struct{})
	var ends sync.WaitGroup
	for i := range n {
		ends.Add(1)
		go func() {
			defer ends.Done()
			<-start
			f(i)
		}()
	}
	close(start)
	ends.Wait()
}

func TestBreak(t *testing.T) {
	var c BreakerCell
	assert.True(t, c.Break())
	assert.False(t, c.Break(), "it is broken already")
	assert.True(t, c.Advance(Broken, Proving))
	assert.True(t, c.Break())
	assert.Equal(t, Broken, c.Load())
}
