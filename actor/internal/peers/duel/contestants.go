package main

import (
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/nsqio/go-nsq"

	"github.com/nsqactor/producer/actor"
)

// contestant is a producer library. Its defaults are what is measured, with TLS and compression where a row says so.
type contestant struct {
	name string
	open func(addr string, tls *tls.Config, deflate bool) (client, error)
}

// client is a contestant's producer.
type client interface {
	ping() error
	publish(topic string, body []byte) error
	// pipeline is the asynchronous load.
	pipeline(t *turn, outstanding int) error
	// crowd prepares for n publishes at once, each with a body of its own: fill has them accepted, settle takes their results.
	crowd(n int, topic string, size int) (fill, settle func() error)
	stop()
}

// The names of who takes turns. The latter three are no libraries: see rawLoop and pacedAlone.
const (
	theirs   = "go-nsq"
	ours     = "ours"
	rawPub   = "raw PUB"
	rawMPub  = "raw MPUB"
	schedule = "schedule alone"
)

var contestants = []contestant{
	{theirs, func(addr string, tls *tls.Config, deflate bool) (client, error) {
		cfg := nsq.NewConfig()
		cfg.TlsV1, cfg.TlsConfig, cfg.Deflate = tls != nil, tls, deflate
		p, err := nsq.NewProducer(addr, cfg)
		if err != nil {
			return nil, err
		}
		p.SetLoggerLevel(nsq.LogLevelError)
		return goNSQ{p}, nil
	}},
	{ours, func(addr string, tls *tls.Config, deflate bool) (client, error) {
		p, err := actor.NewProducer(addr, &actor.Config{TlsV1: tls != nil, TlsConfig: tls, Deflate: deflate})
		if err != nil {
			return nil, err
		}
		return own{p}, nil
	}},
}

type goNSQ struct{ p *nsq.Producer }

func (c goNSQ) ping() error                             { return c.p.Ping() }
func (c goNSQ) publish(topic string, body []byte) error { return c.p.Publish(topic, body) }
func (c goNSQ) stop()                                   { c.p.Stop() }

func (c goNSQ) pipeline(t *turn, outstanding int) error {
	return pipeline(t, outstanding, c.async, func(result *nsq.ProducerTransaction) error { return result.Error })
}

func (c goNSQ) async(topic string, body []byte, done chan *nsq.ProducerTransaction) error {
	return c.p.PublishAsync(topic, body, done)
}

func (c goNSQ) crowd(n int, topic string, size int) (fill, settle func() error) {
	return crowd(n, topic, size, c.async, func(result *nsq.ProducerTransaction) error { return result.Error })
}

type own struct{ p *actor.Producer }

func (c own) ping() error                             { return c.p.Ping() }
func (c own) publish(topic string, body []byte) error { return c.p.Publish(topic, body) }
func (c own) stop()                                   { c.p.Stop() }

func (c own) pipeline(t *turn, outstanding int) error {
	publish := func(topic string, body []byte, done chan *actor.Transaction) error {
		return c.p.PublishAsync(topic, body, done)
	}
	return pipeline(t, outstanding, publish, release)
}

// crowd also sees to it that the producer is full then: n is its MaxPending.
func (c own) crowd(n int, topic string, size int) (fill, settle func() error) {
	try := func(topic string, body []byte, done chan *actor.Transaction) error {
		return c.p.TryPublishAsync(topic, body, done)
	}
	accept, settle := crowd(n, topic, size, try, release)
	fill = func() error {
		if err := accept(); err != nil {
			return err
		}
		if err := c.p.TryPublishAsync(topic, []byte("one too many"), nil); !errors.Is(err, actor.ErrFull) {
			return fmt.Errorf("not full with %d pending: %w", n, err)
		}
		return nil
	}
	return fill, settle
}

func release(result *actor.Transaction) error {
	err := result.Error
	result.Release()
	return err
}

func crowd[T any](
	n int, topic string, size int, publish func(string, []byte, chan T) error, take func(T) error,
) (fill, settle func() error) {
	done := make(chan T, n)
	fill = func() error {
		for range n {
			if err := publish(topic, make([]byte, size), done); err != nil {
				return err
			}
		}
		return nil
	}
	settle = func() error {
		for range n {
			if err := take(<-done); err != nil {
				return err
			}
		}
		return nil
	}
	return fill, settle
}
