package peers

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/nsqio/go-nsq"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// withGoNSQ is a small program on go-nsq's Producer.
func withGoNSQ(addr string) error {
	cfg := nsq.NewConfig()
	cfg.WriteTimeout = 2 * time.Second
	if err := cfg.Set("client_id", "mover"); err != nil {
		return err
	}
	p, err := nsq.NewProducer(addr, cfg)
	if err != nil {
		return err
	}
	p.SetLogger(log.New(io.Discard, "", log.LstdFlags), nsq.LogLevelWarning)
	defer p.Stop()
	if err := p.Ping(); err != nil {
		return fmt.Errorf("%s: %w", p.String(), err)
	}
	if err := p.Publish("moving", []byte("one")); err != nil {
		return err
	}
	if err := p.MultiPublish("moving", [][]byte{[]byte("two"), []byte("three")}); err != nil {
		return err
	}
	if err := p.DeferredPublish("later", time.Minute, []byte("four")); err != nil {
		return err
	}

	done := make(chan *nsq.ProducerTransaction, 3)
	if err := p.PublishAsync("moving", []byte("five"), done, 5); err != nil {
		return err
	}
	if err := p.MultiPublishAsync("moving", [][]byte{[]byte("six"), []byte("seven")}, done, 6, 7); err != nil {
		return err
	}
	if err := p.DeferredPublishAsync("later", time.Second, []byte("eight"), done, 8); err != nil {
		return err
	}
	sum := 0
	for range 3 {
		t := <-done
		if t.Error != nil {
			return t.Error
		}
		for _, arg := range t.Args {
			sum += arg.(int)
		}
	}
	return p.Publish("moving", fmt.Append(nil, sum))
}

// movedOver is the same program on ours. What differs: the package's name, where the logger is given, the done channel's type.
func movedOver(addr string) error {
	cfg := actor.NewConfig()
	cfg.WriteTimeout = 2 * time.Second
	if err := cfg.Set("client_id", "mover"); err != nil {
		return err
	}
	cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn}))
	p, err := actor.NewProducer(addr, cfg)
	if err != nil {
		return err
	}
	defer p.Stop()
	if err := p.Ping(); err != nil {
		return fmt.Errorf("%s: %w", p.String(), err)
	}
	if err := p.Publish("moving", []byte("one")); err != nil {
		return err
	}
	if err := p.MultiPublish("moving", [][]byte{[]byte("two"), []byte("three")}); err != nil {
		return err
	}
	if err := p.DeferredPublish("later", time.Minute, []byte("four")); err != nil {
		return err
	}

	done := make(chan *actor.Transaction, 3)
	if err := p.PublishAsync("moving", []byte("five"), done, 5); err != nil {
		return err
	}
	if err := p.MultiPublishAsync("moving", [][]byte{[]byte("six"), []byte("seven")}, done, 6, 7); err != nil {
		return err
	}
	if err := p.DeferredPublishAsync("later", time.Second, []byte("eight"), done, 8); err != nil {
		return err
	}
	sum := 0
	for range 3 {
		t := <-done
		if t.Error != nil {
			return t.Error
		}
		for _, arg := range t.Args {
			sum += arg.(int)
		}
	}
	return p.Publish("moving", fmt.Append(nil, sum))
}

// arrived is what counts of a message.
type arrived struct {
	topic, body string
	delay       time.Duration
}

var shouldArrive = []arrived{
	{"moving", "one", 0}, {"moving", "two", 0}, {"moving", "three", 0}, {"later", "four", time.Minute},
	{"moving", "five", 0}, {"moving", "six", 0}, {"moving", "seven", 0}, {"later", "eight", time.Second},
	{"moving", "26", 0},
}

// Both programs bring the double the same messages, in the same order, under the same name.
func TestMovedOverOnTheDouble(t *testing.T) {
	for name, program := range map[string]func(string) error{"go-nsq": withGoNSQ, "ours": movedOver} {
		t.Run(name, func(t *testing.T) {
			srv := wiretest.NewServer()
			defer srv.Close()
			require.NoError(t, program(srv.Addr))
			var got []arrived
			for _, m := range srv.Messages() {
				got = append(got, arrived{m.Topic, string(m.Body), m.Delay})
			}
			require.Equal(t, shouldArrive, got)
			require.Len(t, srv.Conns(), 1)
			require.Contains(t, string(srv.Conns()[0].Identify), `"client_id":"mover"`)
		})
	}
}

// Both programs bring a real nsqd the same messages, in the same order.
func TestMovedOverOnNsqd(t *testing.T) {
	var moving []string
	for _, m := range shouldArrive {
		if m.topic == "moving" {
			moving = append(moving, m.body)
		}
	}
	nsqd := nsqdtest.Start(t, "-mem-queue-size=0") // so that the order of delivery is that of storage
	require.NoError(t, withGoNSQ(nsqd.TCPAddr))
	require.EqualValues(t, 2, nsqd.MessageCount("later"))
	require.NoError(t, movedOver(nsqd.TCPAddr))
	require.EqualValues(t, 4, nsqd.MessageCount("later"))
	require.Equal(t, slices.Concat(moving, moving), nsqd.ReadBack("moving"))
}
