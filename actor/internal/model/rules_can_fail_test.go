//go:build go1.25

package model

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

const ms = time.Millisecond

// fineBook is the book of a short, calm play with nothing wrong in it.
func fineBook() *book {
	b := &book{
		plan: &plan{
			weather: calm,
			cfg: actor.Config{
				DialTimeout: ms, HandshakeTimeout: ms, WriteTimeout: ms, ResponseTimeout: ms, BackoffMax: ms,
				MaxPending: 8, MaxPendingBytes: 100, FoldMessages: 2, FoldBytes: 100,
			},
		},
		mendedAt:  5 * ms,
		stoppedAt: 10 * ms,
		stops:     []*halt{{began: 10 * ms, ended: 11 * ms, give: 40 * ms}},
		stats:     actor.Stats{Submitted: 3, Acked: 3, Connections: 1, Phase: state.Closed},
		before:    actor.Stats{Submitted: 3, Acked: 3, Connections: 1, Phase: state.Live, Link: state.Up},
		rests:     []actor.Stats{{Submitted: 3, Acked: 2, Pending: 1, PendingBytes: 10, Phase: state.Live, Link: state.Up}},
	}
	done := func(s step, began, ended time.Duration) *entry {
		e := &entry{step: s, number: len(b.entries), called: true, began: began, returned: true, ended: ended}
		b.entries = append(b.entries, e)
		for i := range e.count {
			if e.act.publishes() {
				command := map[act]string{publish: "PUB", multiPublish: "MPUB"}[e.act]
				b.stored = append(b.stored, wiretest.Message{
					Topic: e.topic, Body: appendBody(nil, e.number, i, e.size), Command: command, Index: i, Conn: 1,
					Number: 2 + e.number,
				})
			}
		}
		return e
	}
	done(step{act: publish, topic: "alpha", size: 10, count: 1, give: 4 * ms}, ms, 2*ms)
	asynchronous := done(step{act: publish, how: async, topic: "alpha", size: 10, count: 1, give: unbounded}, 2*ms, 2*ms)
	asynchronous.results.Store(1)
	asynchronous.resultAt = 3 * ms
	done(step{act: multiPublish, topic: "beta", size: 10, count: 2, caller: 1, give: unbounded}, 3*ms, 4*ms)
	done(step{act: flush, count: 1, give: 4 * ms}, 2*ms, 4*ms)
	return b
}

// fold makes one MPUB of the two publishes to alpha.
func fold(b *book) {
	for i := range 2 {
		m := &b.stored[i]
		m.Command, m.Index, m.Number = "MPUB", i, b.stored[0].Number
	}
}

func failed(outcome actor.Outcome, op, topic string, cause error) error {
	return &actor.Error{Op: op, Topic: topic, Outcome: outcome, Err: cause}
}

// refuseBoth has the two publishes to alpha refused by one frame.
func refuseBoth(b *book, code string) {
	said := &wire.ReplyError{Code: code, Text: scripted + "1"}
	b.weather, b.frames = refusing, []frame{{1, said}}
	b.entries[0].err = failed(actor.Refused, "Publish", "alpha", said)
	b.entries[1].result = failed(actor.Refused, "Publish", "alpha", said)
	b.stored = b.stored[2:]
	b.stats.Acked, b.stats.Refused, b.before.Acked, b.before.Refused = 1, 2, 1, 2
}

func tooBigAre(size int) *wire.ReplyError {
	return &wire.ReplyError{Code: wire.CodeBadMessage, Text: fmt.Sprintf("PUB message too big %d > 9", size)}
}

func taughtBy(size int) error {
	known := fmt.Errorf("nsqd has refused %d bytes before: %w", size, tooBigAre(size))
	return failed(actor.Refused, "Publish", "alpha", known)
}

// TestRulesFindEachViolation changes one thing in a book that is fine, and looks whether the rule that forbids it says so.
func TestRulesFindEachViolation(t *testing.T) {
	require.Empty(t, fineBook().judge())

	refused := failed(actor.Refused, "Publish", "alpha", &wire.ReplyError{Code: wire.CodeBadTopic})
	lost := failed(actor.Unknown, "Publish", "alpha", actor.ErrConnectionLost)
	down := failed(actor.NotSent, "Publish", "alpha", actor.ErrNotConnected)
	left := failed(actor.NotSent, "Publish", "alpha", context.DeadlineExceeded)
	// The first publish, and how it is said and counted to have ended.
	first := func(b *book, err error, stored bool) {
		b.entries[0].err = err
		b.stats.Acked, b.before.Acked = 2, 2
		for _, s := range []*actor.Stats{&b.stats, &b.before} {
			switch actor.OutcomeOf(err) {
			case actor.Refused:
				s.Refused = 1
			case actor.NotSent:
				s.NotSent = 1
			case actor.Unknown:
				s.Unknown = 1
			}
		}
		if !stored {
			b.stored = b.stored[1:]
		}
	}
	found := map[string]bool{}
	for _, c := range []struct {
		rule   string // how it begins
		name   string
		change func(b *book)
	}{
		{"a call returns", "no return", func(b *book) { b.entries[2].returned = false }},
		{"a call returns", "two results", func(b *book) { b.entries[1].results.Store(2) }},
		{"a call returns", "a result behind an error", func(b *book) { b.entries[1].err = actor.ErrStopped }},
		{"a call returns", "no result", func(b *book) { b.entries[1].results.Store(0) }},
		{"what is stored", "another byte", func(b *book) { b.stored[1].Body[6]++ }},
		{"what is stored", "another topic", func(b *book) { b.stored[1].Topic = "beta" }},
		{"what is stored", "another delay", func(b *book) { b.stored[1].Delay = ms }},
		{"what is stored", "never published", func(b *book) { b.stored[1].Body = []byte("what?") }},
		{"what is stored", "half a batch", func(b *book) { b.stored = b.stored[:3] }},
		{"what is stored", "a batch and a publish in one", func(b *book) { b.stored[1].Number = b.stored[2].Number }},
		{"what is stored", "a batch of one publish", func(b *book) { b.stored[1].Command = "MPUB"; b.stored[1].Topic = "beta" }},
		{"a fold is of", "too many", func(b *book) { fold(b); b.cfg.FoldMessages = 1 }},
		{"a fold is of", "one", func(b *book) { b.stored[1].Command = "MPUB" }},
		{"a fold is of", "too large", func(b *book) { fold(b); b.cfg.FoldBytes = 4 + 4 + 10 + 4 + 10 - 1 }},
		{"a fold is of", "two topics", func(b *book) { fold(b); b.entries[1].topic = "beta" }},
		{"who was folded", "one acked, one unknown", func(b *book) { fold(b); b.weather = foul; first(b, lost, true) }},
		{"acked is stored", "acked, not stored", func(b *book) { b.stored = b.stored[1:] }},
		{"acked is stored", "twice", func(b *book) { b.stored = append(b.stored, b.stored[0]) }},
		{"acked is stored", "unknown, stored twice", func(b *book) { first(b, lost, true); b.stored = append(b.stored, b.stored[0]) }},
		{"acked is stored", "refused, stored", func(b *book) { first(b, refused, true) }},
		{"acked is stored", "not sent, stored", func(b *book) { first(b, down, true) }},
		{"the publishes of one caller", "newer first", func(b *book) { b.stored[0], b.stored[1] = b.stored[1], b.stored[0] }},
		{"a call with a context", "late", func(b *book) { b.entries[0].ended = 6 * ms }},
		{"a call with a context", "early", func(b *book) { first(b, left, false) }},
		{"a call with a context", "none", func(b *book) { b.entries[0].give = unbounded; first(b, left, false) }},
		{"a call with a context", "over before", func(b *book) { b.entries[0].give = 0; b.entries[0].ended = ms }},
		{"what needs no waiting", "a try that waits", func(b *book) { b.entries[1].how, b.entries[1].ended = try, 3*ms }},
		{"what needs no waiting", "behind the end", func(b *book) { b.entries[3].began, b.entries[3].ended = 12*ms, 13*ms }},
		{"an error's words", "stopped before Shutdown", func(b *book) { first(b, actor.ErrStopped, false) }},
		{"an error's words", "a stranger", func(b *book) { first(b, errors.New("what?"), true) }},
		{"an error's words", "another topic", func(b *book) {
			first(b, failed(actor.NotSent, "Publish", "beta", actor.ErrNotConnected), false)
		}},
		{"an error's words", "another method", func(b *book) {
			first(b, failed(actor.NotSent, "MultiPublish", "alpha", actor.ErrNotConnected), false)
		}},
		{"an error's words", "E_MPUB_FAILED, refused", func(b *book) {
			first(b, failed(actor.Refused, "Publish", "alpha", &wire.ReplyError{Code: wire.CodeMPubFailed}), false)
		}},
		{"an error's words", "connection lost, not sent", func(b *book) {
			first(b, failed(actor.NotSent, "Publish", "alpha", actor.ErrConnectionLost), false)
		}},
		{"an error's words", "refused without a frame", func(b *book) {
			first(b, failed(actor.Refused, "Publish", "alpha", actor.ErrConnectionLost), false)
		}},
		{"an error's words", "bad input accepted", func(b *book) { b.entries[3].act = badInput }},
		{"nsqd refused", "no frame", func(b *book) { first(b, refused, false) }},
		{"nsqd refused", "more than its frames can", func(b *book) { b.stats.Refused = 1 }},
		{"nsqd refused", "one frame, two topics", func(b *book) {
			refuseBoth(b, wire.CodeBadTopic)
			b.entries[1].topic = "beta"
		}},
		{"nsqd refused", "one frame for a message, two refused", func(b *book) { refuseBoth(b, wire.CodeBadMessage) }},
		{"nsqd refused", "not too large", func(b *book) {
			b.weather, b.largest, b.frames = refusing, 10, []frame{{1, tooBigAre(11)}}
			first(b, failed(actor.Refused, "Publish", "alpha", tooBigAre(11)), false)
		}},
		{"nsqd refused", "never taught", func(b *book) { b.largest = 10; first(b, taughtBy(10), false) }},
		{"nsqd refused", "smaller than what was refused", func(b *book) { b.largest = 5; first(b, taughtBy(11), false) }},
		{"what a frame has taught", "not remembered", func(b *book) { b.frames = []frame{{1, tooBigAre(11)}, {2, tooBigAre(11)}} }},
		{"what a frame has taught", "refused twice for a message", func(b *book) {
			said := &wire.ReplyError{Code: wire.CodeBadMessage, Text: "MPUB message too big 11 > 10"}
			b.largest, b.frames = 10, []frame{{1, said}, {2, said}}
			b.entries[0].size = 11
		}},
		{"what a frame has taught", "refused for the size again and again", func(b *book) {
			said := &wire.ReplyError{Code: wire.CodeBadBody, Text: "MPUB body too big 11 > 10"}
			b.attempts = 12
			for i := range b.attempts {
				b.frames = append(b.frames, frame{1 + i, said})
			}
		}},
		{"Stats counts", "counted otherwise", func(b *book) { b.stats.Acked, b.stats.Unknown = 2, 1 }},
		{"Stats counts", "counted twice", func(b *book) { b.stats.Acked, b.stats.Submitted = 4, 4 }},
		{"Stats counts", "not ended", func(b *book) { b.stats.PendingBytes = 1 }},
		{"Stats counts", "forgotten, not stored, acked", func(b *book) {
			b.entries[1].how, b.stored = forgotten, append(b.stored[:1:1], b.stored[2:]...)
			b.entries[1].results.Store(0)
		}},
		{"Tally is", "another", func(b *book) { b.stops[0].tally.Acked = 1 }},
		{"the bounds", "bytes", func(b *book) { b.mostBytes = 101 }},
		{"the bounds", "count", func(b *book) { b.rests[0].Pending = 9 }},
		{"the bounds", "results", func(b *book) { b.rests[0].Undelivered = 9 }},
		{"the bounds", "bytes of nobody", func(b *book) { b.rests[0].Pending = 0 }},
		{"the bounds", "waits for nothing", func(b *book) { b.rests[0].Link = state.Down }},
		{"Flush waits", "early", func(b *book) { b.entries[3].ended = 2 * ms }},
		{"Shutdown keeps", "late", func(b *book) { b.stops[0].ended = 71 * ms }},
		{"Shutdown keeps", "early", func(b *book) { b.stops[0].err = context.DeadlineExceeded }},
		{"Shutdown keeps", "results dropped, no error", func(b *book) {
			b.stops[0].tally.Undelivered = 1
			b.entries[1].results.Store(0)
		}},
		{"Shutdown keeps", "outlived", func(b *book) { b.entries[2].ended = 12 * ms }},
		{"without a context", "long", func(b *book) { b.mendedAt = 0; b.entries[2].ended = 10 * time.Second }},
		{"refusing weather, or better: one", "newer first", func(b *book) {
			b.entries[0].how, b.entries[0].give, b.entries[0].place = async, unbounded, 2
			b.entries[0].results.Store(1)
		}},
		{"calm weather", "unknown", func(b *book) { first(b, lost, true) }},
		{"calm weather", "two connections", func(b *book) { b.stats.Connections = 2 }},
		{"refusing weather, or better: all", "unknown", func(b *book) { b.weather = refusing; first(b, lost, true) }},
		{"refusing weather, or better: all", "a frame too many", func(b *book) {
			b.weather, b.frames = refusing, []frame{{1, &wire.ReplyError{Code: wire.CodeInvalid}}}
		}},
		{"breaking weather, or better", "unknown, stored", func(b *book) { b.weather = breaking; first(b, lost, true) }},
		{"nothing is left", "a connection", func(b *book) { b.open = 1 }},
		{"nothing is left", "the producer", func(b *book) { b.stats.Phase = state.Draining }},
	} {
		b := fineBook()
		c.change(b)
		wrong := strings.Join(b.judge(), "\n")
		require.Contains(t, wrong, "broken: "+c.rule, c.name)
		found[c.rule] = true
	}
	for _, r := range rules {
		n := 0
		for begins := range found {
			if strings.HasPrefix(r.says, begins) {
				n++
			}
		}
		require.Equal(t, 1, n, "is this rule ever broken here: %s", r.says)
	}
}

// TestRulesPermit what is no violation, although it looks like one.
func TestRulesPermit(t *testing.T) {
	for name, change := range map[string]func(b *book){
		"an OK that nobody asked for, taken for a publish's own": func(b *book) {
			b.weather, b.surplus, b.stored = foul, 1, b.stored[1:]
		},
		"the same, for a fold": func(b *book) { b.weather, b.surplus, b.stored = foul, 1, b.stored[2:] },
		"a fold":               fold,
		"a fold is refused":    func(b *book) { refuseBoth(b, wire.CodeBadTopic) },
		"one of a fold was left": func(b *book) {
			fold(b)
			b.entries[0].ended = b.entries[0].began + b.entries[0].give
			b.entries[0].err = failed(actor.Unknown, "Publish", "alpha", context.DeadlineExceeded)
			b.stats.Acked, b.stats.Unknown, b.before.Acked, b.before.Unknown = 2, 1, 2, 1
		},
		"refused by what was learned": func(b *book) {
			b.weather, b.largest, b.frames = refusing, 9, []frame{{1, tooBigAre(10)}}
			b.entries[0].err, b.entries[1].result = failed(actor.Refused, "Publish", "alpha", tooBigAre(10)), taughtBy(10)
			b.stored = b.stored[2:]
			b.stats.Acked, b.stats.Refused, b.before.Acked, b.before.Refused = 1, 2, 1, 2
		},
		"learned anew behind a connection without a frame": func(b *book) {
			b.weather, b.attempts = breaking, 3
			b.frames = []frame{{1, tooBigAre(11)}, {3, tooBigAre(11)}}
		},
		"stored twice under RetryUnknown": func(b *book) {
			again := b.stored[0]
			again.Conn = 2
			b.cfg.RetryUnknown, b.stored = true, append(b.stored, again)
		},
		"unknown and not stored": func(b *book) {
			b.weather = breaking
			b.entries[0].err = failed(actor.Unknown, "Publish", "alpha", actor.ErrConnectionLost)
			b.stored = b.stored[1:]
			b.stats.Acked, b.stats.Unknown, b.before.Acked, b.before.Unknown = 2, 1, 2, 1
		},
	} {
		b := fineBook()
		change(b)
		require.Empty(t, b.judge(), name)
	}
}
