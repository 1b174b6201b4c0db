package main

import (
	"fmt"
	"slices"
	"strconv"
)

// row is a load that contestants take turns at, and what the table shows of it.
type row struct {
	load    load
	callers int // or messages outstanding, for async
	topics  int
	body    int
	rate    int // messages a second, for the loads that have one
	procs   int // GOMAXPROCS; 0 leaves it alone
	layers  layers
	shows   []shown
}

type load string

const (
	closed     load = "closed"     // callers that publish one message after the other
	async      load = "async"      // one goroutine, PublishAsync
	open       load = "open"       // messages due at even intervals, latency counted from the instant that was due
	collecting load = "collecting" // as open, for ten seconds, looking at the garbage collector
	idle       load = "idle"       // producers that are connected and do nothing
	full       load = "full"       // producers whose nsqd has stopped, with as many publishes as they take
)

// metric is what is measured, as the table says it.
type metric string

const (
	duration    metric = "time, ns"
	cpu         metric = "client CPU, ns"
	allocations metric = "allocations"
	p50         metric = "p50, µs"
	p99         metric = "p99, µs"
	p999        metric = "p99.9, µs"
	collections metric = "collections in all"
	pauses      metric = "pauses in all, µs"
	heap        metric = "heap, KiB"
	goroutines  metric = "goroutines"
)

// shown is a line of the table: a metric, and the ratio of two contestants in it. Where the better figure is 0, none is formed.
type shown struct {
	metric      metric
	over, under string
	goal        string
}

// against is the usual ratio: how many times better ours is.
func against(m metric, goal string) shown { return shown{m, theirs, ours, goal} }

// alone is a metric of which no ratio is formed.
func alone(m metric, goal string) shown { return shown{metric: m, goal: goal} }

const (
	oneBody    = 128 // bytes, where a row is not about size
	paceOf     = 64  // callers of an open loop
	aLotAtOnce = 1024
)

var (
	callerCounts = []int{1, 16, 64, 256, 2048}
	topicCounts  = []int{1, 4, 1000}
	bodySizes    = []int{16, 128, 1 << 10, 64 << 10}
	rates        = []int{10_000, 30_000, 60_000}
)

// defaults are the rows that are run if none are chosen: those that the library promises something about come first, then
// other numbers of callers, bodies, topics and rates, then what producers cost while they do not publish.
func defaults() []row {
	time := func(goal string) []shown { return []shown{against(duration, goal)} }
	latency := func(goal string) []shown {
		return []shown{against(p50, ""), against(p99, goal), against(p999, "")}
	}
	return []row{
		{load: closed, callers: 256, topics: 1, body: oneBody, shows: []shown{
			against(duration, "≥ 10"), against(cpu, "≥ 10"), alone(allocations, "ours 0"),
		}},
		{load: closed, callers: 64, topics: 4, body: oneBody, shows: time("≥ 5")},
		{load: closed, callers: 16, topics: 1, body: oneBody, shows: time("≥ 2.4")},
		{load: closed, callers: 1, topics: 1, body: oneBody, shows: time("≥ 1.3")},
		{load: closed, callers: 1, topics: 1, body: oneBody, procs: 1, shows: []shown{{duration, ours, rawPub, "≤ 1.1"}}},
		{load: async, callers: aLotAtOnce, topics: 1, body: oneBody, shows: []shown{
			against(duration, "≥ 11"), alone(allocations, "ours 0"),
		}},
		{load: open, rate: 30_000, callers: paceOf, topics: 1, body: oneBody, shows: latency("≥ 5")},
		{load: open, rate: 60_000, callers: paceOf, topics: 1, body: oneBody, shows: latency("≥ 10")},

		{load: closed, callers: 64, topics: 1, body: oneBody, shows: time("")},
		{load: closed, callers: 2048, topics: 1, body: oneBody, shows: time("")},
		{load: closed, callers: 256, topics: 1, body: 16, shows: time("")},
		{load: closed, callers: 256, topics: 1, body: 1 << 10, shows: time("")},
		{load: closed, callers: 256, topics: 1, body: 64 << 10, shows: time("")},
		{load: closed, callers: 256, topics: 4, body: oneBody, shows: time("")},
		{load: closed, callers: 256, topics: 1, body: oneBody, layers: encrypted, shows: time("≥ 5")},
		{load: closed, callers: 256, topics: 1, body: oneBody, layers: compressed, shows: time("≥ 5")},
		{load: closed, callers: 256, topics: 1, body: oneBody, layers: both, shows: time("≥ 5")},
		{load: closed, callers: 256, topics: 1000, body: oneBody, shows: time("")},
		{load: async, callers: aLotAtOnce, topics: 1000, body: oneBody, shows: time("")},
		{load: open, rate: 10_000, callers: paceOf, topics: 1, body: oneBody, shows: latency("")},

		{load: idle, topics: 1, shows: []shown{against(heap, "ours ≤ 64"), alone(goroutines, "ours 2")}},
		{load: full, topics: 1, body: oneBody, shows: []shown{against(heap, ""), alone(goroutines, "")}},
		{load: collecting, rate: 30_000, callers: paceOf, topics: 1, body: oneBody, shows: []shown{
			alone(collections, ""), alone(pauses, ""),
		}},
	}
}

// catalogue is every row there is: the defaults, and behind them what else callers, topics and bodies can be combined to.
func catalogue() []row {
	rows := defaults()
	add := func(r row, shows ...shown) {
		if !slices.ContainsFunc(rows, func(have row) bool { return have.name() == r.name() }) {
			r.shows = shows
			rows = append(rows, r)
		}
	}
	for _, topics := range topicCounts {
		for _, body := range bodySizes {
			for _, callers := range callerCounts {
				add(row{load: closed, callers: callers, topics: topics, body: body}, against(duration, ""))
			}
			add(row{load: async, callers: aLotAtOnce, topics: topics, body: body}, against(duration, ""))
		}
		for _, rate := range rates {
			add(row{load: open, rate: rate, callers: paceOf, topics: topics, body: oneBody},
				against(p50, ""), against(p99, ""), against(p999, ""))
		}
	}
	return rows
}

// name is what rows are chosen by.
func (r row) name() string {
	name := string(r.load)
	add := func(field string, value int, unit string) {
		if value > 0 {
			name += fmt.Sprintf("/%s=%d%s", field, value, unit)
		}
	}
	switch r.load {
	case idle, full:
		return name
	case async:
		add("outstanding", r.callers, "")
	default:
		add("rate", r.rate, "")
		add("callers", r.callers, "")
	}
	add("topics", r.topics, "")
	add("body", r.body, "B")
	add("procs", r.procs, "")
	if r.layers != plain {
		name += "/layers=" + string(r.layers)
	}
	return name
}

// label is what the table and the chart call it.
func (r row) label() string {
	var label string
	switch r.load {
	case idle:
		return "an idle producer"
	case full:
		return "a full producer, nsqd stopped"
	case async:
		label = "async, " + grouped(r.callers) + " outstanding"
	case open:
		label = grouped(r.rate) + " a second"
	case collecting:
		label = "ten seconds at " + grouped(r.rate)
	default:
		if label = grouped(r.callers) + " callers"; r.callers == 1 {
			label = "1 caller"
		}
	}
	if r.topics > 1 {
		label += ", " + grouped(r.topics) + " topics"
	}
	if r.body != oneBody {
		label += ", " + sizeName(r.body)
	}
	if r.layers != plain {
		label += ", " + string(r.layers)
	}
	if r.procs > 0 {
		label += ", GOMAXPROCS=" + strconv.Itoa(r.procs)
	}
	return label
}

func sizeName(bytes int) string {
	if bytes < 1<<10 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}
