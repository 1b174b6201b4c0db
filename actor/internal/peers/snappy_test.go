package peers

import (
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// snappily is a Config for snappy as its documentation says.
func snappily() *actor.Config {
	cfg := actor.NewConfig()
	cfg.Snappy = true
	cfg.SnappyReader = func(r io.Reader) io.Reader { return snappy.NewReader(r) }
	cfg.SnappyWriter = func(w io.Writer) actor.WriteFlusher { return snappy.NewBufferedWriter(w) }
	return cfg
}

// Small, large and incompressible bodies arrive, with and without TLS, and nsqd has nothing to complain about.
func TestSnappy(t *testing.T) {
	a := authority.New(t)
	nsqd := nsqdtest.Start(t, a.Flags("127.0.0.1", time.Hour)...)
	for _, secured := range []bool{false, true} {
		cfg := snappily()
		if secured {
			cfg.TlsV1, cfg.TlsConfig = true, &tls.Config{RootCAs: a.Pool}
		}
		p, err := actor.NewProducer(nsqd.TCPAddr, cfg)
		require.NoError(t, err)
		topic := fmt.Sprint("topic-", secured)
		done := make(chan *actor.Transaction, 1000)
		sizes := []int{1, 100, 16 << 10, 64 << 10, 64<<10 + 1, 1 << 20}
		for range 100 {
			for _, size := range sizes[:2] {
				require.NoError(t, p.PublishAsync(topic, make([]byte, size), done))
			}
		}
		noise := make([]byte, 1<<20)
		rand.NewChaCha8([32]byte{}).Read(noise)
		for _, size := range sizes {
			require.NoError(t, p.PublishAsync(topic, make([]byte, size), done))
			require.NoError(t, p.PublishAsync(topic, noise[:size], done))
		}
		const count = 200 + 12
		for range count {
			select {
			case result := <-done:
				require.NoError(t, result.Error)
			case <-time.After(30 * time.Second):
				require.FailNow(t, "no result")
			}
		}
		_, stats := nsqd.Get("/stats?format=json&topic=" + topic)
		require.Contains(t, stats, `"snappy":true`)
		require.EqualValues(t, count, nsqd.MessageCount(topic))
		p.Stop()
		require.EqualValues(t, 1, p.Stats().Connections)
	}
	nsqd.Terminate()
	require.NotContains(t, nsqd.Log(), "ERROR")
}

// The bodies come out as they went in.
func TestSnappyBodies(t *testing.T) {
	nsqd := nsqdtest.Start(t, "-mem-queue-size=0")
	p, err := actor.NewProducer(nsqd.TCPAddr, snappily())
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("%*d", 1+i*1000, i))
		require.NoError(t, p.Publish("topic", []byte(want[i])))
	}
	require.Equal(t, want, nsqd.ReadBack("topic"))
}

// An nsqd that does not compress takes the same publishes without.
func TestSnappyThatIsNotGranted(t *testing.T) {
	nsqd := nsqdtest.Start(t, "-snappy=false")
	p, err := actor.NewProducer(nsqd.TCPAddr, snappily())
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	require.NoError(t, p.Publish("topic", []byte("body")))
	require.EqualValues(t, 1, nsqd.MessageCount("topic"))
}
