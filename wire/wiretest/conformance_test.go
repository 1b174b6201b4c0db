package wiretest_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// A row is one fact about nsqd that a producer can provoke by bytes alone. It holds of the double, over TCP and in memory, and
// of a real nsqd.
type row struct {
	name   string
	server setting
	send   string   // behind the magic; $T stands for a topic that no other row has
	bare   bool     // without the magic
	half   bool     // half-close behind send
	want   []string // frames, as "response OK"; "..." at the end stands for any rest
	closes bool     // the server closes behind these; if not, it is still in step
	stored int      // messages of topic $T, none if the server is to close before
	script []wiretest.Fault
}

// setting is what a server is started with. Rows with the same setting share one.
type setting string

const (
	defaults setting = "defaults"
	small    setting = "small limits"  // -max-msg-size=100 -max-body-size=64: the first is not bounded by the second
	withAuth setting = "auth"          // "good" may publish, "nobody" may nothing, "elsewhere" not here; "broken" breaks the asking
	perTopic setting = "auth by topic" // "elsewhere" may publish to that topic only
	noDisk   setting = "no disk"       // every message is to be written to a directory that is gone

	compressing  setting = "compression"    // nsqd's defaults, but not the double's
	uncompressed setting = "no compression" // -deflate=false -snappy=false
	withTLS      setting = "TLS"
	onlyTLS      setting = "TLS required"
	mutualTLS    setting = "TLS with clients' certificates" // required and verified
	everything   setting = "TLS required, compression and auth by topic"
)

const (
	smallMessage = 100
	smallBody    = 64
)

// peer is a server under test.
type peer struct {
	dial  func(t *testing.T) net.Conn
	count func(topic string) int
}

// subjects start a server and return how to get at it for a row with this script.
var subjects = map[string]func(*testing.T, setting) func([]wiretest.Fault) peer{
	"double by TCP":    func(t *testing.T, s setting) func([]wiretest.Fault) peer { return double(t, s, false) },
	"double in memory": func(t *testing.T, s setting) func([]wiretest.Fault) peer { return double(t, s, true) },
	"real nsqd":        realNsqd,
}

func TestConformance(t *testing.T) {
	for subject, start := range subjects {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			byServer := make(map[setting][]row)
			for _, rows := range [][]row{frameRows, commandRows, limitRows, errorRows, grantRows} {
				for _, r := range rows {
					byServer[r.server] = append(byServer[r.server], r)
				}
			}
			for server, rows := range byServer {
				t.Run(string(server), func(t *testing.T) {
					t.Parallel()
					started := start(t, server)
					for i, r := range rows {
						t.Run(r.name, func(t *testing.T) {
							t.Parallel()
							r.check(t, started(r.script), fmt.Sprintf("row_%d", i))
						})
					}
				})
			}
		})
	}
}

// The rows of section 3 that need time, with the bytes as they are.
func TestConformanceHeartbeats(t *testing.T) {
	t.Parallel()
	for subject, start := range subjects {
		if subject == "double in memory" {
			continue // TestBubbleHeartbeats needs no time
		}
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			nc := start(t, defaults)(nil).dial(t)
			defer nc.Close()
			began := time.Now()
			require.NoError(t, nc.SetDeadline(began.Add(patience)))
			_, err := io.WriteString(nc, wire.Magic+identify(`{"heartbeat_interval":1000}`))
			require.NoError(t, err)
			raw, err := io.ReadAll(nc)
			require.NoError(t, err)
			assert.InDelta(t, 2, time.Since(began).Seconds(), 0.9, "unanswered for two intervals, nsqd closes")
			answer, beats, _ := strings.Cut(string(raw), "OK")
			assert.Equal(t, "\x00\x00\x00\x06\x00\x00\x00\x00", answer)
			beat := "\x00\x00\x00\x0f\x00\x00\x00\x00_heartbeat_"
			assert.Contains(t, []string{beat, beat + beat}, beats, "the second heartbeat and the end are due at once")
		})
	}
}

func (r row) check(t *testing.T, p peer, topic string) {
	nc := p.dial(t)
	defer nc.Close()
	require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
	raw := strings.ReplaceAll(r.send, "$T", topic)
	if !r.bare {
		raw = wire.Magic + raw
	}
	if !r.closes && !r.half {
		raw += "PUB probe\n" + sized("x")
		r.want = append(r.want[:len(r.want):len(r.want)], ok)
	}
	if r.closes && !r.half {
		raw += "PUB " + topic + "\n" + sized("behind the end") // must not be executed
	}
	written := make(chan struct{})
	go func() { // the server may close before it has read all; what it said then must still be readable
		defer close(written)
		io.WriteString(nc, raw)
		if r.half {
			nc.(interface{ CloseWrite() error }).CloseWrite()
		}
	}()
	for i, want := range r.want {
		got, err := readFrame(nc)
		require.NoErrorf(t, err, "frame %d, expecting %q", i, want)
		if prefix, any := strings.CutSuffix(want, "..."); any {
			assert.Truef(t, strings.HasPrefix(got, prefix), "frame %d: %q", i, got)
		} else {
			assert.Equalf(t, want, got, "frame %d", i)
		}
	}
	<-written
	if r.closes || r.half {
		got, err := readFrame(nc)
		require.Errorf(t, err, "unexpected frame %q", got)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server did not close")
		require.NotErrorIs(t, err, io.ErrUnexpectedEOF, "a frame was cut short")
	}
	if r.stored >= 0 {
		assert.Equal(t, r.stored, p.count(topic), "messages stored")
	}
}

// readFrame returns a frame as text, its type ahead. It reads no further, and knows nothing of package wire.
func readFrame(nc io.Reader) (string, error) {
	var head [8]byte
	if _, err := io.ReadFull(nc, head[:4]); err != nil {
		return "", err
	}
	size := binary.BigEndian.Uint32(head[:4])
	if size < 4 || size > 1<<20 {
		return "", fmt.Errorf("a frame of size %d", size)
	}
	rest := make([]byte, size)
	if _, err := io.ReadFull(nc, rest); err != nil {
		return "", errors.Join(io.ErrUnexpectedEOF, err)
	}
	kind := map[uint32]string{0: "response", 1: "error", 2: "message"}[binary.BigEndian.Uint32(rest)]
	return kind + " " + string(rest[4:]), nil
}

// sized puts the body's length before it.
func sized(body string) string { return int32s(len(body)) + body }

func int32s(numbers ...int) string {
	var b []byte
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(n)))
	}
	return string(b)
}

// batch is what follows an MPUB's line.
func batch(bodies ...string) string {
	content := int32s(len(bodies))
	for _, body := range bodies {
		content += sized(body)
	}
	return sized(content)
}

const ok = "response OK"

func times(n int, s string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

// double returns how to get a server for a row. A row with a script gets one of its own.
func double(t *testing.T, s setting, inMemory bool) func([]wiretest.Fault) peer {
	config := wiretest.Config{InMemory: inMemory}
	switch s {
	case small:
		config.MaxMsgSize, config.MaxBodySize = smallMessage, smallBody
	case withAuth:
		config.AuthSecret = "good"
	case perTopic:
		config.Authorize = elsewhere
	case compressing:
		config.Deflate, config.Snappy = true, stored
	case withTLS, onlyTLS, mutualTLS, everything:
		config.TLS = trusted().serverTLS()
		config.TLSRequired = s != withTLS
		config.Deflate = s != onlyTLS
		if s == withTLS {
			config.Snappy = stored
		}
		if s == mutualTLS {
			config.TLS.ClientAuth, config.TLS.ClientCAs = tls.RequireAndVerifyClientCert, trusted().pool
		}
		if s == everything {
			config.Authorize = elsewhere
		}
	}
	start := func(faults []wiretest.Fault) peer {
		config := config
		config.Faults = faults
		srv := config.NewServer()
		t.Cleanup(srv.Close)
		return peer{
			dial: func(t *testing.T) net.Conn {
				dial := srv.Dial
				if !inMemory {
					dial = new(net.Dialer).DialContext
				}
				nc, err := dial(context.Background(), "tcp", srv.Addr)
				require.NoError(t, err)
				return nc
			},
			count: srv.MessageCount,
		}
	}
	shared := start(nil)
	return func(script []wiretest.Fault) peer {
		if script != nil {
			return start(script)
		}
		return shared
	}
}

// elsewhere is what authServer says of the secret "elsewhere".
func elsewhere(secret, topic string) bool { return secret == "elsewhere" && topic == "elsewhere" }

func realNsqd(t *testing.T, s setting) func([]wiretest.Fault) peer {
	var flags []string
	data := filepath.Join(t.TempDir(), "data")
	switch s {
	case small:
		flags = []string{fmt.Sprintf("-max-msg-size=%d", smallMessage), fmt.Sprintf("-max-body-size=%d", smallBody)}
	case withAuth, perTopic:
		flags = []string{"-auth-http-address=" + authServer(t)}
	case uncompressed:
		flags = []string{"-deflate=false", "-snappy=false"}
	case withTLS:
		flags = trusted().flags(t)
	case onlyTLS:
		flags = append(trusted().flags(t), "-tls-required=tcp-https")
	case mutualTLS:
		flags = append(trusted().flags(t), "-tls-client-auth-policy=require-verify", "-tls-required=tcp-https")
	case everything:
		flags = append(trusted().flags(t), "-tls-required=tcp-https", "-auth-http-address="+authServer(t))
	case noDisk:
		require.NoError(t, os.Mkdir(data, 0o700))
		flags = []string{"-data-path=" + data, "-mem-queue-size=0"}
	}
	nsqd := nsqdtest.Start(t, flags...)
	if s == noDisk {
		require.NoError(t, os.RemoveAll(data))
	}
	p := peer{
		dial: func(t *testing.T) net.Conn {
			nc, err := net.Dial("tcp", nsqd.TCPAddr)
			require.NoError(t, err)
			return nc
		},
		count: func(topic string) int { return int(nsqd.MessageCount(topic)) },
	}
	return func([]wiretest.Fault) peer { return p }
}

// authServer answers nsqd's questions about secrets and returns its address.
func authServer(t *testing.T) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		topic, permissions := ".*", `["publish"]`
		switch r.FormValue("secret") {
		case "nobody":
			io.WriteString(w, `{"ttl":60,"identity":"wiretest","authorizations":[]}`)
			return
		case "elsewhere":
			topic = "^elsewhere$"
		case "broken":
			http.Error(w, "broken", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"ttl":60,"identity":"wiretest","authorizations":[{"topic":%q,"channels":[".*"],"permissions":%s}]}`, topic, permissions)
	}))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}
