package main

import (
	"fmt"
	"io"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/actor/pool/lookup"
)

const askEvery = 15 * time.Second // nsqlookupd, at most: as often as nsqd shows it that it lives

// open returns what publishes to the nsqd of the command line. It does not dial them, but asks each nsqlookupd. For a single nsqd
// that is a Producer, which keeps the order of lines also where it sends some again.
func (o *options) open() (actor.Publisher, error) {
	if len(o.addrs) == 1 {
		return actor.NewProducer(o.addrs[0], &o.producer)
	}
	opts := []pool.Option{pool.WithMode(o.mode)}
	if len(o.lookupds) > 0 {
		resolve, err := lookup.Nsqlookupd(o.lookupds, nil)
		if err != nil {
			return nil, fmt.Errorf("--lookupd-http-address: %w", err)
		}
		opts = append(opts, pool.WithResolver(resolve, askEvery))
	}
	return pool.New(o.addrs, &o.producer, opts...)
}

// statsOf returns the account of what open has returned, which has Nodes only if that is a pool.
func statsOf(p actor.Publisher) pool.Stats {
	if several, ok := p.(*pool.Pool); ok {
		return several.Stats()
	}
	return pool.Stats{Stats: p.(*actor.Producer).Stats()}
}

// summarizeNodes writes how lines ended at each nsqd of a pool.
func summarizeNodes(w io.Writer, s pool.Stats) {
	row := func(who string, s actor.Stats) {
		fmt.Fprintf(w, "nsqd %s  acked %d  refused %d  not sent %d  unknown %d  moved on %d\n",
			who, s.Acked, s.Refused, s.NotSent, s.Unknown, s.HandedBack)
	}
	for _, node := range s.Nodes {
		row(node.Addr, node.Stats)
	}
	if s.Gone.Submitted > 0 {
		row("that have left", s.Gone)
	}
}
