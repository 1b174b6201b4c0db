//go:build go1.25

package model

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// book is what a play left behind, for the rules to judge. Times count from the play's beginning.
type book struct {
	*plan
	entries []*entry
	stored  []wiretest.Message // connection by connection, in the order of execution
	times   []int              // how often each entry's messages are stored, by the entry's number; see intact

	frames   []frame // error frames that the client has read
	attempts int     // to connect
	surplus  int     // OKs that nobody asked for, at most
	open     int     // connections that the client did not close

	rests     []actor.Stats // whenever nothing moved
	mostBytes uint64        // the largest PendingBytes, at any time
	stats     actor.Stats   // at the end

	mendedAt  time.Duration // when nsqd came back; never: it did not
	stoppedAt time.Duration // when the first Shutdown began
	stops     []*halt
	before    actor.Stats // at the last Shutdown's beginning, if nothing moved and it was the only one
}

// frame is an error frame, and which attempt to connect led to it.
type frame struct {
	attempt int
	said    *wire.ReplyError
}

const never = time.Duration(1 << 62)

// entry is a step and what came of it. Who does the step writes it, and whoever receives an asynchronous result, the rest.
type entry struct {
	step
	number int // also in the bodies of its messages

	called   bool
	began    time.Duration
	returned bool
	ended    time.Duration
	err      error // what the call returned

	results  atomic.Int32 // how many came
	result   error        // the last one's
	resultAt time.Duration
	place    int // the last one's, among all that came on its channel
}

// halt is one Shutdown, or Stop.
type halt struct {
	began, ended time.Duration
	give         time.Duration // unbounded for Stop
	tally        actor.Tally
	err          error
}

const stopBound = 5 * time.Second // of Stop

func (h *halt) by() time.Duration {
	if h.give == unbounded {
		return h.began + stopBound
	}
	return h.began + h.give
}

// commands calls each with the messages of every command that was executed, in order.
func (b *book) commands(each func(messages []wiretest.Message) bool) {
	for rest := b.stored; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Conn == rest[0].Conn && rest[n].Number == rest[0].Number {
			n++
		}
		if !each(rest[:n]) {
			return
		}
		rest = rest[n:]
	}
}

// of returns the publish that a message is from, and which of its messages it is. It is nil if there is none.
func (b *book) of(m wiretest.Message) (e *entry, i int) {
	number, i, named := nameOf(m.Body)
	if !named || number >= len(b.entries) || !b.entries[number].act.publishes() || !b.entries[number].called {
		return nil, 0
	}
	return b.entries[number], i
}

// fold returns the publishes of which a command is the fold, or nil if it is none.
func (b *book) fold(messages []wiretest.Message) (members []*entry) {
	if messages[0].Command != "MPUB" {
		return nil
	}
	for _, m := range messages {
		e, _ := b.of(m)
		if e == nil || e.act != publish {
			return nil
		}
		members = append(members, e)
	}
	return members
}

// accepted reports whether an asynchronous publish was taken, so that a result is due.
func (e *entry) accepted() bool {
	return e.act.publishes() && e.how != waiting && e.returned && e.err == nil
}

// outcome returns how a publish ended, as far as anybody was told, and when. It is 0 for one that was forgotten, or whose
// result has not come.
func (e *entry) outcome() (o actor.Outcome, at time.Duration, err error) {
	switch {
	case !e.returned:
		return 0, never, nil
	case !e.accepted():
		return actor.OutcomeOf(e.err), e.ended, e.err
	case e.results.Load() == 0:
		return 0, never, nil
	}
	return actor.OutcomeOf(e.result), e.resultAt, e.result
}

// leftBy reports whether a call ended because its own context did.
func leftBy(err error) bool {
	e, ok := err.(*actor.Error)
	return ok && e.Err == context.DeadlineExceeded
}

func (e *entry) String() string {
	text := fmt.Sprintf("%3d %s", e.number, &e.step)
	switch {
	case !e.called:
		return text + ": not done"
	case !e.returned:
		return fmt.Sprintf("%s: since %v", text, e.began)
	}
	text += fmt.Sprintf(": at %v", e.began)
	if e.ended > e.began {
		text += fmt.Sprintf(", took %v", e.ended-e.began)
	}
	if e.caller == director {
		return text
	}
	text += fmt.Sprintf(", %s", say(e.err))
	if e.accepted() && e.how != forgotten {
		text += fmt.Sprintf("; %d results, the last at %v: %s", e.results.Load(), e.resultAt, say(e.result))
	}
	return text
}

func say(err error) string {
	if err == nil {
		return "nil"
	}
	return fmt.Sprintf("%v (%v)", actor.OutcomeOf(err), err)
}

// String tells the story so far.
func (b *book) String() string {
	var s strings.Builder
	s.WriteString(b.plan.String())
	for _, e := range b.entries {
		fmt.Fprintln(&s, e)
	}
	for _, h := range b.stops {
		fmt.Fprintf(&s, "Shutdown at %v, given %v, took %v: %+v, %v\n", h.began, h.give, h.ended-h.began, h.tally, h.err)
	}
	if b.mendedAt != never {
		fmt.Fprintf(&s, "nsqd came back at %v\n", b.mendedAt)
	}
	fmt.Fprintf(&s, "at the end %+v; nsqd stored %d messages, sent %d error frames and at most %d OKs too many\n",
		b.stats, len(b.stored), len(b.frames), b.surplus)
	return s.String()
}

// appendBody appends the i-th message of a publish: a name, and bytes that follow from it.
func appendBody(dst []byte, number, i, size int) []byte {
	start := len(dst)
	dst = append(dst, byte(number>>8), byte(number), byte(i), 0xb0)
	for len(dst)-start < size {
		dst = append(dst, byte(number+3*i+5*(len(dst)-start)))
	}
	return dst
}

// nameOf reads a message's name.
func nameOf(body []byte) (number, i int, ok bool) {
	if len(body) < 4 || body[3] != 0xb0 {
		return 0, 0, false
	}
	return int(body[0])<<8 | int(body[1]), int(body[2]), true
}
