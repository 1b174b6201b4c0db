package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
)

// summary is what --json writes, in the form that the manual describes.
type summary struct {
	Read uint64 `json:"read"`
	ends
	Seconds float64  `json:"seconds"`
	Rate    float64  `json:"messages_per_second"`
	P50     *float64 `json:"p50_ms"` // nil where nothing was acked
	P99     *float64 `json:"p99_ms"`
	Nsqd    []node   `json:"nsqd,omitempty"`
	Gone    *node    `json:"nsqd_gone,omitempty"`
	Double  bool     `json:"double,omitempty"` // it was no nsqd that took them
}

// ends says how many lines ended how.
type ends struct {
	Acked   uint64 `json:"acked"`
	Refused uint64 `json:"refused"`
	NotSent uint64 `json:"not_sent"`
	Unknown uint64 `json:"unknown"`
}

// node is one of several nsqd, or without an address those that have left.
type node struct {
	Address string `json:"address,omitempty"`
	ends
	MovedOn uint64 `json:"moved_on"`
}

// summarizeJSON writes the summary as one line.
func (a *account) summarizeJSON(w io.Writer, took time.Duration, nodes pool.Stats, double bool) error {
	s := summary{
		Read:    a.read.Load(),
		ends:    ends{a.count(actor.Acked), a.count(actor.Refused), a.count(actor.NotSent), a.count(actor.Unknown)},
		Seconds: took.Seconds(),
		Rate:    a.rate(took),
		Double:  double,
	}
	if a.times.n > 0 {
		p50, p99 := milliseconds(a.times.quantile(0.5)), milliseconds(a.times.quantile(0.99))
		s.P50, s.P99 = &p50, &p99
	}
	for _, n := range nodes.Nodes {
		s.Nsqd = append(s.Nsqd, newNode(n.Addr, n.Stats))
	}
	if nodes.Gone.Submitted > 0 {
		gone := newNode("", nodes.Gone)
		s.Gone = &gone
	}
	return json.NewEncoder(w).Encode(s)
}

func newNode(addr string, s actor.Stats) node {
	return node{Address: addr, ends: ends{s.Acked, s.Refused, s.NotSent, s.Unknown}, MovedOn: s.HandedBack}
}
