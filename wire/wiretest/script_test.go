package wiretest_test

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// outline is what a client gets that sends IDENTIFY, three publishes and a NOP in one write: a word a frame, and how it ended.
// Once the wanted words are there, it waits no longer than it takes to be fairly sure that nothing else comes.
func (c *client) outline(want string) string {
	raw := wire.AppendIdentify([]byte(wire.Magic), []byte("{}"))
	for range 3 {
		raw = append(raw, pub(c.t, "t", "x")...)
	}
	c.Write(wire.AppendNop(raw)) // a server that closes early may make it fail
	return c.rest(want)
}

func (c *client) rest(want string) string {
	var words []string
	for {
		if want == strings.TrimSpace(strings.Join(words, " ")+" silence") {
			require.NoError(c.t, c.SetReadDeadline(time.Now().Add(40*time.Millisecond)))
		}
		f, err := c.frames.Next()
		switch {
		case err == nil:
			words = append(words, string(f.Data))
			continue
		case err == io.EOF:
			words = append(words, "end")
		case timeout(err):
			words = append(words, "silence")
		case assert.ErrorIs(c.t, err, syscall.ECONNRESET):
			words = append(words, "reset")
		}
		return strings.Join(words, " ")
	}
}

func timeout(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		faults []wiretest.Fault
		want   string // of the first connection
		second string // of the one after it; the same if empty
		stored int    // by both
	}{
		"none":             {nil, "OK OK OK OK silence", "", 6},
		"error":            {faults(wiretest.OnPublish(2).Error("E_X", "why")), "OK OK E_X why end", "", 2},
		"error, no text":   {faults(wiretest.OnPublish(2).Error("E_X", "")), "OK OK E_X end", "", 2},
		"error, one conn":  {faults(wiretest.OnPublish(2).Conn(1).Error("E_X", "")), "OK OK E_X end", "OK OK OK OK silence", 4},
		"error, overall":   {faults(wiretest.OnPublish(4).Overall().Error("E_X", "")), "OK OK OK OK silence", "OK E_X end", 3},
		"error, topic":     {faults(wiretest.OnPublish(1).Topic("u").Error("E_X", "")), "OK OK OK OK silence", "", 6},
		"error, IDENTIFY":  {faults(wiretest.OnIdentify().Error("E_BAD_BODY", "no")), "E_BAD_BODY no end", "", 0},
		"error, accept":    {faults(wiretest.OnAccept().Error("E_X", "")), "E_X end", "", 0},
		"error, behind":    {faults(wiretest.OnPublish(1).Answered().Error("E_X", "")), "OK OK E_X end", "", 2},
		"error, delayed":   {faults(wiretest.OnPublish(1).Delay(time.Millisecond), wiretest.OnPublish(2).Error("E_X", "")), "OK OK E_X end", "", 2},
		"error, NOP":       {faults(wiretest.OnCommand(5).Error("E_X", "")), "OK OK OK OK E_X end", "", 6},
		"close":            {faults(wiretest.OnPublish(2).Close()), "OK OK end", "", 2},
		"close, answered":  {faults(wiretest.OnPublish(2).Answered().Close()), "OK OK OK end", "", 4},
		"close, IDENTIFY":  {faults(wiretest.OnIdentify().Close()), "end", "", 0},
		"close, handshake": {faults(wiretest.OnIdentify().Answered().Close()), "OK end", "", 0},
		"close, accept":    {faults(wiretest.OnAccept().Close()), "end", "", 0},
		"reset":            {faults(wiretest.OnPublish(2).Reset()), "OK OK reset", "", 2},
		"reset, answered":  {faults(wiretest.OnPublish(2).Answered().Reset()), "OK OK OK reset", "", 4},
		"reset, delayed":   {faults(wiretest.OnPublish(2).Delay(time.Millisecond), wiretest.OnPublish(2).Answered().Reset()), "OK OK OK reset", "", 4},
		"bytes, whole":     {faults(wiretest.OnByte(2 * 11).Reset()), "OK OK OK reset", "", 4},
		"bytes, partly":    {faults(wiretest.OnByte(2*11 - 1).Reset()), "OK OK reset", "", 2},
		"bytes, go on":     {faults(wiretest.OnByte(11 + 5).Send(wire.AppendOK(nil))), "OK OK OK OK OK silence", "", 6},
		"silence":          {faults(wiretest.OnPublish(2).Silence()), "OK OK OK silence", "", 6},
		"ignore":           {faults(wiretest.OnPublish(2).Ignore()), "OK OK OK silence", "", 4},
		"through":          {faults(wiretest.OnPublish(2).Through(3).Ignore()), "OK OK silence", "", 2},
		"every":            {faults(wiretest.OnPublish(wiretest.Every).Ignore()), "OK silence", "", 0},
		"every, overall":   {faults(wiretest.OnPublish(wiretest.Every).Overall().Silence()), "OK silence", "", 6},
		"answer":           {faults(wiretest.OnPublish(2).Answer(wire.AppendFrame(nil, wire.FrameResponse, "NO"))), "OK OK NO OK silence", "", 6},
		"answer, nothing":  {faults(wiretest.OnPublish(2).Answer(nil)), "OK OK OK silence", "", 6},
		"send":             {faults(wiretest.OnPublish(2).Send(wire.AppendFrame(nil, wire.FrameResponse, "1"))), "OK OK 1 OK OK silence", "", 6},
		"send, answered":   {faults(wiretest.OnPublish(2).Answered().Send(wire.AppendFrame(nil, wire.FrameResponse, "1"))), "OK OK OK 1 OK silence", "", 6},
		"heartbeats": {faults(wiretest.OnAccept().Heartbeat(), wiretest.OnIdentify().Heartbeat(), wiretest.OnIdentify().Answered().Heartbeat()),
			"_heartbeat_ _heartbeat_ OK _heartbeat_ OK OK OK silence", "", 6},
		"delay, in order": {faults(wiretest.OnPublish(1).Delay(20*time.Millisecond), wiretest.OnPublish(1).Answer(wire.AppendFrame(nil, wire.FrameResponse, "late"))),
			"OK late OK OK silence", "", 6},
		"stall":        {faults(wiretest.OnPublish(2).Stall()), "OK OK silence", "", 6},
		"stop reading": {faults(wiretest.OnPublish(2).StopReading()), "OK OK OK OK silence", "", 6},
		"freeze":       {faults(wiretest.OnPublish(2).Freeze()), "OK OK silence", "", 2},
		"freeze first": {faults(wiretest.OnAccept().Freeze()), "silence", "", 0},
		"blackhole":    {faults(wiretest.OnPublish(2).Blackhole()), "OK OK silence", "", 2},
		"split":        {faults(wiretest.OnAccept().Split(1)), "OK OK OK OK silence", "", 6},
		"if":           {faults(wiretest.OnPublish(1).If(func(c wiretest.Command) bool { return c.Bytes == 1 && c.Messages == 1 && c.Name == "PUB" }).Ignore()), "OK OK OK silence", "", 4},
		"two at once":  {faults(wiretest.OnPublish(1).Silence(), wiretest.OnPublish(1).Answered().Close()), "OK end", "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
				srv := newServer(t, c.faults...)
				for i, want := range []string{c.want, c.second} {
					if want == "" {
						want = c.want
					}
					got := dial(srv).outline(want)
					if strings.HasSuffix(want, "end") { // whether a close is a reset depends on what was unread then
						got = strings.Replace(got, "reset", "end", 1)
					}
					assert.Equalf(t, want, got, "connection %d", i+1)
				}
				assert.Equal(t, c.stored, srv.MessageCount("t"))
			})
		})
	}
}

func faults(all ...wiretest.Fault) []wiretest.Fault { return all }

// Splitting is by write, so that in memory each read gives a piece. (A system may join what arrives by TCP.)
func TestSplit(t *testing.T) {
	srv := newServer(t, wiretest.OnIdentify().Answered().Split(3))
	c := dialMemory(t, srv)
	c.open("{}")
	require.Equal(t, ok, c.frame())
	c.send(pub(t, "t", "x"))
	var sizes []int
	for total := 0; total < 10; {
		n, err := c.Read(make([]byte, 100))
		require.NoError(t, err)
		total += n
		sizes = append(sizes, n)
	}
	require.Equal(t, []int{3, 3, 3, 1}, sizes)
}

func TestDelayIsAPath(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		const delay = 50 * time.Millisecond
		srv := newServer(t, wiretest.OnPublish(wiretest.Every).Delay(delay))
		c := dial(srv)
		began := time.Now()
		c.outlineOf(t, 20)
		took := time.Since(began)
		assert.GreaterOrEqual(t, took, delay)
		assert.Less(t, took, 18*delay, "answers are delayed side by side")
	})
}

func TestBusyIsAServer(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		const busy = 10 * time.Millisecond
		srv := newServer(t, wiretest.OnPublish(wiretest.Every).Busy(busy))
		c := dial(srv)
		began := time.Now()
		c.outlineOf(t, 5)
		assert.GreaterOrEqual(t, time.Since(began), 5*busy, "one command after the other")
	})
}

// outlineOf publishes n times in one write and takes the answers.
func (c *client) outlineOf(t *testing.T, n int) {
	c.open("{}")
	c.send(bytes.Repeat(pub(t, "t", "x"), n))
	for range n + 1 {
		require.Equal(t, ok, c.frame())
	}
}

// What a server says that is not nsqd, or is out of its mind.
func TestRawAnswers(t *testing.T) {
	const http = "HTTP/1.1 400 Bad Request\r\n\r\n"
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t,
			wiretest.OnAccept().Conn(1).Send([]byte(http)), wiretest.OnAccept().Conn(1).Close(),
			wiretest.OnIdentify().Conn(2).Answer([]byte(int32s(0x7fffffff, 0))), wiretest.OnIdentify().Conn(2).Answered().Close(),
			wiretest.OnPublish(1).Conn(3).Answer(wire.AppendFrame(nil, wire.FrameMessage, "m")),
		)
		raw, err := io.ReadAll(dial(srv))
		require.NoError(t, err)
		require.Equal(t, http, string(raw))
		c := dial(srv)
		c.open("{}")
		raw, err = io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, int32s(0x7fffffff, 0), string(raw))
		require.Equal(t, "OK m OK OK silence", dial(srv).outline("OK m OK OK silence"))
	})
}

func TestDo(t *testing.T) {
	var srv *wiretest.Server
	var called atomic.Int32
	srv = newServer(t, wiretest.OnPublish(2).Do(func() {
		called.Add(1)
		srv.Stall()
	}))
	c := dialTCP(t, srv)
	require.Equal(t, "OK OK silence", c.outline("OK OK silence"))
	require.EqualValues(t, 1, called.Load())
}

func TestAdd(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.outlineOf(t, 3)
		srv.Add(wiretest.OnPublish(2).Error("E_X", ""))
		c.send(bytes.Repeat(pub(t, "t", "x"), 3))
		require.Equal(t, "OK E_X end", strings.Replace(c.rest("OK E_X end"), "reset", "end", 1), "it counts from now")
		c = dial(srv)
		require.Equal(t, "OK OK E_X end", strings.Replace(c.outline(""), "reset", "end", 1), "on connections to come too")
	})
}

func TestBlackholeReads(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t, wiretest.OnIdentify().Blackhole())
		c := dial(srv)
		c.open("{}")
		c.send(make([]byte, 32<<20)) // far more than any buffer
		srv.Heartbeat()              // only on request
		require.Equal(t, "response _heartbeat_", c.frame())
		srv.CloseAll()
		require.NoError(t, srv.Wait(within(t), func(s wiretest.Stats) bool { return s.Open == 0 }))
	})
}
