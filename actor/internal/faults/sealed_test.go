package faults

import (
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// With TLS, compression or both, a path that is cut in the middle of whatever is under way, up or down, leaves every outcome
// true.
func TestCutsOfSealedConnections(t *testing.T) {
	a := authority.New(t)
	for _, with := range []struct {
		tls, deflate bool
		size         int // small where it is compressed to next to nothing
	}{{true, false, 3000}, {false, true, 100}, {true, true, 100}} {
		t.Run(fmt.Sprintf("TLS %v, deflate %v", with.tls, with.deflate), func(t *testing.T) {
			leak.Check(t)
			nsqd := nsqdtest.Start(t, a.Flags("127.0.0.1", time.Hour)...)
			cfg := config(t)
			cfg.Deflate = with.deflate
			if with.tls {
				cfg.TlsV1, cfg.TlsConfig = true, &tls.Config{RootCAs: a.Pool}
			}
			cutAgainAndAgain(t, nsqd, cfg, with.size, 20)
		})
	}
}
