package actor_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// Whatever is published by whatever level arrives, with and without TLS, and leaves no error in nsqd's log.
func TestDeflate(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, a.Flags(here, time.Hour)...)
	for _, level := range []int{0, 1, 6, 9} {
		for _, secured := range []bool{false, true} {
			cfg := &actor.Config{}
			if secured {
				cfg = encrypted(a)
			}
			cfg.Deflate, cfg.DeflateLevel, cfg.FoldMessages = true, level, 256
			p := newProducer(t, nsqd.TCPAddr, cfg)
			topic := fmt.Sprintf("topic-%d-%v", level, secured)
			count := allSorts(t, p, topic)
			_, stats := nsqd.Get("/stats?format=json&topic=" + topic)
			require.Contains(t, stats, `"deflate":true`)
			require.Contains(t, stats, fmt.Sprintf(`"tls":%v`, secured))
			require.Equal(t, count, nsqd.MessageCount(topic))
			p.Stop()
			require.EqualValues(t, 1, p.Stats().Connections)
		}
	}
	nsqd.Terminate()
	require.NotContains(t, nsqd.Log(), "ERROR")
}

// The bodies come out as they went in.
func TestDeflatedBodies(t *testing.T) {
	leak.Check(t)
	nsqd := nsqdtest.Start(t, "-mem-queue-size=0")
	p := newProducer(t, nsqd.TCPAddr, &actor.Config{Deflate: true})
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprint(i, strings.Repeat("x", i*i*10)))
		require.NoError(t, p.Publish("topic", []byte(want[i])))
	}
	require.Equal(t, want, nsqd.ReadBack("topic"))
}

// An nsqd that does not compress takes the same publishes without.
func TestDeflateThatIsNotGranted(t *testing.T) {
	leak.Check(t)
	nsqd := nsqdtest.Start(t, "-deflate=false")
	p := newProducer(t, nsqd.TCPAddr, &actor.Config{Deflate: true})
	count := allSorts(t, p, "topic")
	require.Equal(t, count, nsqd.MessageCount("topic"))
	p.Stop()
	nsqd.Terminate()
	require.NotContains(t, nsqd.Log(), "ERROR")
}

// firstRead is a connection of which one hears what the first read brought: nsqd's answer to IDENTIFY.
type firstRead struct {
	net.Conn
	heard chan string // capacity 1
}

func (f firstRead) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	select {
	case f.heard <- string(b[:n]):
	default:
	}
	return n, err
}

// nsqd is asked for the level that is set, 6 if none is, and grants it up to its own limit.
func TestDeflateLevelIsAskedFor(t *testing.T) {
	leak.Check(t)
	for _, highest := range []int{3, 9} {
		nsqd := nsqdtest.Start(t, fmt.Sprint("-max-deflate-level=", highest))
		for level := range 10 {
			heard := make(chan string, 1)
			p := newProducer(t, nsqd.TCPAddr, &actor.Config{Deflate: true, DeflateLevel: level,
				Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := new(net.Dialer).DialContext(ctx, network, addr)
					return firstRead{conn, heard}, err
				}})
			require.NoError(t, p.Publish("topic", []byte("body")))
			asked := level
			if level == 0 {
				asked = 6
			}
			require.Contains(t, receive(t, heard), fmt.Sprintf(`"deflate_level":%d,`, min(asked, highest)))
			p.Stop()
		}
	}
}

// A higher level makes less of the same text.
func TestDeflateLevelIsUsed(t *testing.T) {
	leak.Check(t)
	body := []byte(strings.Repeat("What is said twice is said once and a little more. ", 40))
	for i := range body {
		body[i] ^= byte(i/100) & 1 // so that there is something to look for
	}
	var sizes []int64
	for _, level := range []int{1, 9} {
		srv := wiretest.Config{Deflate: true}.NewServer()
		p := newProducer(t, srv.Addr, &actor.Config{Deflate: true, DeflateLevel: level})
		require.NoError(t, p.Publish("topic", body))
		p.Stop()
		srv.Close()
		sizes = append(sizes, srv.Conns()[0].Bytes)
	}
	require.Less(t, sizes[1], sizes[0])
}
