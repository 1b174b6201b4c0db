package faults

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest/link"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// With TLS, compression or both, a path that is cut in the middle of whatever is under way, up or down, leaves every outcome
// true.
func TestCutsOfSealedConnections(t *testing.T) {
	a := authority.New(t)
	for _, with := range []struct{ tls, deflate bool }{{true, false}, {false, true}, {true, true}} {
		t.Run(fmt.Sprintf("TLS %v, deflate %v", with.tls, with.deflate), func(t *testing.T) {
			leak.Check(t)
			const topic, cuts = "cut", 20
			nsqd := nsqdtest.Start(t, a.Flags("127.0.0.1", time.Hour)...)
			path := linkTo(t, nsqd)
			cfg := config(t)
			cfg.Deflate = with.deflate
			if with.tls {
				cfg.TlsV1, cfg.TlsConfig = true, &tls.Config{RootCAs: a.Pool}
			}
			l := newLoad(t, path.Addr, topic, cfg)
			l.size = 3000
			l.callers(16, l.publish)
			l.batches(2, 30)
			l.async(64, 64)
			for i := range cuts {
				l.progress(t, 100)
				if i%2 == 0 {
					path.LimitUp(rand.N(100_000), link.Reset.Once())
				} else {
					path.LimitDown(rand.N(1000), link.Reset.Once())
				}
				waitFor(t, path, func(s link.Stats) bool { return s.Struck == i+1 })
			}
			l.progress(t, 100)
			l.finish(t)
			require.Greater(t, l.Stats().Connections, uint64(cuts/2))
			l.book.check(t, nsqd.ReadBack(topic), cfg.RetryUnknown)
			t.Log(l.Stats().Connections, l.book.counts())
		})
	}
}
