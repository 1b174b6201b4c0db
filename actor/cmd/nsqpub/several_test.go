package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// share is what a report says of one of several nsqd.
type share struct{ acked, refused, notSent, unknown, movedOn int }

var shareLine = regexp.MustCompile(`(?m)^nsqd (\S+|that have left)  acked (\d+)  refused (\d+)  not sent (\d+)  unknown (\d+)  moved on (\d+)$`)

// shares returns what the report says of each nsqd, by address, and asserts that it adds up to the summary, but for lines that one
// had to leave to another and none took. Lines that were given to none must not be among those that were not acked.
func (e ending) shares(t *testing.T) map[string]share {
	t.Helper()
	all := make(map[string]share)
	var sum share
	for _, found := range shareLine.FindAllStringSubmatch(e.stderr, -1) {
		var n [5]int
		for i := range n {
			var err error
			n[i], err = strconv.Atoi(found[i+2])
			require.NoError(t, err)
		}
		all[found[1]] = share{n[0], n[1], n[2], n[3], n[4]}
		sum.acked, sum.refused, sum.notSent, sum.unknown = sum.acked+n[0], sum.refused+n[1], sum.notSent+n[2], sum.unknown+n[3]
		sum.movedOn += n[4]
	}
	assert.Equal(t, e.acked, sum.acked, e.stderr)
	left := []int{e.refused - sum.refused, e.notSent - sum.notSent, e.unknown - sum.unknown}
	assert.GreaterOrEqual(t, slices.Min(left), 0, e.stderr)
	assert.LessOrEqual(t, left[0]+left[1]+left[2], sum.movedOn, e.stderr)
	return all
}

// to returns the flags that name these nsqd.
func to(addrs ...string) (flags []string) {
	for _, addr := range addrs {
		flags = append(flags, "--nsqd-tcp-address", addr)
	}
	return flags
}

func sorted(lines []string) []string { return slices.Sorted(slices.Values(lines)) }

// closedAddr returns an address at which nobody listens.
func closedAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	return l.Addr().String()
}

func TestLeastPending(t *testing.T) {
	a, b := double(t), double(t)
	input, text := numbers(1, 20000)
	e := publish(t, patience(t), strings.NewReader(text), to(a.Addr, b.Addr)...)
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.Equal(t, 20000, e.acked)
	assert.Greater(t, a.MessageCount("lines"), 1000)
	assert.Greater(t, b.MessageCount("lines"), 1000)
	assert.Equal(t, map[string]share{a.Addr: {acked: a.MessageCount("lines")}, b.Addr: {acked: b.MessageCount("lines")}}, e.shares(t))
	assert.True(t, equal(sorted(input), sorted(append(bodies(a), bodies(b)...))), "every line once")
}

// The first in the order of the flags, which is that of no sorting, gets all, in order, as long as it can be had.
func TestPrimary(t *testing.T) {
	a, b := double(t), double(t)
	if a.Addr < b.Addr {
		a, b = b, a
	}
	input, text := numbers(1, 5000)
	e := publish(t, patience(t), strings.NewReader(text), append(to(a.Addr, b.Addr), "--mode", "primary")...)
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.Equal(t, map[string]share{a.Addr: {acked: 5000}, b.Addr: {}}, e.shares(t))
	assert.Equal(t, input, bodies(a))
	assert.Zero(t, b.Stats().Conns)

	nobody := closedAddr(t)
	e = publish(t, patience(t), strings.NewReader(text), append(to(nobody, b.Addr), "--mode", "primary")...)
	assert.Equal(t, exitOK, e.status, e.stderr)
	shares := e.shares(t)
	assert.Equal(t, share{acked: 5000}, shares[b.Addr])
	assert.Positive(t, shares[nobody].movedOn)
	assert.True(t, equal(sorted(input), sorted(bodies(b))), "every line once")
}

// For a single nsqd there is nothing to tell apart.
func TestNoShares(t *testing.T) {
	e := publish(t, patience(t), strings.NewReader("a\n"), to(double(t).Addr)...)
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.NotContains(t, e.stderr, "moved on")
}

func TestNoneOfSeveral(t *testing.T) {
	input, text := numbers(1, 2000)
	file := rejectsFile(t)
	e := publish(t, patience(t), strings.NewReader(text), append(to(closedAddr(t), closedAddr(t)), "--rejects", file)...)
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 2000, e.notSent, e.stderr)
	e.shares(t)
	readRejects(t, file).matches(t, e, input)
}

// A signal while one of two does not answer: what it has is unknown, all that was read has an outcome, and that in time.
func TestSignalWhileOneIsStalled(t *testing.T) {
	t.Parallel()
	stalled, works := double(t), double(t)
	stalled.Add(wiretest.OnPublish(1).Conn(1).Stall())
	ctx, signal := context.WithCancel(patience(t))
	input, text := numbers(1, 20000)
	stdin, w := io.Pipe()
	defer w.Close()
	go func() {
		io.WriteString(w, text)
		stalled.WaitMessages(ctx, 1)
		works.WaitMessages(ctx, 1000)
		signal()
	}()
	file := rejectsFile(t)
	e := publish(t, ctx, stdin, append(to(stalled.Addr, works.Addr), "--rejects", file, "--producer-opt=response_timeout,1m")...)
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 20000, e.read)
	assert.Positive(t, e.unknown, e.stderr)
	assert.LessOrEqual(t, e.unknown+e.notSent, 1024, "no more than --in-flight")
	assert.Less(t, e.took, 8*time.Second)
	assert.Equal(t, share{acked: works.MessageCount("lines")}, e.shares(t)[works.Addr])
	readRejects(t, file).matches(t, e, input)
}

func TestNoNsqlookupd(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"it knows none": {`{"producers":[]}`, "no address"},
		"it is none":    {`hello`, "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, c.answer) }))
			defer srv.Close()
			stdin := strings.NewReader("a\n")
			var stdout, stderr bytes.Buffer
			assert.Equal(t, exitUsage, run(patience(t), []string{"--topic", "t", "--lookupd-http-address", srv.URL}, stdin, &stdout, &stderr))
			assert.Contains(t, stderr.String(), c.want)
			assert.Equal(t, 2, stdin.Len(), "nothing is read")
		})
	}
}

// Two real nsqd, one of which is killed in the middle of the input.
func TestOneOfTwoNsqdKilled(t *testing.T) {
	killed, lives := nsqdtest.Start(t), nsqdtest.Start(t)
	input, text := numbers(1, 40000)
	middle := strings.Index(text, "line 20001\n")
	stdin, w := io.Pipe()
	var before uint64
	go func() {
		defer w.Close()
		io.WriteString(w, text[:middle])
		before = killed.MessageCount("lines")
		killed.Kill()
		io.WriteString(w, text[middle:])
	}()
	file := rejectsFile(t)
	e := publish(t, patience(t), stdin, append(to(killed.TCPAddr, lives.TCPAddr), "--rejects", file)...)
	assert.Equal(t, 40000, e.read)
	assert.Zero(t, e.notSent+e.refused, e.stderr)
	assert.LessOrEqual(t, e.unknown, 1024, "what was on its way to one")
	shares := e.shares(t)
	assert.Positive(t, before)
	assert.GreaterOrEqual(t, shares[killed.TCPAddr].acked+shares[killed.TCPAddr].unknown, int(before))
	assert.EqualValues(t, shares[lives.TCPAddr].acked, lives.MessageCount("lines"))
	rejects := readRejects(t, file)
	rejects.matches(t, e, input)
	stored := sorted(lives.ReadBack("lines"))
	require.Len(t, slices.Compact(slices.Clone(stored)), len(stored), "none twice")
	for i, text := range input[30000:] { // the whole last quarter went to the one that lives
		if _, lost := rejects[30001+i]; !lost {
			_, there := slices.BinarySearch(stored, text)
			require.True(t, there, "%s was acked", text)
		}
	}
}

// Two real nsqd that a real nsqlookupd knows, of which the program is told by that alone.
func TestNsqlookupd(t *testing.T) {
	lookupd := nsqdtest.StartLookupd(t)
	a := nsqdtest.Start(t, "-lookupd-tcp-address="+lookupd.TCPAddr)
	b := nsqdtest.Start(t, "-lookupd-tcp-address="+lookupd.TCPAddr)
	require.Eventually(t, func() bool {
		_, nodes := lookupd.Get("/nodes")
		return strings.Count(nodes, `"broadcast_address"`) == 2
	}, 20*time.Second, time.Millisecond)
	input, text := numbers(1, 10000)
	e := publish(t, patience(t), strings.NewReader(text), "--lookupd-http-address", closedAddr(t), "--lookupd-http-address", lookupd.HTTPAddr)
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.Equal(t, map[string]share{
		a.TCPAddr: {acked: int(a.MessageCount("lines"))},
		b.TCPAddr: {acked: int(b.MessageCount("lines"))},
	}, e.shares(t))
	assert.Greater(t, a.MessageCount("lines"), uint64(1000))
	assert.Greater(t, b.MessageCount("lines"), uint64(1000))
	assert.True(t, equal(sorted(input), sorted(append(a.ReadBack("lines"), b.ReadBack("lines")...))), "every line once")
}
