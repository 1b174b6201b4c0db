//go:build go1.25

package model

import (
	"errors"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
)

// The rules about what the producer counts and holds.

func oneEnd(b *book, broken complain) {
	var missing uint64
	for _, e := range b.entries {
		n := e.results.Load()
		switch {
		case !e.called:
		case !e.returned:
			broken("no end: %v", e)
		case n > 1 || n > 0 && !e.accepted():
			broken("%d results: %v", n, e)
		case e.accepted() && e.how != forgotten && n == 0:
			missing++
		}
	}
	for _, h := range b.stops {
		if h.tally.Undelivered != missing {
			broken("%d results are missing, %d were counted as undelivered", missing, h.tally.Undelivered)
		}
	}
}

// stats compares what callers were told with what was counted. Of the unseen, whose results nobody was told, only the sum is
// known; whether the vague were accepted before they ended as not sent, not even that.
func stats(b *book, broken complain) {
	var seen [actor.Unknown + 1]uint64
	var unseen, unseenStored, vague uint64
	for i, e := range b.entries {
		if !e.act.publishes() || !e.called {
			continue
		}
		outcome, _, err := e.outcome()
		switch {
		case outcome == 0:
			unseen++
			if b.times[i] > 0 {
				unseenStored++
			}
		case e.accepted() || outcome != actor.NotSent || errors.Is(err, actor.ErrNotConnected):
			seen[outcome]++
		case e.give != 0: // else it was over before it began
			vague++
		}
	}
	s := &b.stats
	counted := [...]uint64{actor.Acked: s.Acked, actor.Refused: s.Refused, actor.NotSent: s.NotSent, actor.Unknown: s.Unknown}
	var rest uint64
	for o := actor.Acked; o <= actor.Unknown; o++ {
		if counted[o] < seen[o] {
			broken("%d were told that they are %v, %d are counted", seen[o], o, counted[o])
			return
		}
		counted[o] -= seen[o]
		rest += counted[o]
	}
	told := counted[actor.Acked] + counted[actor.Refused] + counted[actor.Unknown]
	if rest < unseen || rest > unseen+vague || told > unseen {
		broken("of %d results that nobody was told and %d vague ones these are counted: %d", unseen, vague, counted[actor.Acked:])
	}
	falsely := uint64(b.surplus * b.cfg.FoldMessages) // see outcomes
	if counted[actor.Acked] > unseenStored+falsely || unseenStored > counted[actor.Acked]+counted[actor.Unknown] {
		broken("of %d results that nobody was told these are counted: %d; %d are stored", unseen, counted[actor.Acked:], unseenStored)
	}
	if s.Submitted != s.Acked+s.Refused+s.NotSent+s.Unknown || s.Pending != 0 || s.PendingBytes != 0 || s.Undelivered != 0 {
		broken("not all has ended: %+v", *s)
	}
}

func tallies(b *book, broken complain) {
	for _, h := range b.stops {
		one, other := h.tally, b.stops[0].tally
		one.NotSent, other.NotSent = 0, 0 // a publish that was just on its way in may be turned away behind the first one's end
		if one != other {
			broken("two Shutdowns of one producer: %+v and %+v", h.tally, b.stops[0].tally)
		}
	}
	if b.before.Phase == state.Idle && b.before.Submitted == 0 {
		return // Shutdown began unobserved, or there was nothing to count
	}
	want := actor.Tally{
		Acked:       b.stats.Acked - b.before.Acked,
		Refused:     b.stats.Refused - b.before.Refused,
		NotSent:     b.stats.NotSent - b.before.NotSent,
		Unknown:     b.stats.Unknown - b.before.Unknown,
		Undelivered: b.stops[0].tally.Undelivered, // see oneEnd
	}
	if got := b.stops[0].tally; got != want {
		broken("%+v, must be %+v", got, want)
	}
}

func bounds(b *book, broken complain) {
	if most := uint64(b.cfg.MaxPendingBytes); b.mostBytes > most {
		broken("%d bytes are pending, at most %d may be", b.mostBytes, most)
	}
	for _, s := range b.rests {
		if most := uint64(b.cfg.MaxPending); s.Pending > most || s.Undelivered > most {
			broken("%d are pending and %d undelivered, at most %d may be", s.Pending, s.Undelivered, most)
		}
		if (s.Pending == 0) != (s.PendingBytes == 0) {
			broken("%d are pending, of %d bytes", s.Pending, s.PendingBytes)
		}
		if s.Phase == state.Live && s.Link == state.Down && s.Pending > 0 && !b.cfg.WaitConnected {
			broken("%d are pending, although nsqd is known to be down", s.Pending)
		}
	}
}

func nothingLeft(b *book, broken complain) {
	if b.open != 0 {
		broken("%d connections are open", b.open)
	}
	if b.stats.Phase != state.Closed || b.stats.Link != state.Unlinked {
		broken("%+v", b.stats)
	}
}
