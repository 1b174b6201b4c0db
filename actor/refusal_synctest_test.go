//go:build go1.25

package actor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// unlessOpen refuses every topic but one, as an nsqd whose auth server does.
var unlessOpen = wiretest.OnPublish(wiretest.Every).
	If(func(c wiretest.Command) bool { return c.Topic != "open" }).Error(wire.CodeUnauthorized, "not you")

// requireBarred checks that the topic is refused, and whether it is from memory.
func requireBarred(t *testing.T, p *actor.Producer, topic string, fromMemory bool) {
	t.Helper()
	const memory = "nsqd has refused this topic before"
	err := p.Publish(topic, []byte("body"))
	requireRefusal(t, err, wire.CodeUnauthorized)
	if fromMemory {
		require.ErrorContains(t, err, memory)
	} else {
		require.NotContains(t, err.Error(), memory)
	}
}

// A topic that nsqd has refused is refused without it for 5 s, and not a moment longer, so that a permission that was granted
// meanwhile is found.
func TestTopicIsBarredForAWhile(t *testing.T) {
	const barredFor = 5 * time.Second
	clock(t, []wiretest.Fault{unlessOpen}, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		for round := range 3 {
			requireBarred(t, p, "shut", false)
			for range 5 {
				requireBarred(t, p, "shut", true)
				require.NoError(t, p.Publish("open", []byte("body")))
				time.Sleep(barredFor/5 - 1)
			}
			time.Sleep(4 * time.Nanosecond)
			requireBarred(t, p, "shut", true)
			time.Sleep(time.Nanosecond)
			require.Equal(t, round+1, srv.Stats().Refused, "nsqd was asked once")
		}
		requireBooks(t, p)
	})
}

// Only so many topics are remembered: who publishes to ever new ones does not fill the memory. The others cost a connection each
// time, until what is remembered has had its time.
func TestOnlySoManyTopicsAreBarred(t *testing.T) {
	const most = 64
	clock(t, []wiretest.Fault{unlessOpen}, actor.Config{}, func(t *testing.T, srv *clocked, p *actor.Producer) {
		topic := func(n int) string { return fmt.Sprint("topic", n) }
		for n := range most + 1 {
			requireBarred(t, p, topic(n), false)
		}
		for n := range most {
			requireBarred(t, p, topic(n), true)
		}
		requireBarred(t, p, topic(most), false)
		require.Equal(t, most+2, srv.Stats().Refused)
		time.Sleep(5 * time.Second)
		requireBarred(t, p, topic(most), false)
		requireBarred(t, p, topic(most), true)
		requireBarred(t, p, topic(0), false)
		require.Equal(t, most+4, srv.Stats().Refused)
		requireBooks(t, p)
	})
}
