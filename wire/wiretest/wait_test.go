package wiretest_test

import (
	"bytes"
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest"
)

func TestWait(t *testing.T) {
	srv := wiretest.NewServer()
	defer srv.Close()
	over, cancel := context.WithCancel(context.Background())
	results := make(chan error)
	go func() { results <- srv.WaitMessages(over, 1) }()
	cancel()
	require.ErrorIs(t, <-results, context.Canceled)
	go func() { results <- srv.WaitConns(within(t), 1) }()
	c := dialTCP(t, srv)
	require.NoError(t, <-results)
	go func() { results <- srv.WaitCommands(within(t), 1) }()
	c.open("{}")
	require.NoError(t, <-results)
	go func() { results <- srv.WaitMessages(within(t), 1) }()
	srv.Close()
	require.ErrorIs(t, <-results, wiretest.ErrEnded)
	require.NoError(t, srv.WaitConns(over, 1), "what is reached already is no matter of waiting")
}

// An error says what was waited for and what there was.
func TestWaitInVain(t *testing.T) {
	srv := wiretest.NewInMemory()
	c := dialMemory(t, srv)
	c.open("{}")
	c.send(append(pub(t, "b", "x"), pub(t, "a", "xy")...))
	require.NoError(t, srv.WaitMessages(within(t), 2))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	const rest = ":2 Nops:0 Refused:0 Messages:2 Bytes:3 Heartbeats:0 Reads:"
	for want, err := range map[string]error{
		"Messages >= 3":      srv.WaitMessages(over, 3),
		"Commands >= 4":      srv.WaitCommands(over, 4),
		"Conns >= 2":         srv.WaitConns(over, 2),
		"what done asks for": srv.Wait(over, func(wiretest.Stats) bool { return false }),
	} {
		require.ErrorContains(t, err, "wiretest: waiting for "+want+": context canceled, at {Conns:1 Open:1 Commands:3 Publishes"+rest)
		require.ErrorContains(t, err, ", by topic map[a:1 b:1]")
	}
	srv.Close()
	require.ErrorContains(t, srv.WaitMessages(within(t), 3), "Messages >= 3: the server is closed, at {Conns:1 Open:0 Commands:3 Publishes"+rest)
}

func TestWaitInVainWithManyTopics(t *testing.T) {
	srv := newServer(t)
	c := dialMemory(t, srv)
	c.open("{}")
	for i := range 11 {
		c.send(pub(t, strconv.Itoa(i), "x"))
	}
	require.NoError(t, srv.WaitMessages(within(t), 11))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	require.Regexp(t, "}, in 11 topics$", srv.WaitMessages(over, 12))
}

// What is waited for may be anything that the server can tell.
func TestWaitForAnything(t *testing.T) {
	srv := newServer(t)
	results := make(chan error)
	for _, done := range []func() bool{
		func() bool { return srv.MessageCount("second") == 1 },
		func() bool { return len(srv.Messages()) == 2 && string(srv.Messages()[1].Body) == "2" },
		func() bool { return len(srv.Conns()) >= 2 && !srv.Conns()[0].Open },
	} {
		go func() { results <- srv.Wait(within(t), func(wiretest.Stats) bool { return done() }) }()
	}
	first, second := dialTCP(t, srv), dialTCP(t, srv)
	require.NoError(t, srv.WaitConns(within(t), 2))
	first.open("{}")
	first.send(pub(t, "first", "1"))
	require.NoError(t, srv.WaitMessages(within(t), 1))
	first.send(pub(t, "second", "2"))
	require.NoError(t, srv.WaitMessages(within(t), 2))
	first.Close()
	require.NoError(t, srv.Wait(within(t), func(s wiretest.Stats) bool { return s.Open == 1 }))
	for range 3 {
		require.NoError(t, <-results)
	}
	second.Close()
}

func TestWaitForUpgrades(t *testing.T) {
	for options, done := range map[string]func(wiretest.ConnStats) bool{
		asking("tls_v1"):  func(c wiretest.ConnStats) bool { return c.TLS != nil },
		asking("deflate"): func(c wiretest.ConnStats) bool { return c.Deflate == 6 },
	} {
		srv := upgrading(t)
		result := make(chan error)
		go func() {
			result <- srv.Wait(within(t), func(s wiretest.Stats) bool { return s.Conns == 1 && done(srv.Conns()[0]) })
		}()
		climb(t, dialTCP(t, srv).Conn, options, trusted().clientTLS())
		require.NoError(t, <-result)
	}
}

// A condition that fails the test, or panics, leaves the server as it was.
func TestWaitForWhatPanics(t *testing.T) {
	srv := newServer(t)
	require.PanicsWithValue(t, "mine", func() { srv.Wait(within(t), func(wiretest.Stats) bool { panic("mine") }) })
	c := dialMemory(t, srv)
	c.outlineOf(t, 1)
}

// A fault counts once it is in force: what holds up the connection before that, what comes to others after that.
func TestStruck(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		for name, fault := range map[string]func(wiretest.When) wiretest.Fault{
			"stall":        wiretest.When.Stall,
			"stop reading": wiretest.When.StopReading,
			"freeze":       wiretest.When.Freeze,
			"blackhole":    wiretest.When.Blackhole,
			"busy":         func(w wiretest.When) wiretest.Fault { return w.Busy(time.Hour) },
			"delay":        func(w wiretest.When) wiretest.Fault { return w.Delay(time.Hour) },
		} {
			t.Run(name, func(t *testing.T) {
				srv := newServer(t, fault(wiretest.OnPublish(2)))
				c := dial(srv)
				c.outlineOf(t, 1)
				require.Zero(t, srv.Stats().Struck)
				c.send(bytes.Repeat(pub(t, "t", "x"), 2))
				require.NoError(t, srv.Wait(within(t), func(s wiretest.Stats) bool { return s.Struck == 1 }))
			})
		}
	})
	var during, behind int
	var srv *wiretest.Server
	srv = newServer(t,
		wiretest.OnPublish(2).Do(func() { during = srv.Stats().Struck }),
		wiretest.OnPublish(2).Do(func() { behind = srv.Stats().Struck }),
		wiretest.OnByte(1).Do(func() {}), wiretest.OnAccept().Conn(2).Close())
	dialTCP(t, srv).outlineOf(t, 2)
	assert.Equal(t, []int{1, 2, 3}, []int{during, behind, srv.Stats().Struck})
}
