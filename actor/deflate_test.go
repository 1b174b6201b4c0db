package actor_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
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
