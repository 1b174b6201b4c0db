//go:build go1.25

package model

import (
	"bytes"

	"github.com/nsqactor/producer/actor"
)

// The rules about what is stored, command by command: a publish by itself or in a fold, which is an MPUB of several.

// intact also counts for the other rules how often each publish is stored.
func intact(b *book, broken complain) {
	b.times = make([]int, len(b.entries))
	var body []byte
	for messages := range b.commands {
		first, _ := b.of(messages[0])
		folded := b.fold(messages) != nil
		for at, m := range messages {
			e, i := b.of(m)
			if e == nil {
				broken("nobody published %q to %s", m.Body[:min(20, len(m.Body))], m.Topic)
				continue
			}
			body = appendBody(body[:0], e.number, i, e.size)
			command, place := [...]string{publish: "PUB", multiPublish: "MPUB", deferredPublish: "DPUB"}[e.act], at
			if folded {
				command, place = "MPUB", 0
			}
			if !bytes.Equal(m.Body, body) || m.Topic != e.topic || m.Delay != e.delay || m.Command != command {
				broken("stored otherwise, as %s of %d bytes to %s, delay %v: %v", m.Command, len(m.Body), m.Topic, m.Delay, e)
			}
			if i != place || !folded && (e != first || len(messages) != e.count) {
				broken("message %d is stored as number %d of %d in its command: %v", i, at, len(messages), e)
			}
			if i == 0 {
				b.times[e.number]++
			}
		}
	}
}

func folds(b *book, broken complain) {
	for messages := range b.commands {
		if members := b.fold(messages); members != nil {
			b.checkFold(members, broken)
		}
	}
}

// checkFold complains about publishes that may not be in one fold.
func (b *book) checkFold(members []*entry, broken complain) {
	const unfolded = 16 << 10 // a publish of that size
	bytes := batchBytes(0, 0) // as nsqd counts them
	for _, e := range members {
		bytes += 4 + e.size
		if e.act != publish || e.topic != members[0].topic || e.size >= unfolded {
			broken("folded behind step %d: %v", members[0].number, e)
		}
	}
	if n := len(members); n < 2 || n > b.cfg.FoldMessages || bytes > b.foldBytes() {
		broken("a fold of %d publishes and %d bytes, at most %d and %d may be: %v",
			n, bytes, b.cfg.FoldMessages, b.foldBytes(), members[0])
	}
}

// together compares the members of each stored fold. Who has left with his own context is told so, whatever came of the others.
func together(b *book, broken complain) {
	if b.cfg.RetryUnknown {
		return // what was unknown together goes again, perhaps apart
	}
	for messages := range b.commands {
		var acked, other *entry
		for _, e := range b.fold(messages) {
			switch outcome, at, err := e.outcome(); {
			case outcome == actor.Acked:
				acked = e
			case outcome != 0 && !leftBy(err) && at < b.stoppedAt:
				other = e
			}
		}
		if acked != nil && other != nil {
			broken("of one fold:\n        %v\n        %v", acked, other)
		}
	}
}
