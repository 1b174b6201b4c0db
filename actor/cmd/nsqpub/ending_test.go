package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ending is what a run left.
type ending struct {
	status         int
	stdout, stderr string
	took           time.Duration

	read, acked, refused, notSent, unknown int
}

var summaryLine = regexp.MustCompile(`(?m)^read (\d+)  acked (\d+)  refused (\d+)  not sent (\d+)  unknown (\d+)$`)

// summary fills in the counts and asserts that they add up.
func (e *ending) summary(t *testing.T) {
	t.Helper()
	lines := summaryLine.FindAllStringSubmatch(e.stderr, -1)
	require.Len(t, lines, 1, "one summary in %q", e.stderr)
	for i, count := range []*int{&e.read, &e.acked, &e.refused, &e.notSent, &e.unknown} {
		n, err := strconv.Atoi(lines[0][i+1])
		require.NoError(t, err)
		*count = n
	}
	assert.Equal(t, e.read, e.acked+e.refused+e.notSent+e.unknown, e.stderr)
}

// publish runs the program to its end, which must have a summary.
func publish(t *testing.T, ctx context.Context, stdin io.Reader, args ...string) ending {
	t.Helper()
	var stdout, stderr bytes.Buffer
	began := time.Now()
	e := ending{status: run(ctx, append([]string{"--topic", "lines"}, args...), stdin, &stdout, &stderr)}
	e.took = time.Since(began)
	e.stdout, e.stderr = stdout.String(), stderr.String()
	e.summary(t)
	return e
}

// rejected is what a rejects file says, by line number.
type rejected map[int]reject

func (r rejected) content(number int) string {
	if entry := r[number]; entry.Content != nil {
		return *entry.Content
	}
	return string(r[number].Base64)
}

func (r rejected) count(outcome string) (n int) {
	for _, entry := range r {
		if entry.Outcome == outcome {
			n++
		}
	}
	return n
}

// readRejects reads a rejects file, which must not name a line twice.
func readRejects(t *testing.T, path string) rejected {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	all := make(rejected)
	for r := bufio.NewReader(file); ; {
		text, err := r.ReadBytes('\n')
		if err == io.EOF {
			require.Empty(t, text, "the file ends with a whole line")
			return all
		}
		require.NoError(t, err)
		var entry reject
		require.NoError(t, json.Unmarshal(text, &entry), "%.200s", text)
		number := int(entry.Line)
		_, twice := all[number]
		require.False(t, twice, "line %d twice", number)
		require.NotEmpty(t, entry.Error)
		all[number] = entry
	}
}

// matches asserts that the file says what the summary does, and that each entry has its line of the input.
func (r rejected) matches(t *testing.T, e ending, input []string) {
	t.Helper()
	assert.Len(t, r, e.read-e.acked)
	assert.Equal(t, e.refused, r.count("refused"))
	assert.Equal(t, e.notSent, r.count("not sent"))
	assert.Equal(t, e.unknown, r.count("unknown"))
	for number := range r {
		if !assert.Equal(t, input[number-1], r.content(number), "line %d", number) {
			return
		}
	}
}

func rejectsFile(t *testing.T) string { return filepath.Join(t.TempDir(), "rejects") }

// numbers returns the lines from first to last, and what they look like in a file.
func numbers(first, last int) (lines []string, text string) {
	for n := first; n <= last; n++ {
		lines = append(lines, "line "+strconv.Itoa(n))
	}
	return lines, strings.Join(lines, "\n") + "\n"
}

// patience is a bound for what ought to happen at once.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
