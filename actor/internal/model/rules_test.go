//go:build go1.25

package model

import (
	"fmt"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
)

// The rules. A play is judged when it is over, by its book alone. What a play that does not come to its end has done wrong is
// said in ending_test.go.
var rules = []struct {
	check func(b *book, broken complain)
	says  string
}{
	// In any weather, of every publish:
	{oneEnd, "a call returns; a publish has one result, and those that Shutdown dropped are in its Tally"},
	{intact, "what is stored was published: topic, bytes, delay, and a batch as a whole, by itself"},
	{folds, "a fold is of publishes to one topic, and keeps the limits"},
	{together, "who was folded is acked together (RetryUnknown: or not)"},
	{outcomes, "acked is stored, once; refused and not sent are not stored; unknown, at most once (RetryUnknown: or more often)"},
	{order, "the publishes of one caller to one topic are stored in their order (RetryUnknown: on each connection)"},
	{frames, "nsqd refused what is refused: each frame one publish, or one fold; only what is too large is refused for that"},
	{lessons, "what a frame has taught is remembered until a connection ends without one: no more are lost to the same"},
	{words, "an error's words fit its outcome"},

	// Of time:
	{contexts, "a call with a context returns when that ends, not later, and blames it at no other time"},
	{atOnce, "what needs no waiting takes no time: a try, bad input, any call after the end"},
	{flushes, "Flush waits for what its caller published before"},
	{recoveries, "without a context, a call outlasts nsqd's return by its waits at most"},
	{shutdowns, "Shutdown keeps its bound, is honest about it, and nothing outlives it"},

	// Of the producer:
	{stats, "Stats counts each accepted publish once, as its caller was told"},
	{tallies, "Tally is what Stats counted since Shutdown began"},
	{bounds, "the bounds hold at any time; while nsqd is known to be down nothing waits for it (but WaitConnected)"},
	{nothingLeft, "nothing is left: the producer is closed, and so are its connections"},

	// The milder the weather, the more is asked for, of all that ended before Shutdown and not by its own context:
	{nothingUnread, "breaking weather, or better: nsqd has answered all that it stored, so what is stored is acked"},
	{nothingLost, "refusing weather, or better: all is acked or refused, and each frame refuses one, unless a fold goes again"},
	{inOrder, "refusing weather, or better: one caller's results come on a channel in his order (folding: that of each topic)"},
	{allAcked, "calm weather: all is acked, on one connection"},
}

type complain func(format string, args ...any)

// judge returns what is wrong with a play, rule by rule.
func (b *book) judge() (wrong []string) {
	for _, r := range rules {
		found := 0
		r.check(b, func(format string, args ...any) {
			if found++; found == 1 {
				wrong = append(wrong, "broken: "+r.says)
			}
			if found <= 5 {
				wrong = append(wrong, "    "+fmt.Sprintf(format, args...))
			}
		})
	}
	return wrong
}

func outcomes(b *book, broken complain) {
	spent := 0 // answers that nobody asked for, each taken for the own of a publish, or of all in a fold
	for i, e := range b.entries {
		if !e.act.publishes() {
			continue
		}
		least, most := 0, 1
		if b.cfg.RetryUnknown {
			most = len(b.stored)
		}
		switch outcome, _, _ := e.outcome(); outcome {
		case actor.Acked:
			least = 1
		case actor.Refused, actor.NotSent:
			most = 0
		}
		n := b.times[i]
		if n == 0 && least == 1 && spent < b.surplus*b.cfg.FoldMessages {
			spent++
		} else if n < least || n > most {
			broken("stored %d times: %v", n, e)
		}
	}
}

func order(b *book, broken complain) {
	type line struct {
		caller int
		topic  string
	}
	last := map[line]int{}
	conn := 0
	for _, m := range b.stored {
		number, i, named := nameOf(m.Body)
		if !named || number >= len(b.entries) || i > 0 {
			continue
		}
		if b.cfg.RetryUnknown && m.Conn != conn {
			clear(last)
		}
		conn = m.Conn
		e := b.entries[number]
		before, seen := last[line{e.caller, e.topic}]
		if seen && number <= before {
			broken("stored behind step %d, on connection %d: %v", before, m.Conn, e)
		}
		last[line{e.caller, e.topic}] = number
	}
}

// fair calls f for what the weather alone decided: whose end was known before Shutdown began, and not by its own context.
func (b *book) fair(f func(i int, e *entry, outcome actor.Outcome)) {
	for i, e := range b.entries {
		outcome, at, err := e.outcome()
		if e.act.publishes() && outcome != 0 && at < b.stoppedAt && !leftBy(err) && err != actor.ErrFull {
			f(i, e, outcome)
		}
	}
}

func inOrder(b *book, broken complain) {
	if b.weather > refusing {
		return
	}
	type line struct {
		caller, done int
		topic        string
	}
	last := map[line]*entry{}
	b.fair(func(_ int, e *entry, _ actor.Outcome) {
		if !e.accepted() || unsent(e.result) { // what need not be sent is not held up by what is under way
			return
		}
		to := line{e.caller, e.done, e.topic}
		if b.cfg.FoldMessages == 1 {
			to.topic = ""
		}
		if before := last[to]; before != nil && before.place > e.place {
			broken("it came before the result of step %d: %v", before.number, e)
		}
		last[to] = e
	})
}

func allAcked(b *book, broken complain) {
	if b.weather > calm {
		return
	}
	b.fair(func(_ int, e *entry, outcome actor.Outcome) {
		if outcome != actor.Acked {
			broken("%v", e)
		}
	})
	if b.stats.Connections > 1 {
		broken("%d connections", b.stats.Connections)
	}
}

func nothingLost(b *book, broken complain) {
	if b.weather > refusing {
		return
	}
	b.fair(func(_ int, e *entry, outcome actor.Outcome) {
		if outcome != actor.Acked && outcome != actor.Refused {
			broken("%v", e)
		}
	})
	left, refusing := uint64(0), uint64(0)
	for _, f := range b.frames {
		about := sayTooBig(f.said).command
		badSize := f.said.Code == wire.CodeBadMessage || f.said.Code == wire.CodeBadBody
		if b.cfg.FoldMessages == 1 || !badSize || about == "PUB" || about == "DPUB" {
			refusing++ // for the others, a fold may go again
		}
	}
	refused := b.stats.Refused
	for _, e := range b.entries {
		if unsent(e.err) || unsent(e.result) {
			refused--
		}
		if leftBy(e.err) && actor.OutcomeOf(e.err) == actor.Unknown && e.act.publishes() {
			left++ // whom a frame may have met
		}
	}
	if b.stops[0].err == nil && refusing > refused+left {
		broken("%d error frames, %d refused by them, %d left", refusing, refused, left)
	}
}

func nothingUnread(b *book, broken complain) {
	if b.weather > breaking {
		return
	}
	b.fair(func(i int, e *entry, outcome actor.Outcome) {
		if b.times[i] > 0 && outcome != actor.Acked {
			broken("stored: %v", e)
		}
	})
}
