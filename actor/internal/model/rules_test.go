package model

import (
	"bytes"
	"fmt"

	"github.com/nsqactor/producer/actor"
)

// The rules. A play is judged when it is over, by its book alone. What a play that does not come to its end has done wrong is
// said in ending_test.go.
var rules = []struct {
	check func(b *book, broken complain)
	says  string
}{
	// In any weather, of every publish:
	{oneEnd, "a call returns; a publish has one result, and those that Shutdown dropped are in its Tally"},
	{intact, "what is stored was published: topic, bytes, delay, and a batch as a whole"},
	{outcomes, "acked is stored, once; refused and not sent are not stored; unknown, at most once (RetryUnknown: or more often)"},
	{order, "the publishes of one caller to one topic are stored in their order (RetryUnknown: on each connection)"},
	{frames, "nsqd refused what is refused: not more publishes than it sent error frames"},
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
	{nothingLost, "refusing weather, or better: all is acked or refused, and each error frame refuses one publish"},
	{inOrder, "refusing weather, or better: one caller's results come on a channel in the order of his publishes"},
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

// intact also counts for the other rules how often each publish is stored.
func intact(b *book, broken complain) {
	b.times = make([]int, len(b.entries))
	var body []byte
	commands := map[act]string{publish: "PUB", multiPublish: "MPUB", deferredPublish: "DPUB"}
	due := 0 // which message of a batch comes next
	for _, m := range b.stored {
		number, i, named := nameOf(m.Body)
		if !named || number >= len(b.entries) || !b.entries[number].act.publishes() || !b.entries[number].called {
			broken("nobody published %q to %s", m.Body[:min(20, len(m.Body))], m.Topic)
			continue
		}
		e := b.entries[number]
		body = appendBody(body[:0], number, i, e.size)
		if !bytes.Equal(m.Body, body) || m.Topic != e.topic || m.Delay != e.delay || m.Command != commands[e.act] || m.Index != i {
			broken("stored otherwise, as %s %d of %d bytes to %s, delay %v: %v", m.Command, m.Index, len(m.Body), m.Topic, m.Delay, e)
		}
		if i != due || i >= e.count {
			broken("message %d is stored where %d was due: %v", i, due, e)
		}
		if due = i + 1; due == e.count {
			due = 0
			b.times[number]++
		}
	}
	if due != 0 {
		broken("the last batch is not whole")
	}
}

func outcomes(b *book, broken complain) {
	spent := 0 // answers that nobody asked for, each taken for a publish's own
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
		if n == 0 && least == 1 && spent < b.surplus {
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
	type line struct{ caller, done int }
	last := map[line]*entry{}
	b.fair(func(_ int, e *entry, _ actor.Outcome) {
		if !e.accepted() {
			return
		}
		if before := last[line{e.caller, e.done}]; before != nil && before.place > e.place {
			broken("it came before the result of step %d: %v", before.number, e)
		}
		last[line{e.caller, e.done}] = e
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
	left := uint64(0)
	for _, e := range b.entries {
		if leftBy(e.err) && actor.OutcomeOf(e.err) == actor.Unknown && e.act.publishes() {
			left++ // whom a frame may have met
		}
	}
	if b.stops[0].err == nil && uint64(b.frames) > b.stats.Refused+left {
		broken("%d error frames, %d refused, %d left", b.frames, b.stats.Refused, left)
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
