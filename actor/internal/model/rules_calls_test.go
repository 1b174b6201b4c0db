//go:build go1.25

package model

import (
	"errors"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
)

// The rules about calls: when they return, and what they say.

func contexts(b *book, broken complain) {
	for _, e := range b.entries {
		if !e.returned || e.caller == director {
			continue
		}
		took := e.ended - e.began
		switch {
		case e.give == unbounded && leftBy(e.err):
			broken("it had no context: %v", e)
		case e.give == unbounded:
		case took > e.give:
			broken("too late: %v", e)
		case took < e.give && leftBy(e.err):
			broken("too early: %v", e)
		case e.give == 0 && e.act.publishes() && actor.OutcomeOf(e.err) != actor.NotSent:
			broken("its context was over: %v", e)
		}
	}
}

func atOnce(b *book, broken complain) {
	end := never
	for _, h := range b.stops {
		end = min(end, h.ended)
	}
	for _, e := range b.entries {
		if e.returned && e.caller != director && e.ended > e.began &&
			(e.how == try || e.act == badInput || e.began > end) {
			broken("it took %v: %v", e.ended-e.began, e)
		}
	}
}

func words(b *book, broken complain) {
	for _, e := range b.entries {
		outcome, at, err := e.outcome()
		if e.act == badInput && e.returned && outcome != actor.NotSent {
			broken("bad input was accepted, or may have been: %v", e)
		}
		own, isOwn := err.(*actor.Error)
		switch {
		case err == nil:
		case err == actor.ErrStopped && at >= b.stoppedAt:
		case err == actor.ErrFull && e.how == try:
		case !isOwn:
			broken("an error of a strange kind: %v", e)
		case e.act == badInput:
		case own.Outcome != outcome, own.Op != e.act.String(), own.Topic != e.topic:
			broken("an error about something else: %v", e)
		case !fits(own):
			broken("its words contradict its outcome: %v", e)
		}
	}
}

// fits reports whether an error's cause goes with its outcome.
func fits(e *actor.Error) bool {
	var refusal *wire.ReplyError
	switch {
	case errors.Is(e.Err, actor.ErrNotConnected):
		return e.Outcome == actor.NotSent
	case errors.Is(e.Err, actor.ErrConnectionLost):
		return e.Outcome == actor.Unknown
	case errors.As(e.Err, &refusal):
		return e.Outcome == actor.Refused && !refusal.Fact().MayBeStored || e.Outcome == actor.Unknown && refusal.Fact().MayBeStored
	}
	return e.Outcome == actor.NotSent || e.Outcome == actor.Unknown
}

func flushes(b *book, broken complain) {
	for i, f := range b.entries {
		if f.act != flush || !f.returned || f.err != nil {
			continue
		}
		for _, e := range b.entries[:i] {
			seen := e.accepted() && e.done == prompt && e.results.Load() > 0
			if e.caller == f.caller && seen && e.resultAt > f.ended {
				broken("it ended at %v, behind Flush: %v", e.resultAt, e)
			}
		}
	}
}

func shutdowns(b *book, broken complain) {
	const grace = 20 * time.Millisecond
	by, end := never, never
	for _, h := range b.stops {
		by = min(by, h.by())
		end = min(end, h.ended)
	}
	for _, h := range b.stops {
		switch {
		case h.ended > max(by+grace, h.began):
			broken("it began at %v, returned at %v, the first bound was over at %v", h.began, h.ended, by)
		case h.err != nil && h.ended < by:
			broken("%v at %v, but the first bound was over at %v", h.err, h.ended, by)
		case h.err == nil && h.tally.Undelivered > 0:
			broken("no error, but %+v", h.tally)
		}
	}
	for _, e := range b.entries {
		if e.returned && e.caller != director && e.ended > max(end, e.began) {
			broken("it went on behind the end at %v: %v", end, e)
		}
	}
}

func recoveries(b *book, broken complain) {
	if b.mendedAt == never {
		return
	}
	for _, e := range b.entries {
		if !e.returned || e.caller == director || e.give != unbounded {
			continue
		}
		end := e.ended
		if _, at, _ := e.outcome(); at != never {
			end = max(end, at)
		}
		if end > max(e.began, b.mendedAt)+b.recovery() {
			broken("nsqd came back at %v: %v", b.mendedAt, e)
		}
	}
}
