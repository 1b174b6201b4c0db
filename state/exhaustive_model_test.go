package state

import (
	"fmt"
	"strings"
)

// An exhaustive check of a transaction's claim, and of Stop against late senders: a model of package actor, made of single
// atomic steps around the real ClaimCell and PhaseCell, is driven through every order in which its goroutines can take them.
//
// A world is everything that the goroutines share, and where each of them is, as a comparable value. A step makes the next world
// of one. It is one operation on something shared: a claim, the phase, a flag, a channel. What a goroutine does by itself
// belongs to the step before, and so does what it does to a transaction that it has won: whether it was right to is told by the
// claim, see touch. explore goes depth first through every world that can be reached, each once. All that can go wrong is a
// panic: a rule of the model's that is broken, or a move that the tables of this package do not have. The path to it is printed.
//
// The model's steps, and the functions of package actor that they stand for, so that one can be held against the other:
//
//	exhaustive_caller_test.go    callArrives, Wakes, Asks               live                              call.go
//	                             callFills                              admit, fresh; post: the turn      call.go
//	                             callQueues, Sends, Waits               post                              call.go
//	                             callLooks                              tooLate                           call.go
//	                             callLeaves, Heeds, Rings               leave, ring                       call.go
//	                             callAwaits, Receives                   await                             call.go
//	exhaustive_reader_test.go    readReceives                           the reader of an async result
//	                             readReleases                           Release, recycle                  transaction.go
//	exhaustive_loop_test.go      loopIsDrained, IsAlive, IsSevered      drained, alive, severed           farewell.go, flight.go
//	                             loopCounts, Collects, Admits           collect, receive                  loop.go
//	                             loopHears, Sleeps                      listen, sleep                     loop.go
//	                             loopLooks, Watches, Sweeps             answerBell, sweep                 loop.go
//	                             loopClaims                             fill                              loop.go
//	exhaustive_life_test.go      loopWrites                             write                             loop.go
//	                             of loopHears, Sleeps, Disconnects      acknowledge, up, lost             life.go
//	                             loopWrecks, Survives                   wreck, refused, survives          life.go
//	                             loopFails                              failed, down                      retry.go
//	exhaustive_end_test.go       loopFinishes, Delivers                 end, deliver                      end.go
//	                             loopFrees, Forgets                     Release, forget, recycle          end.go, transaction.go
//	exhaustive_farewell_test.go  loopDisconnects, Closes, Buries        disconnect, farewell              farewell.go
//	                             loopDeparts                            run: the deferred close           loop.go
//	exhaustive_stop_test.go      all                                    Shutdown                          shutdown.go
//
// What the claim has no part in is left out: bounds, batches, heartbeats, time, Flush and Ping. A channel of a caller's always
// has room, since a courier sees to it. Each caller publishes once: what one goroutine does twice, two can do as well. A
// context's end, the end of Shutdown's bound, an answer and a fault come at any moment, or not at all; what the connection has
// said and the loop has not heard yet is the same as what it will say.

// bounds says how much happens in a world. Within them the check is exhaustive.
type bounds struct {
	calls        []call
	mailbox      uint8 // its capacity
	inFlight     uint8 // as many publishes at most
	faults       uint8 // connections that are lost, and attempts that fail
	idle         bool  // the producer has not been used before
	retryUnknown bool  // as in actor.Config
	windowed     bool  // the window closes at the first that is in flight, and the mail waits until it opens
	whole        bool  // the methods of ClaimCell are one step each: see operation
}

// model explores the worlds of its bounds.
type model struct {
	bounds
	planted mistake

	claim ClaimCell // the real cells, lent to the word that is to be moved
	phase PhaseCell

	seen   map[world]bool // true while it is on the path
	next   []successor    // of all that are on the path
	path   []label
	acting string // whose steps are being listed
	walked walked
}

// successor is a world that can follow.
type successor struct {
	world world
	label label
	rank  rank
}

// rank says what can be expected of a step: see will, may, and can.
type rank uint8

const (
	sure rank = iota
	fate
	answer
)

// label is a step as a path shows it.
type label struct{ who, what string }

// finding is what is wrong, and how it comes about.
type finding struct {
	what string
	path []label
}

func (f *finding) String() string {
	if f == nil {
		return "nothing found"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, after %d steps:\n", f.what, len(f.path))
	for _, step := range f.path {
		fmt.Fprintf(&b, "\t%-8s  %s\n", step.who, step.what)
	}
	return b.String()
}

func find(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// check explores everything, up to the first finding.
func (m *model) check() (found *finding) {
	defer func() {
		if what := recover(); what != nil {
			found = &finding{fmt.Sprint(what), m.path}
		}
	}()
	m.seen = map[world]bool{}
	m.explore(m.begin())
	return nil
}

// begin returns the first world.
func (m *model) begin() (w world) {
	w.loop.faults = m.faults
	if !m.idle {
		w.phase = uint8(Live)
		m.start(&w)
		for i := range m.calls {
			w.callers[i].at = callAsks
		}
	}
	return w
}

// explore goes through all that can follow a world. No path comes back to where it has been, and none ends but in a world at
// rest, where everybody is through: so whatever the order of the steps, everybody gets through.
//
// This is one goroutine: the pragmas here and below spare the race detector the search, and us most of the time it takes.
//
//go:norace
func (m *model) explore(w world) {
	m.inspect(&w)
	w.drop()
	switch onPath, known := m.seen[w]; {
	case onPath:
		find("the path is a circle")
	case known:
		return
	}
	first := len(m.next)
	m.steps(w)
	var listed [answer + 1]bool
	for _, s := range m.next[first:] {
		listed[s.rank] = true
	}
	if !listed[sure] {
		m.inspectAtRest(&w, listed[answer])
	}
	m.seen[w] = true
	for i := first; i < len(m.next); i++ {
		m.path = append(m.path, m.next[i].label)
		m.explore(m.next[i].world)
		m.path = m.path[:len(m.path)-1]
	}
	m.next = m.next[:first]
	m.seen[w] = false
}

// steps lists what can happen next.
func (m *model) steps(w world) {
	for i := range m.calls {
		m.acting = [crowd]string{"caller 0", "caller 1", "caller 2"}[i]
		m.caller(w, uint8(i))
		m.acting = [crowd]string{"reader 0", "reader 1", "reader 2"}[i]
		m.reader(w, uint8(i))
	}
	m.acting = "loop"
	m.loop(w)
	m.acting = "Shutdown"
	m.shutdown(w)
}

// will lists a successor that comes sooner or later, if nothing else does.
func (m *model) will(w world, what string) { m.list(&w, what, sure) }

// may lists one that may never come, so that nobody must have to wait for it: a fault, the end of a context, a Shutdown.
func (m *model) may(w world, what string) { m.list(&w, what, fate) }

// can lists one that is up to nsqd: it may take its time, and who has nothing to wait for from it must not have to.
func (m *model) can(w world, what string) { m.list(&w, what, answer) }

//go:norace
func (m *model) list(w *world, what string, rank rank) {
	m.next = append(m.next, successor{*w, label{m.acting, what}, rank})
}
