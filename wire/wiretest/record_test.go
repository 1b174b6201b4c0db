package wiretest_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

func TestRecord(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		first := dial(srv)
		first.open(`{"client_id":"me"}`)
		require.Equal(t, ok, first.frame())
		raw := pub(t, "a", "one")
		raw = wire.AppendNop(raw)
		raw, err := wire.AppendMPub(raw, "b", [][]byte{[]byte("two"), []byte("three")})
		require.NoError(t, err)
		raw, err = wire.AppendDPub(raw, "a", 250*time.Millisecond, []byte("four"))
		require.NoError(t, err)
		first.send(raw)
		for range 3 {
			require.Equal(t, ok, first.frame())
		}
		second := dial(srv)
		second.open("{}")
		require.Equal(t, ok, second.frame())
		second.send(pub(t, "a", "five"))
		require.Equal(t, ok, second.frame())
		second.send([]byte("PUB a:b\n"))
		require.Contains(t, second.frame(), "E_BAD_TOPIC")

		require.Equal(t, []wiretest.Message{
			{Topic: "a", Body: []byte("one"), Command: "PUB", Conn: 1, Number: 2, Read: 2},
			{Topic: "b", Body: []byte("two"), Command: "MPUB", Conn: 1, Number: 4, Read: 2},
			{Topic: "b", Body: []byte("three"), Command: "MPUB", Index: 1, Conn: 1, Number: 4, Read: 2},
			{Topic: "a", Body: []byte("four"), Command: "DPUB", Delay: 250 * time.Millisecond, Conn: 1, Number: 5, Read: 2},
			{Topic: "a", Body: []byte("five"), Command: "PUB", Conn: 2, Number: 2, Read: 2},
		}, srv.Messages())
		assert.Equal(t, 3, srv.MessageCount("a"))
		assert.Equal(t, 2, srv.MessageCount("b"))
		assert.Zero(t, srv.MessageCount("c"))
		require.NoError(t, srv.Wait(within(t), func(s wiretest.Stats) bool { return s.Open == 1 }))
		assert.Equal(t, wiretest.Stats{Conns: 2, Open: 1, Commands: 8, Publishes: 4, Nops: 1, Refused: 1, Messages: 5, Bytes: 19, Reads: 5}, srv.Stats())
		conns := srv.Conns()
		require.Len(t, conns, 2)
		assert.Equal(t, "{}", string(conns[1].Identify))
		assert.False(t, conns[1].Open)
		assert.Contains(t, []int{0, 2}, conns[0].Writes, "counted in memory only")
		conns[0].Writes = 0
		assert.Equal(t, wiretest.ConnStats{Number: 1, Open: true, Identify: []byte(`{"client_id":"me"}`), Commands: 5, Nops: 1, Messages: 4,
			Reads: 2, Bytes: int64(len(wire.AppendIdentify([]byte(wire.Magic), []byte(`{"client_id":"me"}`))) + len(raw))}, conns[0])

		kept := srv.Messages()
		kept[0].Topic = "mine"
		assert.Equal(t, "a", srv.Messages()[0].Topic, "the caller gets copies")
	})
}

// A write of up to 64 KiB is taken by one read, whatever was pending.
func TestOneWriteIsOneRead(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := wiretest.NewServer()
		defer srv.Close()
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		srv.StopReading()
		all := bytes.Repeat(pub(t, "t", strings.Repeat("x", 128)), 400)
		c.send(all)
		srv.Resume()
		for range 400 {
			require.Equal(t, ok, c.frame())
		}
		messages := srv.Messages()
		require.Len(t, messages, 400)
		for _, m := range messages {
			require.Equal(t, 2, m.Read)
		}
		require.Equal(t, 2, srv.Conns()[0].Reads)
		require.EqualValues(t, len(all), srv.Conns()[0].Bytes-int64(len(wire.AppendIdentify([]byte(wire.Magic), []byte("{}")))))
	})
}

func TestDiscard(t *testing.T) {
	srv := wiretest.Config{Discard: true, AnswerEach: true}.NewServer()
	defer srv.Close()
	c := dialTCP(t, srv)
	c.outlineOf(t, 10)
	require.Empty(t, srv.Messages())
	require.Equal(t, 10, srv.Stats().Messages)
	require.Equal(t, 10, srv.MessageCount("t"))
}

// Messages larger than every buffer, and cut anywhere, arrive as they were.
func TestRecordBodies(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := newServer(t)
		c := dial(srv)
		c.open("{}")
		require.Equal(t, ok, c.frame())
		var want []string
		var raw []byte
		for i := range 40 {
			want = append(want, strings.Repeat(string(rune('a'+i%26)), 1+i*i*i))
			raw = append(raw, pub(t, "t", want[i])...)
		}
		go func() {
			for len(raw) > 0 {
				n := min(len(raw), 1777)
				if _, err := c.Write(raw[:n]); err != nil {
					return
				}
				raw = raw[n:]
			}
		}()
		for range want {
			require.Equal(t, ok, c.frame())
		}
		for i, m := range srv.Messages() {
			require.Equal(t, want[i], string(m.Body))
		}
	})
}
