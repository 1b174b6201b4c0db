package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
)

func TestWrongUsage(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"no topic", nil, "--topic is missing"},
		{"bad topic", []string{"--topic", "a b"}, "invalid topic"},
		{"unknown flag", []string{"--topic", "t", "--fast"}, "-fast"},
		{"a file's name", []string{"--topic", "t", "input.txt"}, `"input.txt" is not a flag`},
		{"empty address", []string{"--topic", "t", "--nsqd-tcp-address", ""}, "is empty; leave the flag out"},
		{"address without port", []string{"--topic", "t", "--nsqd-tcp-address", "localhost"}, "not host:port"},
		{"one address twice", []string{"--topic", "t", "--nsqd-tcp-address=a:1", "--nsqd-tcp-address=b:1", "--nsqd-tcp-address=a:1"}, `"a:1" comes twice`},
		{"a list of addresses", []string{"--topic", "t", "--nsqd-tcp-address=a:1,b:1"}, "once for each address"},
		{"second address without port", []string{"--topic", "t", "--nsqd-tcp-address=a:1", "--nsqd-tcp-address=b"}, `"b" is not host:port`},
		{"both kinds of addresses", []string{"--topic", "t", "--nsqd-tcp-address=a:1", "--lookupd-http-address=b:1"}, "not both"},
		{"empty address of nsqlookupd", []string{"--topic", "t", "--lookupd-http-address="}, "is empty; leave the flag out"},
		{"a list of nsqlookupd", []string{"--topic", "t", "--lookupd-http-address=a:1,b:1"}, "once for each address"},
		{"nsqlookupd without port", []string{"--topic", "t", "--lookupd-http-address", "localhost"}, `--lookupd-http-address: lookup: address "localhost"`},
		{"nsqlookupd's other port", []string{"--topic", "t", "--lookupd-http-address", "tcp://localhost:4160"}, "must be http or https"},
		{"unknown mode", []string{"--topic", "t", "--mode", "fastest"}, `mode "fastest" is neither least-pending nor primary`},
		{"two delimiters", []string{"--topic", "t", "--delimiter", ",,"}, "one byte"},
		{"no delimiter", []string{"--topic", "t", "--delimiter", ""}, "one byte"},
		{"address with slashes", []string{"--topic", "t", "--nsqd-tcp-address", "unix:///run/nsqd.sock"}, "unix:/path"},
		{"unknown option", []string{"--topic", "t", "--producer-opt", "speed,fast"}, `--producer-opt: option "speed" is unknown`},
		{"consumer's option", []string{"--topic", "t", "--producer-opt=max-in-flight,7"}, "--producer-opt: option max_in_flight is a consumer's"},
		{"wrong value", []string{"--topic", "t", "--producer-opt=dial_timeout,7"}, `--producer-opt: option dial_timeout is "7", must be `},
		{"option without value", []string{"--topic", "t", "--producer-opt=client_id"}, "--producer-opt: option client_id is true, must be a string"},
		{"empty option", []string{"--topic", "t", "--producer-opt="}, `--producer-opt: option "" is unknown`},
		{"options that do not go together", []string{"--topic", "t", "--producer-opt=read_timeout,1s"}, "ReadTimeout is 1s, must be from 30s"},
		{"key without certificate", []string{"--topic", "t", "--producer-opt=tls-key,key.pem"}, "but tls_cert is not set"},
		{"negative rate", []string{"--topic", "t", "--rate", "-1"}, "--rate is -1"},
		{"nothing in flight", []string{"--topic", "t", "--in-flight", "0"}, "--in-flight is 0"},
		{"too much in flight", []string{"--topic", "t", "--in-flight", "1000001"}, "--in-flight is 1000001"},
		{"rejects in no directory", []string{"--topic", "t", "--nsqd-tcp-address=a:1", "--rejects", filepath.Join(t.TempDir(), "no", "file")}, "--rejects: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			stdin := strings.NewReader("x\n")
			var stdout, stderr bytes.Buffer
			assert.Equal(t, exitUsage, run(context.Background(), c.args, stdin, &stdout, &stderr))
			assert.Contains(t, stderr.String(), c.want)
			assert.Contains(t, stderr.String(), "--help")
			assert.Empty(t, stdout.String())
			assert.Equal(t, 2, stdin.Len(), "nothing is read")
		})
	}
}

func TestDelimiterFlag(t *testing.T) {
	for value, want := range map[string]byte{
		",": ',', "\n": '\n', `\`: '\\', "\xff": 0xff,
		`\n`: '\n', `\r`: '\r', `\t`: '\t', `\0`: 0, `\\`: '\\', `\x1e`: 0x1e, `\xff`: 0xff,
	} {
		o, err := parse([]string{"-topic", "t", "-delimiter", value}) // one dash or two, as everywhere in Go
		if assert.NoError(t, err, "%q", value) {
			assert.Equal(t, want, o.delimiter, "%q", value)
		}
	}
	for _, value := range []string{"ä", `\u00e9`, "ab", `\n\n`, `\q`, `\x1`} {
		_, err := parse([]string{"-topic", "t", "-delimiter", value})
		assert.Error(t, err, "%q", value)
	}
}

// All wrong options are named at once, and what may be a secret is not.
func TestWrongOptions(t *testing.T) {
	_, err := parse([]string{"--topic", "t", "--producer-opt=auth_secrt,s3cret", "--producer-opt=tls_v1,s", "--producer-opt=max_pending"})
	require.EqualError(t, err, `--producer-opt: option "auth_secrt" is unknown
--producer-opt: option tls_v1 is "s", must be true or false: a bool, a string, or an integer, of which 0 is false
--producer-opt: option max_pending is true, must be an integer from 1 to 16777215`)
}

func TestOptions(t *testing.T) {
	o, err := parse([]string{"--topic", "t", "--producer-opt", "dial_timeout,5s", "--producer-opt=retry-unknown", "--in-flight=7",
		"--producer-opt=dial_timeout,2s"})
	require.NoError(t, err)
	require.Equal(t, 7, o.inFlight)
	require.Equal(t, actor.Config{MaxPending: 7, UserAgent: "nsqpub/" + version(), DialTimeout: 2 * time.Second, RetryUnknown: true}, o.producer)
	o, err = parse([]string{"--topic", "t", "--producer-opt=max_pending,3", "--in-flight=7", "--producer-opt=user_agent,mine"})
	require.NoError(t, err)
	require.Equal(t, actor.Config{MaxPending: 3, UserAgent: "mine"}, o.producer)
}

func TestAddresses(t *testing.T) {
	o, err := parse([]string{"--topic", "t", "--nsqd-tcp-address=b:1", "--mode=primary", "--nsqd-tcp-address", "a:1", "--nsqd-tcp-address=unix:/a,b"})
	require.NoError(t, err)
	require.Equal(t, []string{"b:1", "a:1", "unix:/a,b"}, o.addrs)
	require.Equal(t, pool.Primary, o.mode)
	o, err = parse([]string{"--topic", "t", "--lookupd-http-address=b:1", "--lookupd-http-address=http://a"})
	require.NoError(t, err)
	require.Equal(t, []string{"b:1", "http://a"}, o.lookupds)
	require.Equal(t, pool.LeastPending, o.mode)
}

// The manual names options that there are.
func TestManualOptions(t *testing.T) {
	_, section, _ := strings.Cut(manual(), "# Producer options\n")
	section, _, _ = strings.Cut(section, "\n# ")
	names := 0
	for _, row := range regexp.MustCompile("(?m)^\t.*").FindAllString(section, -1) {
		for _, name := range strings.Fields(row) {
			assert.ErrorContains(t, new(actor.Config).Set(name, struct{}{}), "must be ", name)
			names++
		}
	}
	assert.Greater(t, names, 20)
}

func TestHelp(t *testing.T) {
	for _, flag := range []string{"--help", "-h"} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, exitOK, run(context.Background(), []string{flag}, nil, &stdout, &stderr))
		assert.Empty(t, stderr.String())
		require.Contains(t, stdout.String(), "# Exit status")
		assert.NotContains(t, stdout.String(), "package main")
		for _, name := range []string{"topic", "nsqd-tcp-address", "delimiter", "rate", "in-flight", "rejects", "producer-opt", "version", "help",
			"lookupd-http-address", "mode", "json"} {
			assert.Contains(t, stdout.String(), "\t--"+name+" ")
		}
	}
}

// Whoever writes a script finds each exit status in the help.
func TestHelpHasExitStatuses(t *testing.T) {
	var stdout bytes.Buffer
	run(context.Background(), []string{"--help"}, nil, &stdout, io.Discard)
	_, section, _ := strings.Cut(stdout.String(), "# Exit status\n")
	for _, status := range []int{exitOK, exitLost, exitUsage} {
		assert.Regexp(t, fmt.Sprintf(`(?m)^\t%d   \S`, status), section)
	}
}

func TestVersion(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitOK, run(context.Background(), []string{"--version"}, nil, &stdout, &stderr))
	assert.Regexp(t, regexp.MustCompile(`^nsqpub \S+ go\S+.*\n$`), stdout.String())
	assert.Empty(t, stderr.String())
}
