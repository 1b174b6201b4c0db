package wiretest_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
)

// An ascent is a fact about a connection with upgrades. As rows do, it holds of the double and of a real nsqd.
type ascent struct {
	name   string
	server setting
	check  func(t *testing.T, nc net.Conn, topic string)
	stored int
}

func TestConformanceUpgrades(t *testing.T) {
	t.Parallel()
	for subject, start := range subjects {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			started := make(map[setting]func(t *testing.T) peer)
			for i, a := range append(ascents, failedAscents...) {
				if started[a.server] == nil {
					p := start(t, a.server)(nil)
					started[a.server] = func(*testing.T) peer { return p }
				}
				p := started[a.server](t)
				t.Run(string(a.server)+"/"+a.name, func(t *testing.T) {
					nc := p.dial(t)
					defer nc.Close()
					require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
					topic := fmt.Sprintf("ascent_%d", i)
					a.check(t, nc, topic)
					assert.Equal(t, a.stored, p.count(topic), "messages stored")
				})
			}
		})
	}
}

// asking is an IDENTIFY's options with these upgrades.
func asking(upgrades ...string) string {
	options := `{"feature_negotiation":true`
	for _, u := range upgrades {
		if !strings.Contains(u, ":") {
			u += ":true"
		}
		name, value, _ := strings.Cut(u, ":")
		options += fmt.Sprintf(",%q:%s", name, value)
	}
	return options + "}"
}

func only(version uint16) *tls.Config {
	config := trusted().clientTLS()
	config.MinVersion, config.MaxVersion = version, version
	return config
}

// publishes returns a check that publishes behind these upgrades: short and large messages, and what nsqd refuses.
func publishes(config *tls.Config, upgrades ...string) func(*testing.T, net.Conn, string) {
	return func(t *testing.T, nc net.Conn, topic string) {
		c := climb(t, nc, asking(upgrades...), config)
		c.send("PUB " + topic + "\n" + sized("x") + "NOP\n" + "DPUB " + topic + " 1\n" + sized("x"))
		c.expect(ok, ok)
		c.send("PUB " + topic + "\n" + sized(strings.Repeat("large", 50_000)))
		c.expect(ok)
		c.send("MPUB " + topic + "\n" + batch("x", "y", "z") + "PUB a:b\n" + sized("x") + "PUB " + topic + "\n" + sized("behind"))
		c.expect(ok, `error E_BAD_TOPIC PUB topic name "a:b" is not valid`)
		c.ends()
	}
}

// granting returns a check of what IDENTIFY answers.
func granting(want string, upgrades ...string) func(*testing.T, net.Conn, string) {
	return func(t *testing.T, nc net.Conn, topic string) {
		_, err := io.WriteString(nc, wire.Magic+identify(asking(upgrades...)))
		require.NoError(t, err)
		frame, err := readFrame(nc)
		require.NoError(t, err)
		require.Equal(t, want, frame)
	}
}

const (
	deflated = `"deflate":false`
	level    = `"deflate_level":6`
	squashed = `"snappy":false`
)

var ascents = []ascent{
	{"grants TLS", withTLS, granting(grantedBut(`"tls_v1":false`, `"tls_v1":true`), "tls_v1"), 0},
	{"grants deflate", compressing, granting(grantedBut(deflated, `"deflate":true`), "deflate"), 0},
	{"grants deflate of level 1", compressing,
		granting(grantedBut(deflated, `"deflate":true`, level, `"deflate_level":1`), "deflate", "deflate_level:1"), 0},
	{"grants deflate of level 6", compressing, granting(grantedBut(deflated, `"deflate":true`), "deflate", "deflate_level:6"), 0},
	{"grants deflate of level 6 at most", compressing, granting(grantedBut(deflated, `"deflate":true`), "deflate", "deflate_level:9"), 0},
	{"grants deflate of level 6 for a level below 1", compressing,
		granting(grantedBut(deflated, `"deflate":true`), "deflate", "deflate_level:-3"), 0},
	{"grants snappy", compressing, granting(grantedBut(squashed, `"snappy":true`), "snappy"), 0},

	{"TLS 1.2", withTLS, publishes(only(tls.VersionTLS12), "tls_v1"), 6},
	{"TLS 1.3", withTLS, publishes(only(tls.VersionTLS13), "tls_v1"), 6},
	{"TLS, deflate", withTLS, publishes(trusted().clientTLS(), "tls_v1", "deflate", "deflate_level:1"), 6},
	{"TLS, snappy", withTLS, publishes(trusted().clientTLS(), "tls_v1", "snappy"), 6},
	{"deflate", compressing, publishes(nil, "deflate"), 6},
	{"deflate of level 9", compressing, publishes(nil, "deflate", "deflate_level:9"), 6},
	{"snappy", compressing, publishes(nil, "snappy"), 6},
	{"no heartbeats", withTLS, publishes(trusted().clientTLS(), "tls_v1", "deflate", "heartbeat_interval:-1"), 6},
	{"TLS and nothing to publish without", onlyTLS, publishes(trusted().clientTLS(), "tls_v1"), 6},
	{"client's certificate", mutualTLS, func(t *testing.T, nc net.Conn, topic string) {
		config := trusted().clientTLS()
		config.Certificates = []tls.Certificate{trusted().client}
		publishes(config, "tls_v1", "deflate")(t, nc, topic)
	}, 6},
	{"AUTH", everything, func(t *testing.T, nc net.Conn, topic string) {
		c := climb(t, nc, asking("tls_v1", "deflate"), trusted().clientTLS())
		c.send(authElsewhere + "PUB elsewhere\n" + sized("x") + "PUB " + topic + "\n" + sized("x"))
		c.expect(`response {"identity":"wiretest","identity_url":"","permission_count":1}`, ok,
			fmt.Sprintf(`error E_UNAUTHORIZED AUTH failed for PUB on %q ""`, topic))
		c.ends()
	}, 0},
	{"AUTH before TLS", everything, func(t *testing.T, nc net.Conn, topic string) {
		c, granted := start(t, nc, asking())
		require.True(t, granted.AuthRequired)
		c.send(authElsewhere)
		c.expect("error E_INVALID cannot AUTH in current state (TLS required)")
		c.ends()
	}, 0},
	{"what comes with IDENTIFY is lost", compressing, func(t *testing.T, nc net.Conn, topic string) {
		_, err := io.WriteString(nc, wire.Magic+identify(asking("deflate"))+"PUB "+topic+"\n"+sized("lost"))
		require.NoError(t, err)
		c := &climber{t: t, raw: nc}
		c.reads(nc)
		_, err = c.next()
		require.NoError(t, err)
		c.compress(false)
		c.expect(ok)
		c.send("PUB " + topic + "\n" + sized("x"))
		c.expect(ok)
	}, 1},
	{"half-close", withTLS, func(t *testing.T, nc net.Conn, topic string) {
		c := climb(t, nc, asking("tls_v1"), trusted().clientTLS())
		c.send("PUB " + topic + "\n" + sized("x"))
		require.NoError(t, c.tls.CloseWrite())
		require.NoError(t, nc.(interface{ CloseWrite() error }).CloseWrite())
		c.expect(ok)
		c.ends()
	}, 1},
	{"half-close within a body", withTLS, func(t *testing.T, nc net.Conn, topic string) {
		c := climb(t, nc, asking("tls_v1", "deflate"), trusted().clientTLS())
		c.send("PUB " + topic + "\n" + int32s(5) + "four")
		require.NoError(t, c.tls.CloseWrite())
		require.NoError(t, nc.(interface{ CloseWrite() error }).CloseWrite())
		c.expect("error E_BAD_MESSAGE PUB failed to read message body")
		c.ends()
	}, 0},
}

// failing returns a check that the TLS handshake with this configuration, or instead of it these bytes, fails, and that nsqd then
// says so in clear, behind an alert or not, and closes.
func failing(config *tls.Config, instead, want string) func(*testing.T, net.Conn, string) {
	return func(t *testing.T, nc net.Conn, topic string) {
		seen := &tap{Conn: nc}
		c, granted := start(t, nc, asking("tls_v1"))
		require.True(t, granted.TLSv1)
		if instead != "" {
			c.send(instead)
		} else if conn := tls.Client(seen, config); conn.Handshake() == nil { // TLS 1.3 judges the client afterwards
			_, err := conn.Read(make([]byte, 1))
			require.Error(t, err)
		}
		io.Copy(io.Discard, seen) // the end may be a reset
		text := string(seen.all)
		i := strings.Index(text, "E_IDENTIFY_FAILED")
		require.GreaterOrEqualf(t, i, 8, "%q", text)
		frame, err := readFrame(strings.NewReader(text[i-8:]))
		require.NoError(t, err)
		require.Len(t, text[i:], len(frame)-len("error "), "nothing behind it")
		require.Equal(t, "error E_IDENTIFY_FAILED IDENTIFY failed "+want, frame)
	}
}

// insisting gives this certificate even to a server that has said that it will not take it.
func insisting(certificate tls.Certificate) *tls.Config {
	config := trusted().clientTLS()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	return config
}

// tap keeps all that is read.
type tap struct {
	net.Conn
	all []byte
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.all = append(t.all, p[:n]...)
	return n, err
}

var failedAscents = []ascent{
	{"not TLS", withTLS, failing(nil, "PUB t\n"+sized("x"), "tls: first record does not look like a TLS handshake"), 0},
	{"client does not trust", withTLS, failing(stranger().clientTLS(), "", "remote error: tls: bad certificate"), 0},
	{"no client certificate, TLS 1.2", mutualTLS, failing(only(tls.VersionTLS12), "", "tls: client didn't provide a certificate"), 0},
	{"no client certificate, TLS 1.3", mutualTLS, failing(only(tls.VersionTLS13), "", "tls: client didn't provide a certificate"), 0},
	{"a stranger's client certificate", mutualTLS, failing(insisting(stranger().client), "",
		"tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "+
			`"x509: ECDSA verification failure" while trying to verify candidate authority certificate "wiretest")`), 0},
}

// A client that says nothing where TLS is to begin has five seconds. (TestBubbleHangingHandshake is the same for the double, without
// the five seconds.)
func TestConformanceHangingHandshake(t *testing.T) {
	t.Parallel()
	nc := realNsqd(t, withTLS)(nil).dial(t)
	defer nc.Close()
	require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
	c, _ := start(t, nc, asking("tls_v1", "heartbeat_interval:1000"))
	began := time.Now()
	frame, err := c.next()
	require.NoError(t, err)
	assert.Regexp(t, `^error E_IDENTIFY_FAILED IDENTIFY failed read tcp .*: i/o timeout$`, frame)
	assert.InDelta(t, 5, time.Since(began).Seconds(), 0.9)
	c.ends()
	assert.LessOrEqual(t, c.beats, 2, "no heartbeats meanwhile: one may have waited, and one be due")
}

// Sessions are resumed across connections.
func TestConformanceResumption(t *testing.T) {
	t.Parallel()
	for subject, start := range subjects {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(subject+"/"+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				p := start(t, withTLS)(nil)
				config := only(version)
				config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
				for n := range 3 {
					nc := p.dial(t)
					require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
					c := climb(t, nc, asking("tls_v1", "deflate"), config)
					assert.Equal(t, n > 0, c.tls.ConnectionState().DidResume)
					nc.Close()
				}
			})
		}
	}
}
