package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// effort says how much is measured.
type effort struct {
	rounds  int
	turn    time.Duration // of the closed loop and async
	open    time.Duration // a turn of the open loop: its rarest latencies need many messages
	collect time.Duration // the one turn that looks at the garbage collector
	crew    int           // idle producers; of full ones, a tenth
}

var (
	thorough = effort{rounds: 5, turn: 300 * time.Millisecond, open: 2 * time.Second, collect: 10 * time.Second, crew: 50}
	quick    = effort{rounds: 1, turn: 10 * time.Millisecond, open: 50 * time.Millisecond, collect: 100 * time.Millisecond, crew: 10}
)

// entrant is who takes turns at a row.
type entrant struct {
	name string
	turn func() (figures, []uint64, error) // with what was acked, by topic
	stop func()
}

// line is a line of the table: who had which figure, as medians of the rounds, and the rounds' ratios.
type line struct {
	row   row
	shown shown
	by    map[string]float64
	ratio *spread // nil if there is none
}

// fight runs one row: a turn of each to warm up, round -1, then rounds in which all take their turns, each time another one
// first. After every turn nsqd is asked what it counted. It returns the row's lines and nsqd's version.
func fight(ctx context.Context, t nsqdtest.TB, r row, e effort, contestants []contestant) ([]line, string, error) {
	if r.procs > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(r.procs))
	}
	s := startServer(t, r)
	if err := s.settle(make([]uint64, r.topics)); err != nil {
		return nil, "", err
	}
	first, rounds := -1, e.rounds
	switch {
	case r.load == collecting:
		first, rounds = 0, 1 // long enough
	case r.load == closed && r.callers == 1 && rounds > 1:
		// A lone caller's time is mostly the machine's and changes by the minute: short turns see the same machine.
		rounds, e.turn = 10*rounds, e.turn/10
	}
	entrants, err := enter(r, e, s, contestants)
	defer func() {
		for _, each := range entrants {
			each.stop()
		}
	}()
	if err != nil {
		return nil, "", err
	}
	had := map[string][]figures{}
	for round := first; round < rounds; round++ {
		for i := range entrants {
			each := entrants[(max(0, round)+i)%len(entrants)]
			if err := ctx.Err(); err != nil {
				return nil, "", err
			}
			f, acked, err := each.turn()
			if err == nil {
				err = s.settle(acked)
			}
			if err != nil {
				return nil, "", fmt.Errorf("%s: %s: %w", r.name(), each.name, err)
			}
			if round >= 0 {
				had[each.name] = append(had[each.name], f)
			}
		}
	}
	version, err := s.version()
	return summary(r, had), version, err
}

// enter prepares the contestants, and the raw loops where they say something: MPUB's limit does not depend on callers.
func enter(r row, e effort, s *server, contestants []contestant) (all []entrant, err error) {
	if r.load == idle || r.load == full {
		return enterMemory(r, e, s, contestants), nil
	}
	length := map[load]time.Duration{closed: e.turn, async: e.turn, open: e.open, collecting: e.collect}[r.load]
	add := func(name string, work func(*turn) error, stop func()) {
		all = append(all, entrant{name: name, stop: stop, turn: func() (figures, []uint64, error) {
			t := newTurn(r, length)
			if err := work(t); err != nil {
				return nil, nil, err
			}
			t.perMessage()
			return t.figures, t.acked, nil
		}})
	}
	var latencies []time.Duration
	if r.load == open {
		latencies = make([]time.Duration, instants(r.rate, length))
	}
	for _, c := range contestants {
		client, err := c.open(s.TCPAddr, s.tls, r.layers.deflate())
		if err != nil {
			return all, err
		}
		add(c.name, map[load]func(*turn) error{
			closed:     func(t *turn) error { return closedLoop(t, r.callers, client.publish) },
			async:      func(t *turn) error { return client.pipeline(t, r.callers) },
			open:       func(t *turn) error { return paced(t, r.rate, r.callers, latencies, client.publish) },
			collecting: func(t *turn) error { return paced(t, r.rate, r.callers, nil, client.publish) },
		}[r.load], client.stop)
	}
	if r.load == open {
		add(schedule, func(t *turn) error { return pacedAlone(t, r.rate, r.callers, latencies) }, func() {})
	}
	if r.load != closed && r.load != async || r.layers != plain {
		return all, nil
	}
	pub, err := newRawPub(s.TCPAddr, r.callers, r.body)
	if err != nil {
		return all, err
	}
	add(rawPub, pub.take, pub.stop)
	if r.callers >= 256 && r.topics <= 4 {
		mpub, err := newRawMPub(s.TCPAddr, r.body)
		if err != nil {
			return all, err
		}
		add(rawMPub, mpub.take, mpub.stop)
	}
	return all, nil
}

func enterMemory(r row, e effort, s *server, contestants []contestant) (all []entrant) {
	for _, c := range contestants {
		turn := func() (figures, []uint64, error) { return fullProducers(c, s, max(1, e.crew/10), r.body) }
		if r.load == idle {
			turn = func() (figures, []uint64, error) {
				f, err := idleProducers(c, s.TCPAddr, e.crew)
				return f, make([]uint64, r.topics), err
			}
		}
		all = append(all, entrant{name: c.name, turn: turn, stop: func() {}})
	}
	return all
}

// summary makes the row's lines of the figures of its rounds.
func summary(r row, had map[string][]figures) []line {
	var lines []line
	for _, show := range r.shows {
		l := line{row: r, shown: show, by: map[string]float64{}}
		each := map[string][]float64{}
		for name, rounds := range had {
			for _, f := range rounds {
				each[name] = append(each[name], f[show.metric])
			}
			l.by[name] = median(each[name])
		}
		over, under := each[show.over], each[show.under]
		if len(over) > 0 && len(over) == len(under) && !slices.Contains(under, 0) {
			ratios := make([]float64, len(over))
			for i := range ratios {
				ratios[i] = over[i] / under[i]
			}
			s := spreadOf(ratios)
			l.ratio = &s
		}
		lines = append(lines, l)
	}
	return lines
}
