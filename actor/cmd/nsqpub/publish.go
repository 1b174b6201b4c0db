package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nsqactor/producer/actor"
)

// publisher moves lines to nsqd and their outcomes into the account and the rejects. Two goroutines do that: feed reads lines
// and hands them over, settle takes the results.
type publisher struct {
	producer actor.Publisher
	topic    string
	pace     pacer
	account  account
	rejects  rejects

	results chan *actor.Transaction // with room for all that can be outstanding
	ended   chan *message           // from settle back to feed, likewise

	// The rest is feed's.
	spare  []*message
	unmade int // how many messages may still be made
	held   int // bytes of text in the messages that are out
}

// message is a line that was handed over.
type message struct {
	number uint64
	at     time.Time // when it was handed over
	text   []byte    // a copy for the rejects, if they are wanted
}

const (
	mostHeld  = 32 << 20 // bytes of copies
	keepBytes = 64 << 10 // a copy's memory is kept for the next message up to this size
)

var errEmpty = errors.New("the line is empty")

func newPublisher(o *options, producer actor.Publisher) *publisher {
	return &publisher{
		producer: producer,
		topic:    o.topic,
		pace:     newPacer(o.rate),
		results:  make(chan *actor.Transaction, o.inFlight),
		ended:    make(chan *message, o.inFlight),
		unmade:   o.inFlight,
	}
}

// publishAll publishes all lines and returns when each has its outcome: nil, or why the input could not be read to its end.
// When ctx ends, it stops the producer in time for the drainBound.
func (p *publisher) publishAll(ctx context.Context, in *lines) error {
	hurry, cancel := after(ctx, drainBound/2)
	defer cancel()
	bound, cancel := after(ctx, drainBound)
	defer cancel()

	settled := make(chan struct{})
	go func() {
		defer close(settled)
		p.settle()
	}()
	var cut error
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		cut = p.feed(in, hurry.Done())
	}()

	select {
	case <-fed:
	case <-hurry.Done():
	}
	_, _ = p.producer.Shutdown(bound) // what it cut off has its outcome, which the account gets
	<-fed                             // what it had left was not accepted any more
	close(p.results)                  // all that are to come lie in it
	<-settled
	return cut
}

// feed hands over each line, or rejects it. When stop is closed it waits for no rate any more.
func (p *publisher) feed(in *lines, stop <-chan struct{}) error {
	tooLong := fmt.Errorf("the line is longer than %d bytes", in.limit)
	for {
		l, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		p.account.read.Add(1)
		switch {
		case l.long:
			p.account.failed(l.number, actor.NotSent, tooLong)
			p.rejects.stream(l.number, actor.NotSent, tooLong, l.text, in.rest)
		case l.cut != nil:
			p.reject(l.number, fmt.Errorf("the line was not read to its end: %w", l.cut), l.text)
		case len(l.text) > in.limit:
			p.reject(l.number, tooLong, l.text)
		case len(l.text) == 0:
			p.reject(l.number, errEmpty, l.text)
		default:
			p.publish(l, stop)
		}
	}
}

// publish hands a line over, as soon as the bounds and the rate permit.
func (p *publisher) publish(l line, stop <-chan struct{}) {
	m := p.message(len(l.text))
	if !p.pace.wait(stop) {
		p.spare = append(p.spare, m)
		p.reject(l.number, actor.ErrStopped, l.text)
		return
	}
	m.number, m.text = l.number, m.text[:0]
	if p.rejects.wanted() {
		m.text = append(m.text, l.text...)
	}
	m.at = time.Now()
	if err := p.producer.PublishAsync(p.topic, l.text, p.results, m); err != nil {
		p.spare = append(p.spare, m)
		p.reject(l.number, err, l.text)
		return
	}
	p.held += len(m.text)
}

// message returns one that is not in use, waiting until there is one and a text of size bytes may be held.
func (p *publisher) message(size int) *message {
	for {
		if p.held == 0 || p.held+size <= mostHeld {
			if n := len(p.spare); n > 0 {
				m := p.spare[n-1]
				p.spare = p.spare[:n-1]
				return m
			}
			if p.unmade > 0 {
				p.unmade--
				return new(message)
			}
		}
		m := <-p.ended // one is out, so one will come: the producer ends everything
		p.held -= len(m.text)
		if cap(m.text) > keepBytes {
			m.text = nil
		}
		p.spare = append(p.spare, m)
	}
}

// reject ends a line that was not handed over, or not accepted.
func (p *publisher) reject(number uint64, cause error, text []byte) {
	p.account.failed(number, actor.NotSent, cause)
	p.rejects.write(number, actor.NotSent, cause, text)
}

// settle takes results until there are no more.
func (p *publisher) settle() {
	for t := range p.results {
		m := t.Args[0].(*message)
		if outcome := actor.OutcomeOf(t.Error); outcome == actor.Acked {
			p.account.acked(time.Since(m.at))
		} else {
			p.account.failed(m.number, outcome, t.Error)
			p.rejects.write(m.number, outcome, t.Error, m.text)
		}
		t.Release()
		p.ended <- m
	}
}
