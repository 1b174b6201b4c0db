//go:build go1.25

package model

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
)

var (
	seeds = flag.Uint64("seeds", 0, "how many seeds to play; 0: the short form's, or the one that -seed names")
	seed  = flag.Uint64("seed", 0, "the first seed, or the only one")
)

// howMany returns how many seeds are played, from the first on.
func howMany() (first, n uint64) {
	first, n = max(*seed, 1), *seeds
	switch {
	case n > 0:
	case *seed > 0:
		n = 1
	case testing.Short():
		n = shortForm / 10
	default:
		n = shortForm
	}
	return first, n
}

func TestMain(m *testing.M) {
	debug.SetTraceback("all") // the stack of playSeed is what tells the seed if the library panics
	os.Exit(m.Run())
}

// TestModel plays seeds, several at once, until one breaks a rule.
func TestModel(t *testing.T) {
	first, n := howMany()
	var taken atomic.Uint64
	var failed atomic.Bool
	var total reached
	t.Run("seeds", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for k := taken.Add(1) - 1; k < n && !failed.Load(); k = taken.Add(1) - 1 {
					b, complaint := playSeed(t, first+k)
					if complaint != "" {
						failed.Store(true)
						t.Fatal(complaint)
					}
					total.add(b)
				}
			})
		}
	})
	t.Logf("%d seeds: %s", n, &total)
	if n >= 100 && !failed.Load() {
		total.require(t)
	}
}

// playSeed plays a seed and returns its book, and a complaint if anything is wrong.
//
//go:noinline
func playSeed(t *testing.T, seed uint64) (b *book, complaint string) {
	b = &book{plan: newPlan(seed)}
	hung := time.AfterFunc(time.Minute, func() { // in real time: something runs for ever
		panic(fmt.Sprintf("model: seed %d has not ended within a minute", seed))
	})
	defer hung.Stop()
	defer func() {
		if r := recover(); r != nil && complaint == "" { // synctest's complaint about goroutines that wait for ever
			complaint = fmt.Sprintf("model: seed %d: %v\n%v", seed, r, b)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		defer func() {
			if r := recover(); r != nil {
				if _, known := r.(failure); !known {
					panic(fmt.Sprintf("model: seed %d: %v", seed, r))
				}
				complaint = fmt.Sprintf("model: seed %d: %v\n%v", seed, r, b)
			}
		}()
		w := newWorld(b)
		w.run()
		w.end()
	})
	if complaint != "" {
		return b, complaint
	}
	if wrong := b.judge(); len(wrong) > 0 {
		complaint = fmt.Sprintf("model: seed %d:\n%s\n%v", seed, strings.Join(wrong, "\n"), b)
	}
	return b, complaint
}

// reached counts what the plays came to: a model test that meets no trouble proves nothing.
type reached struct {
	mu          sync.Mutex
	ends        [foul + 1][actor.Unknown + 1]int
	connections uint64
	twice       int // stored more than once
	undelivered int // plays in which Shutdown dropped results
	severed     int // plays in which Shutdown's bound was over
	commands    int // executed
	folds       int // of these
	folded      int // publishes in them
	most        int // in one
	folding     int // plays with folds
	guilty      int // MPUBs refused for a member's size, or for their own
	taught      int // publishes that the client refused, having learned
}

func (r *reached) add(b *book) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range b.entries {
		if outcome, _, err := e.outcome(); e.act.publishes() {
			r.ends[b.weather][outcome]++
			if unsent(err) {
				r.taught++
			}
			if b.times[i] > 1 {
				r.twice++
			}
		}
	}
	before := r.folds
	for messages := range b.commands {
		r.commands++
		if n := len(b.fold(messages)); n > 0 {
			r.folds++
			r.folded += n
			r.most = max(r.most, n)
		}
	}
	for _, f := range b.frames {
		if sayTooBig(f.said).command == "MPUB" {
			r.guilty++
		}
	}
	if r.folds > before {
		r.folding++
	}
	r.connections += b.stats.Connections
	if b.stops[0].err != nil {
		r.severed++
	}
	if b.stops[0].tally.Undelivered > 0 {
		r.undelivered++
	}
}

func (r *reached) String() string {
	var s strings.Builder
	for w := calm; w <= foul; w++ {
		e := r.ends[w]
		fmt.Fprintf(&s, "\n%v: %d acked, %d refused, %d not sent, %d unknown, %d told nobody",
			w, e[actor.Acked], e[actor.Refused], e[actor.NotSent], e[actor.Unknown], e[0])
	}
	fmt.Fprintf(&s, "\n%d connections, %d stored twice, %d plays with dropped results, %d cut off",
		r.connections, r.twice, r.undelivered, r.severed)
	fmt.Fprintf(&s, "\n%d commands stored, %d of them folds, of %d publishes, at most %d in one; %d plays with folds",
		r.commands, r.folds, r.folded, r.most, r.folding)
	fmt.Fprintf(&s, "\n%d MPUBs too large for nsqd, or for a member; %d publishes refused without being sent", r.guilty, r.taught)
	return s.String()
}

func (r *reached) require(t *testing.T) {
	for w := calm; w <= foul; w++ {
		require.Positive(t, r.ends[w][actor.Acked], "%v", w)
		require.Positive(t, r.ends[w][actor.Unknown], "%v", w)
		require.Positive(t, r.ends[w][actor.NotSent], "%v", w)
		if w >= refusing {
			require.Positive(t, r.ends[w][actor.Refused], "%v", w)
		}
	}
	require.Positive(t, r.twice)
	require.Positive(t, r.undelivered)
	require.Positive(t, r.severed)
	require.Positive(t, r.folding)
	require.Positive(t, r.guilty)
	require.Positive(t, r.taught)
}
