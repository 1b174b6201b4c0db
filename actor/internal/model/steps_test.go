//go:build go1.25

package model

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// step is one thing that somebody does.
type step struct {
	act    act
	caller int // who does it, from 0; director for what is done to nsqd and to time
	how    manner
	topic  string
	size   int // of each message
	count  int // of messages; of nudges to the scheduler
	delay  time.Duration
	give   time.Duration // the context's; unbounded: without one
	done   int           // which channel
	odd    int           // which bad input, or which nonsense
}

const (
	director  = -1
	unbounded = time.Duration(-1)
)

// act is what a step does. Callers do those up to flush.
type act uint8

const (
	publish act = iota
	multiPublish
	deferredPublish
	badInput
	ping
	flush

	pause      // time passes
	settle     // everybody goes on until nothing moves
	readKept   // settle, and read the results that nobody else reads
	nudge      // others come to run, perhaps
	stop       // Stop or Shutdown, beside everything else
	heartbeat  // nsqd's
	stall      // answers
	stopReads  // nsqd's
	freeze     // nsqd
	resume     // all three
	closeAll   // connections
	resetAll   // connections
	unlisten   // nsqd takes no connections
	listen     // again
	sendJunk   // nonsense on every connection
	sendAnswer // an OK that nobody asked for, on every connection
	acts
)

func (a act) String() string {
	return [...]string{
		"Publish", "MultiPublish", "DeferredPublish", "bad input", "Ping", "Flush",
		"time passes", "all settle", "kept results are read", "others may run", "Shutdown", "heartbeat", "answers stall",
		"nsqd stops reading", "nsqd freezes", "nsqd resumes", "connections are closed", "connections are reset",
		"nsqd stops listening", "nsqd listens", "nonsense", "an OK too many",
	}[a]
}

func (a act) publishes() bool { return a <= deferredPublish }

// manner is how a caller publishes.
type manner uint8

const (
	waiting   manner = iota // for the outcome
	async                   // the result comes on a channel
	try                     // async, without waiting for room
	forgotten               // async, with no channel
)

// The done channels.
const (
	prompt   = iota // has a reader
	late            // has one that takes its time
	kept            // has none but readKept
	spare           // has none until the play's end
	channels        // how many there are
)

// shares says how often an act comes up, and from which weather on.
var shares = [acts]struct {
	share int
	from  weather
}{
	publish: {90, calm}, multiPublish: {18, calm}, deferredPublish: {12, calm}, badInput: {5, calm}, ping: {5, calm}, flush: {6, calm},
	pause: {24, calm}, settle: {6, calm}, readKept: {5, calm}, nudge: {24, calm}, heartbeat: {4, calm},
	unlisten: {2, breaking}, listen: {8, breaking},
	stall: {2, foul}, stopReads: {2, foul}, freeze: {1, foul}, resume: {14, foul}, closeAll: {4, foul}, resetAll: {4, foul},
	sendJunk: {1, foul}, sendAnswer: {1, foul},
}

var topics = []string{"alpha", "beta", "gamma#ephemeral"}

func drawSteps(r *rand.Rand, p *plan) []step {
	var total int
	var upTo [acts]int
	for a, s := range shares {
		if s.from <= p.weather {
			total += s.share
		}
		upTo[a] = total
	}
	steps := make([]step, stepsPerSeed)
	for i := range steps {
		x := r.IntN(total)
		a := publish
		for upTo[a] <= x {
			a++
		}
		steps[i] = drawStep(r, p, a)
	}
	for range r.IntN(3) / 2 * (1 + r.IntN(2)) { // mostly none, and then one or two
		steps[stepsPerSeed/2+r.IntN(stepsPerSeed/2)] = step{act: stop, caller: director, give: drawGive(r, 3)}
	}
	return steps
}

func drawStep(r *rand.Rand, p *plan, a act) step {
	s := step{act: a, caller: director, give: unbounded, count: 1}
	switch a {
	case publish, multiPublish, deferredPublish:
		s.caller = r.IntN(p.callers)
		s.topic = topics[r.IntN(p.topics)]
		s.how = pick(r, waiting, waiting, waiting, waiting, async, async, async, async, try, forgotten)
		if p.eager && s.how == waiting {
			s.how = pick(r, waiting, async, async, async)
		}
		s.done = pick(r, prompt, prompt, prompt, prompt, late, late, late, kept)
		if s.how == waiting {
			s.give = drawGive(r, 2)
		}
		if s.how == try {
			s.act = publish // there is no other
		}
		if s.act == multiPublish {
			s.count = 1 + r.IntN(4)
		}
		if s.act == deferredPublish {
			s.delay = time.Duration(r.IntN(5000)) * time.Millisecond
		}
		s.size = drawSize(r, p, s.count)
	case badInput:
		s.caller = r.IntN(p.callers)
		s.how = pick(r, waiting, async, try, forgotten)
		s.odd = r.IntN(len(badInputs))
	case ping, flush:
		s.caller = r.IntN(p.callers)
		s.give = drawGive(r, 4)
		if a == flush && s.give == unbounded {
			s.give = time.Minute
		}
	case pause:
		s.delay = pick(r, 10*time.Microsecond, time.Millisecond, 10*time.Millisecond, 100*time.Millisecond, time.Second)
		s.delay = s.delay/2 + time.Duration(r.Int64N(int64(s.delay)))
		if chance(r, 12) {
			s.delay *= 6
		}
	case nudge:
		s.count = 1 + r.IntN(30)
	case sendJunk:
		s.odd = r.IntN(len(nonsense))
	}
	return s
}

// drawGive draws how long a context gives its call; once in that many times, there is none.
func drawGive(r *rand.Rand, none int) time.Duration {
	if chance(r, none) {
		return unbounded
	}
	give := pick(r, 0, time.Millisecond, 10*time.Millisecond, 100*time.Millisecond, time.Second, 20*time.Second, 20*time.Second)
	return give + time.Duration(r.Int64N(int64(give)/4+1))
}

// drawSize draws the size of each of so many messages, within every bound of the client's.
func drawSize(r *rand.Rand, p *plan, count int) int {
	size := 4 + r.IntN(40)
	switch {
	case chance(r, 12):
		size = 4 + r.IntN(600)
	case chance(r, 60):
		size = 4 + r.IntN(70_000)
	}
	if p.cfg.MaxMsgSize > 0 {
		size = min(size, p.cfg.MaxMsgSize)
	}
	return min(size, (p.cfg.MaxPendingBytes-4)/count-4)
}

func (s *step) String() string {
	who := "        "
	if s.caller != director {
		who = fmt.Sprintf("caller %d", s.caller)
	}
	text := fmt.Sprintf("%s: %v", who, s.act)
	if s.act.publishes() {
		text += fmt.Sprintf(" of %d × %d bytes to %s", s.count, s.size, s.topic)
	}
	if s.act.publishes() || s.act == badInput {
		text += [...]string{"", ", async", ", tried", ", forgotten"}[s.how]
		if s.how == async || s.how == try {
			text += ", " + [...]string{"read promptly", "read late", "kept", "read in the end"}[s.done]
		}
	}
	if s.give != unbounded {
		text += fmt.Sprintf(", given %v", s.give)
	}
	if s.delay > 0 {
		text += fmt.Sprintf(", %v", s.delay)
	}
	return text
}
