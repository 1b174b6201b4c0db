package wiretest_test

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// upgrading returns a server that grants all that is asked for.
func upgrading(t *testing.T, faults ...wiretest.Fault) *wiretest.Server {
	srv := wiretest.Config{TLS: trusted().serverTLS(), Deflate: true, Snappy: stored, Faults: faults}.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

// combinations are all that a client can ask for, with the number of OKs that confirm it.
var combinations = map[string]struct {
	options string
	oks     int
}{
	"TLS":          {asking("tls_v1"), 1},
	"deflate":      {asking("deflate"), 1},
	"snappy":       {asking("snappy"), 1},
	"TLS, deflate": {asking("tls_v1", "deflate", "deflate_level:1"), 2},
	"TLS, snappy":  {asking("tls_v1", "snappy"), 2},
}

// However the server's bytes are cut, those of the connection and not those of the protocol, and with heartbeats between any two
// frames, a client gets through.
func TestUpgradeInPieces(t *testing.T) {
	const pieces = 60
	everywhere := []wiretest.Fault{wiretest.OnAccept().Heartbeat()}
	for _, when := range []wiretest.When{wiretest.OnIdentify(), wiretest.OnTLS(), wiretest.OnCompression(), wiretest.OnAuth()} {
		everywhere = append(everywhere, when.Heartbeat(), when.Answered().Heartbeat())
	}
	for n := 1; n < pieces; n++ {
		everywhere = append(everywhere, wiretest.OnAccept().Conn(n).Split(n))
	}
	for name, c := range combinations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := wiretest.Config{TLS: trusted().serverTLS(), Deflate: true, Snappy: stored, AuthSecret: "s", Faults: everywhere}.NewServer()
			defer srv.Close()
			config := trusted().clientTLS()
			config.ClientSessionCache = tls.NewLRUClientSessionCache(0) // shorter handshakes
			for range pieces {
				client := climb(t, dialMemory(t, srv).Conn, c.options, config)
				client.send("AUTH\n" + sized("s") + "PUB t\n" + sized("x"))
				client.expect(`response {"identity":"wiretest","identity_url":"","permission_count":1}`, ok)
				require.Equal(t, 5+2*c.oks, client.beats)
				client.raw.Close()
			}
			require.Equal(t, pieces, srv.MessageCount("t"))
		})
	}
}

// Every single place at which the stream can be cut in two, from IDENTIFY's answer to what comes through the compression.
func TestUpgradeCutAnywhere(t *testing.T) {
	for _, name := range []string{"deflate", "snappy"} {
		srv := upgrading(t)
		client := climb(t, dialMemory(t, srv).Conn, combinations[name].options, nil)
		client.send("PUB t\n" + sized("x"))
		client.expect(ok)
		for at := 1; at < len(granted)+60; at++ {
			srv.Add(wiretest.OnAccept().Conn(at + 1).Split(at))
			client := climb(t, dialMemory(t, srv).Conn, combinations[name].options, nil)
			client.send("PUB t\n" + sized("x"))
			client.expect(ok)
			client.raw.Close()
		}
	}
}

// The first bytes of a compression come with what was said before it, which is the worst for a client that reads ahead.
func TestUpgradeInOneRead(t *testing.T) {
	srv := upgrading(t)
	for _, name := range []string{"deflate", "snappy"} {
		nc := dialMemory(t, srv).Conn
		_, err := io.WriteString(nc, wire.Magic+identify(combinations[name].options))
		require.NoError(t, err)
		read := make([]byte, 4096)
		n, err := nc.Read(read)
		require.NoError(t, err)
		text := string(read[:n])
		answer, err := readFrame(strings.NewReader(text))
		require.NoError(t, err)
		c := &climber{t: t, raw: nc}
		c.reads(&tap{Conn: nc})
		c.read.Reset(strings.NewReader(text[8+len(answer)-len("response "):]))
		c.compress(name == "snappy")
		c.expect(ok)
	}
	c, _ := start(t, dialMemory(t, srv).Conn, combinations["TLS, deflate"].options)
	require.NoError(t, c.encrypt(trusted().clientTLS()))
	record := make([]byte, 4096)
	n, err := c.tls.Read(record)
	require.NoError(t, err)
	require.Greater(t, n, len(wire.AppendOK(nil)), "both OKs in one record")
}

// story tells what becomes of a client that asks for TLS and a compression and then publishes twice: a word for each step.
func story(t *testing.T, nc net.Conn, want string) string {
	var words []string
	tell := func(word string) {
		words = append(words, word)
		if want == strings.Join(words, " ")+" silence" {
			require.NoError(t, nc.SetReadDeadline(time.Now().Add(40*time.Millisecond)))
		}
	}
	over := func(err error) string {
		word := "end"
		if timeout(err) {
			word = "silence"
		} else if strings.Contains(err.Error(), "does not look like a TLS") {
			word = "garbage"
		}
		return strings.TrimSpace(strings.Join(words, " ") + " " + word)
	}
	c := &climber{t: t, raw: nc}
	c.reads(nc)
	if want == "silence" {
		require.NoError(t, nc.SetReadDeadline(time.Now().Add(40*time.Millisecond)))
	}
	_, err := io.WriteString(nc, wire.Magic+identify(combinations["TLS, deflate"].options))
	require.NoError(t, err)
	frame := func() error {
		frame, err := c.next()
		if err == nil {
			_, word, _ := strings.Cut(frame, " ")
			if strings.HasPrefix(word, "{") {
				word = "JSON"
			}
			tell(word)
		}
		return err
	}
	if err := frame(); err != nil {
		return over(err)
	}
	if err := c.encrypt(trusted().clientTLS()); err != nil {
		return over(err)
	}
	tell("TLS")
	if err := frame(); err != nil {
		return over(err)
	}
	c.compress(false)
	io.WriteString(c.w, strings.Repeat("PUB t\n"+sized("x"), 2))
	c.w.Flush()
	for {
		if err := frame(); err != nil {
			return over(err)
		}
	}
}

func TestUpgradeFaults(t *testing.T) {
	for name, c := range map[string]struct {
		faults []wiretest.Fault
		want   string
		stored int
	}{
		"none":                   {nil, "JSON TLS OK OK OK OK silence", 2},
		"IDENTIFY ignored":       {faults(wiretest.OnIdentify().Ignore()), "silence", 0},
		"IDENTIFY refused":       {faults(wiretest.OnIdentify().Error("E_X", "")), "E_X end", 0},
		"TLS hangs":              {faults(wiretest.OnIdentify().Answered().Blackhole()), "JSON silence", 0},
		"TLS hangs, frozen":      {faults(wiretest.OnIdentify().Answered().Freeze()), "JSON silence", 0},
		"TLS hangs, not reading": {faults(wiretest.OnIdentify().Answered().StopReading()), "JSON silence", 0},
		"TLS hangs, stalled":     {faults(wiretest.OnIdentify().Answered().Stall()), "JSON silence", 0},
		"TLS hangs, busy":        {faults(wiretest.OnIdentify().Answered().Busy(time.Hour)), "JSON silence", 0},
		"garbage instead of TLS": {faults(wiretest.OnIdentify().Answered().Send([]byte("garbage")),
			wiretest.OnIdentify().Answered().Blackhole()), "JSON garbage", 0},
		"closes instead of TLS":   {faults(wiretest.OnIdentify().Answered().Close()), "JSON end", 0},
		"resets instead of TLS":   {faults(wiretest.OnIdentify().Answered().Reset()), "JSON end", 0},
		"answer delayed":          {faults(wiretest.OnIdentify().Delay(10 * time.Millisecond)), "JSON TLS OK OK OK OK silence", 2},
		"TLS, no OK":              {faults(wiretest.OnTLS().Silence(), wiretest.OnTLS().Answered().Blackhole()), "JSON TLS silence", 0},
		"TLS, OK ignored":         {faults(wiretest.OnTLS().Ignore(), wiretest.OnTLS().Answered().Freeze()), "JSON TLS silence", 0},
		"TLS, refused":            {faults(wiretest.OnTLS().Error("E_X", "")), "JSON TLS E_X end", 0},
		"TLS, NO":                 {faults(wiretest.OnTLS().Answer(wire.AppendFrame(nil, wire.FrameResponse, "NO"))), "JSON TLS NO OK OK OK silence", 2},
		"TLS, closes":             {faults(wiretest.OnTLS().Close()), "JSON TLS end", 0},
		"TLS, closes, answered":   {faults(wiretest.OnTLS().Answered().Close()), "JSON TLS OK end", 0},
		"TLS, OK delayed":         {faults(wiretest.OnTLS().Delay(10 * time.Millisecond)), "JSON TLS OK OK OK OK silence", 2},
		"TLS, stalled":            {faults(wiretest.OnTLS().Stall()), "JSON TLS silence", 0},
		"TLS, topic is no matter": {faults(wiretest.OnTLS().Topic("t").Close()), "JSON TLS OK OK OK OK silence", 2},
		"compression, no OK": {faults(wiretest.OnCompression().Silence(), wiretest.OnCompression().Answered().Blackhole()),
			"JSON TLS OK silence", 0},
		"compression, refused": {faults(wiretest.OnCompression().Error("E_X", "")), "JSON TLS OK E_X end", 0},
		"compression, garbage": {faults(wiretest.OnTLS().Answered().Send([]byte("\xff\xff\xff\xff")),
			wiretest.OnCompression().Blackhole()), "JSON TLS OK end", 0},
		"compression, closes":     {faults(wiretest.OnCompression().Close()), "JSON TLS OK end", 0},
		"compression, resets":     {faults(wiretest.OnCompression().Answered().Reset()), "JSON TLS OK OK end", 0},
		"compression, blackhole":  {faults(wiretest.OnCompression().Answered().Blackhole()), "JSON TLS OK OK silence", 0},
		"compression, OK delayed": {faults(wiretest.OnCompression().Delay(10 * time.Millisecond)), "JSON TLS OK OK OK OK silence", 2},
		"no commands":             {faults(wiretest.OnCommand(2).Error("E_X", "")), "JSON TLS OK OK E_X end", 0},
		"PUB refused":             {faults(wiretest.OnPublish(2).Error("E_X", "")), "JSON TLS OK OK OK E_X end", 1},
		"PUB delayed":             {faults(wiretest.OnPublish(1).Delay(10 * time.Millisecond)), "JSON TLS OK OK OK OK silence", 2},
		"PUB, more answers":       {faults(wiretest.OnPublish(1).Send(wire.AppendOK(nil))), "JSON TLS OK OK OK OK OK silence", 2},
		"bytes, whole":            {faults(wiretest.OnByte(2 * 11).Reset()), "JSON TLS OK OK OK OK end", 2},
		"bytes, partly":           {faults(wiretest.OnByte(2*11 - 1).Reset()), "JSON TLS OK OK OK end", 1},
		"bytes, of one":           {faults(wiretest.OnByte(11).Close()), "JSON TLS OK OK OK end", 1},
		"bytes, more than come":   {faults(wiretest.OnByte(2*11 + 1).Close()), "JSON TLS OK OK OK OK silence", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
				srv := upgrading(t, c.faults...)
				assert.Equal(t, c.want, story(t, dial(srv).Conn, c.want))
				assert.Equal(t, c.stored, srv.MessageCount("t"))
			})
		})
	}
}

// What a server without TLS may say of TLS, without having it.
func TestUpgradeOnlyPromised(t *testing.T) {
	promise := wire.AppendFrame(nil, wire.FrameResponse, `{"tls_v1":true}`)
	srv := newServer(t, wiretest.OnIdentify().Ignore(), wiretest.OnIdentify().Answer(promise))
	c, granted := start(t, dialMemory(t, srv).Conn, asking("tls_v1"))
	require.True(t, granted.TLSv1)
	require.Error(t, c.encrypt(trusted().clientTLS()))
}

func TestUpgradeRecord(t *testing.T) {
	onBoth(t, func(t *testing.T, dial func(*wiretest.Server) *client) {
		srv := upgrading(t)
		config := trusted().clientTLS()
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		for _, options := range []string{
			asking("tls_v1", "deflate", "deflate_level:9"), asking("tls_v1", "snappy"), asking("deflate", "deflate_level:2"), asking(),
		} {
			c := climb(t, dial(srv).Conn, options, config)
			c.send("PUB t\n" + sized(strings.Repeat("x", 10_000)))
			c.expect(ok)
		}
		conns := srv.Conns()
		require.Len(t, conns, 4)
		require.NotNil(t, conns[0].TLS)
		require.NotNil(t, conns[1].TLS)
		assert.EqualValues(t, tls.VersionTLS13, conns[0].TLS.Version)
		assert.False(t, conns[0].TLS.DidResume)
		assert.True(t, conns[1].TLS.DidResume)
		for i, want := range []wiretest.ConnStats{{Deflate: 6}, {Snappy: true}, {Deflate: 2}, {}} {
			assert.Equal(t, want.Deflate, conns[i].Deflate)
			assert.Equal(t, want.Snappy, conns[i].Snappy)
		}
		assert.Nil(t, conns[2].TLS)
		assert.Nil(t, conns[3].TLS)
		assert.Less(t, conns[2].Bytes, int64(1000), "the socket's bytes, not the protocol's")
		assert.EqualValues(t, 40_000, srv.Stats().Bytes)
	})
}

func TestTLSRequiredNeedsTLS(t *testing.T) {
	require.Panics(t, func() { wiretest.Config{TLSRequired: true}.NewServer() })
}

// Bytes that an upgrade loses are none of those that OnByte counts.
func TestOnByteBehindLostBytes(t *testing.T) {
	srv := upgrading(t, wiretest.OnByte(2*11).Reset())
	nc := dialMemory(t, srv).Conn
	_, err := io.WriteString(nc, wire.Magic+identify(asking("deflate"))+strings.Repeat("lost", 100))
	require.NoError(t, err)
	c := &climber{t: t, raw: nc}
	c.reads(nc)
	_, err = c.next()
	require.NoError(t, err)
	c.compress(false)
	c.expect(ok)
	c.send("PUB t\n" + sized("x"))
	c.expect(ok)
	c.send("PUB t\n" + sized("x"))
	c.expect(ok)
	c.ends()
}

// A blackhole takes what no layer would.
func TestUpgradedBlackholeTakesAnything(t *testing.T) {
	for name, asked := range combinations {
		srv := upgrading(t, wiretest.OnCommand(2).Blackhole())
		c := climb(t, dialMemory(t, srv).Conn, asked.options, trusted().clientTLS())
		c.send("NOP\n")
		require.NoError(t, srv.WaitCommands(within(t), 2))
		_, err := c.raw.Write(make([]byte, 1<<20)) // more than any buffer
		require.NoError(t, err, name)
		require.NoError(t, c.raw.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
		_, err = c.raw.Read(make([]byte, 1))
		require.True(t, timeout(err), name)
	}
}
