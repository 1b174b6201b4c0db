package actor

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddresses(t *testing.T) {
	path := "unix:/" + strings.Repeat("p", longestPath-1)
	for addr, want := range map[string]string{
		"127.0.0.1:4150":       "",
		"nsqd.example:4150":    "",
		"[::1]:4150":           "",
		"[fe80::1%lo]:4150":    "",
		":4150":                "",
		"nsqd.example:65535":   "",
		"nsqd.example:http":    "",
		"unix:/run/nsqd.sock":  "",
		"unix:/a:b":            "",
		path:                   "",
		"":                     "address is empty, must be host:port or unix:/path",
		"unix:":                "address is empty, must be host:port or unix:/path",
		"127.0.0.1":            `address "127.0.0.1" is not host:port or unix:/path`,
		"::1:4150":             `address "::1:4150" is not host:port or unix:/path`,
		"http://h:4151":        `address "http://h:4151" is not host:port or unix:/path`,
		"tcp://h":              `address "tcp://h" is not host:port or unix:/path`,
		"UNIX:/run/nsqd.sock":  `address "UNIX:/run/nsqd.sock" is not host:port or unix:/path`,
		"nsqd.example:0":       `address "nsqd.example:0" is not host:port or unix:/path`,
		"nsqd.example:65536":   `address "nsqd.example:65536" is not host:port or unix:/path`,
		"nsqd.example:-1":      `address "nsqd.example:-1" is not host:port or unix:/path`,
		"nsqd.example:":        `address "nsqd.example:" has no port; nsqd's TCP port is by default 4150`,
		"/run/nsqd.sock":       `address "/run/nsqd.sock" is not host:port or unix:/path; a Unix socket is "unix:/run/nsqd.sock"`,
		"unix:run/nsqd.sock":   `address "unix:run/nsqd.sock" is not host:port or unix:/path, with one slash before an absolute path`,
		"unix:///run/nsqd":     `address "unix:///run/nsqd" is not host:port or unix:/path, with one slash before an absolute path`,
		"unix://run/nsqd.sock": `address "unix://run/nsqd.sock" is not host:port or unix:/path, with one slash before an absolute path`,
		"unix:@nsqd":           `address "unix:@nsqd" is not host:port or unix:/path, with one slash before an absolute path`,
		path + "p":             `address "` + path + `p" has a path of 108 bytes, a Unix socket's has at most 107`,
	} {
		p, err := NewProducer(addr, nil)
		if want == "" {
			require.NoError(t, err, addr)
			assert.Equal(t, addr, p.String(), "as it was given")
			continue
		}
		assert.Nil(t, p, addr)
		assert.ErrorContains(t, err, "nsq producer: "+want)
	}
}

func TestLocalAddrIsForTCP(t *testing.T) {
	cfg := &Config{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	_, err := NewProducer("127.0.0.1:4150", cfg)
	require.NoError(t, err)
	_, err = NewProducer("unix:/run/nsqd.sock", cfg)
	require.EqualError(t, err, `nsq producer: LocalAddr is 127.0.0.2:0, must be nil for a Unix socket such as "unix:/run/nsqd.sock"`)
	cfg.Dial = noDial
	_, err = NewProducer("unix:/run/nsqd.sock", cfg)
	require.NoError(t, err, "it means nothing to the hook")
}

// With a hook, addresses are its own affair. It gets them as a net.Dialer would.
func TestWhatDialIsCalledWith(t *testing.T) {
	for addr, want := range map[string][2]string{
		"127.0.0.1:4150":      {"tcp", "127.0.0.1:4150"},
		"behind the proxy":    {"tcp", "behind the proxy"},
		"/run/nsqd.sock":      {"tcp", "/run/nsqd.sock"},
		"unix:/run/nsqd.sock": {"unix", "/run/nsqd.sock"},
		"unix:@abstract":      {"unix", "@abstract"},
	} {
		var got [2]string
		var bounded bool
		p, err := NewProducer(addr, &Config{Dial: func(ctx context.Context, network, name string) (net.Conn, error) {
			got = [2]string{network, name}
			_, bounded = ctx.Deadline()
			return nil, errNoDial
		}})
		require.NoError(t, err, addr)
		err = p.Ping()
		require.ErrorIs(t, err, errNoDial)
		assert.Equal(t, want, got)
		assert.True(t, bounded, "by DialTimeout")
		assert.ErrorContains(t, err, "Ping at "+addr+": ", "as it was given")
		p.Stop()
	}
	for _, addr := range []string{"", "unix:"} {
		_, err := NewProducer(addr, &Config{Dial: noDial})
		assert.Error(t, err, "%q", addr)
	}
}
