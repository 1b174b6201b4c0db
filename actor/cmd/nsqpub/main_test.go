package main

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
		{"empty address", []string{"--topic", "t", "--nsqd-tcp-address", ""}, "is empty"},
		{"address without port", []string{"--topic", "t", "--nsqd-tcp-address", "localhost"}, "not host:port"},
		{"two addresses", []string{"--topic", "t", "--nsqd-tcp-address=a:1", "--nsqd-tcp-address=b:1"}, "only one nsqd"},
		{"two delimiters", []string{"--topic", "t", "--delimiter", ",,"}, "one byte"},
		{"no delimiter", []string{"--topic", "t", "--delimiter", ""}, "one byte"},
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

func TestHelp(t *testing.T) {
	for _, flag := range []string{"--help", "-h"} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, exitOK, run(context.Background(), []string{flag}, nil, &stdout, &stderr))
		assert.Empty(t, stderr.String())
		require.Contains(t, stdout.String(), "# Exit status")
		assert.NotContains(t, stdout.String(), "package main")
		for _, name := range []string{"topic", "nsqd-tcp-address", "delimiter", "rate", "in-flight", "rejects", "version", "help"} {
			assert.Contains(t, stdout.String(), "--"+name+" ")
		}
	}
}

func TestVersion(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitOK, run(context.Background(), []string{"--version"}, nil, &stdout, &stderr))
	assert.Regexp(t, regexp.MustCompile(`^nsqpub \S+ go\S+.*\n$`), stdout.String())
	assert.Empty(t, stderr.String())
}
