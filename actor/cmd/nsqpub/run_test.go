package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// These tests run the whole program in this process, against the double. Those against a real nsqd are in nsqd_test.go.

func double(t *testing.T, faults ...wiretest.Fault) *wiretest.Server {
	srv := wiretest.NewServer(faults...)
	t.Cleanup(srv.Close)
	return srv
}

func bodies(srv *wiretest.Server) (all []string) {
	for _, m := range srv.Messages() {
		all = append(all, string(m.Body))
	}
	return all
}

func TestAllAcked(t *testing.T) {
	srv := double(t)
	input, text := numbers(1, 20000)
	file := rejectsFile(t)
	e := publish(t, patience(t), strings.NewReader(text), "--nsqd-tcp-address", srv.Addr, "--rejects", file)
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.Equal(t, 20000, e.read)
	assert.Equal(t, 20000, e.acked)
	assert.Regexp(t, `(?m)^time \d+\.\d{3} s  messages/s \d+  acknowledgement p50 \d+\.\d{3} ms  p99 \d+\.\d{3} ms$`, e.stderr)
	assert.Empty(t, e.stdout)
	assert.Empty(t, readRejects(t, file))
	assert.Equal(t, input, bodies(srv), "every line once, in order")
	assert.Equal(t, "lines", srv.Messages()[0].Topic)
}

func TestBuiltInDouble(t *testing.T) {
	_, text := numbers(1, 1000)
	e := publish(t, patience(t), strings.NewReader(text))
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.Equal(t, 1000, e.acked)
	assert.Contains(t, e.stderr, "built-in double")
	assert.Contains(t, e.stderr, "the double took 1000 messages")
}

func TestNoInput(t *testing.T) {
	e := publish(t, patience(t), strings.NewReader(""))
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.Zero(t, e.read)
}

func TestLastLineWithoutDelimiter(t *testing.T) {
	srv := double(t)
	e := publish(t, patience(t), strings.NewReader("a\nb"), "--nsqd-tcp-address", srv.Addr)
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.Equal(t, []string{"a", "b"}, bodies(srv))
}

func TestDelimiter(t *testing.T) {
	for delimiter, input := range map[string]string{",": "a,b\n,c\r", `\0`: "a\x00b\n\x00c\r\x00", `\t`: "a\tb\n\tc\r"} {
		srv := double(t)
		e := publish(t, patience(t), strings.NewReader(input), "--nsqd-tcp-address", srv.Addr, "--delimiter", delimiter)
		assert.Equal(t, exitOK, e.status, e.stderr)
		assert.Equal(t, []string{"a", "b\n", "c\r"}, bodies(srv), "only the delimiter is taken off")
	}
}

func TestBadLines(t *testing.T) {
	const limit = wire.DefaultMaxMsgSize
	longest := strings.Repeat("x", limit)
	binary := "\xff\xfe\x00"
	input := []string{"a", "", longest, longest + "y", "b", strings.Repeat("é\xff", limit), "c", "", binary + longest}
	file := rejectsFile(t)
	srv := double(t)
	e := publish(t, patience(t), strings.NewReader(strings.Join(input, "\n")), "--nsqd-tcp-address", srv.Addr, "--rejects", file)
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 4, e.acked)
	assert.Equal(t, 5, e.notSent)
	assert.Contains(t, e.stderr, "first not sent: line 2: the line is empty\n")
	assert.True(t, equal([]string{"a", longest, "b", "c"}, bodies(srv)))
	rejects := readRejects(t, file)
	rejects.matches(t, e, input)
	assert.Equal(t, "the line is empty", rejects[2].Error)
	assert.Equal(t, "the line is longer than 1048576 bytes", rejects[4].Error)
	assert.NotNil(t, rejects[4].Content, "readable where it can be")
	assert.Nil(t, rejects[6].Content)

	again := publish(t, patience(t), strings.NewReader(strings.Join(input, "\n")), "--nsqd-tcp-address", srv.Addr)
	assert.Equal(t, e.notSent, again.notSent, "without a file too")
	assert.Equal(t, exitLost, again.status)
}

// The limit of a line is the producer's.
func TestLongerLines(t *testing.T) {
	long := strings.Repeat("x", wire.DefaultMaxMsgSize+1)
	srv := wiretest.Config{MaxMsgSize: 2 << 20}.NewServer()
	t.Cleanup(srv.Close)
	e := publish(t, patience(t), strings.NewReader(long), "--nsqd-tcp-address", srv.Addr, "--producer-opt=max_msg_size,2097152")
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.True(t, equal([]string{long}, bodies(srv)))
	e = publish(t, patience(t), strings.NewReader("12345678\n123456789"), "--nsqd-tcp-address", srv.Addr, "--producer-opt=max_msg_size,8")
	assert.Equal(t, 1, e.acked, e.stderr)
	assert.Contains(t, e.stderr, "first not sent: line 2: the line is longer than 8 bytes\n")
}

// equal compares without printing megabytes.
func equal(want, got []string) bool {
	return strings.Join(want, "\n") == strings.Join(got, "\n")
}

func TestRejectsAreAppended(t *testing.T) {
	file := rejectsFile(t)
	require.NoError(t, os.WriteFile(file, []byte("what was there\n"), 0o600))
	publish(t, patience(t), strings.NewReader("\n"), "--rejects", file)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "what was there\n"+`{"line":1,"outcome":"not sent","error":"the line is empty","content":""}`+"\n", string(got))
}

func TestRejectsCannotBeWritten(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("no device that is always full: ", err)
	}
	for _, input := range []string{"\n", strings.Repeat("x", 2<<20) + "\n"} {
		e := publish(t, patience(t), strings.NewReader(input+"a\n"), "--rejects", full)
		assert.Equal(t, exitLost, e.status)
		assert.Equal(t, 1, e.acked)
		assert.Contains(t, e.stderr, "the rejects are not complete")
	}
}

// What nsqd refuses is refused alone: what was behind it goes again, in order.
func TestRefused(t *testing.T) {
	srv := wiretest.Config{MaxMsgSize: 20}.NewServer()
	defer srv.Close()
	input, _ := numbers(1, 1000)
	input[499] = "a line that this nsqd does not take"
	file := rejectsFile(t)
	e := publish(t, patience(t), strings.NewReader(strings.Join(input, "\n")), "--nsqd-tcp-address", srv.Addr, "--rejects", file)
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 999, e.acked, e.stderr)
	assert.Equal(t, 1, e.refused)
	assert.Contains(t, e.stderr, "first refused: line 500: ")
	rejects := readRejects(t, file)
	rejects.matches(t, e, input)
	assert.Contains(t, rejects[500].Error, wire.CodeBadMessage)
	assert.Equal(t, append(input[:499:499], input[500:]...), bodies(srv))
}

// While no nsqd can be had lines are read and not sent, whatever wait_connected says.
func TestDown(t *testing.T) {
	srv := double(t)
	srv.CloseListener()
	for _, options := range [][]string{nil, {"--producer-opt", "wait_connected"}} {
		e := publish(t, patience(t), strings.NewReader("a\nb\n"), append(options, "--nsqd-tcp-address", srv.Addr)...)
		assert.Equal(t, exitLost, e.status)
		assert.Equal(t, 2, e.notSent)
		assert.Contains(t, e.stderr, "not sent: not connected: ")
	}
}

// After a connection was lost, what is not sent is not stored, and what is acked is.
func TestConnectionLost(t *testing.T) {
	srv := double(t,
		wiretest.OnPublish(10).Conn(1).Silence(), // stored, and nobody can know
		wiretest.OnPublish(11).Conn(1).Reset(),
	)
	input, text := numbers(1, 10000)
	file := rejectsFile(t)
	e := publish(t, patience(t), strings.NewReader(text), "--nsqd-tcp-address", srv.Addr, "--rejects", file)
	assert.Equal(t, exitLost, e.status)
	assert.Positive(t, e.unknown, e.stderr)
	rejects := readRejects(t, file)
	rejects.matches(t, e, input)
	stored := make(map[string]bool)
	for _, body := range bodies(srv) {
		assert.False(t, stored[body], "%s twice", body)
		stored[body] = true
	}
	for i, text := range input {
		entry, lost := rejects[i+1]
		switch {
		case !lost:
			require.True(t, stored[text], "%s was acked", text)
		case entry.Outcome != "unknown":
			require.False(t, stored[text], "%s was %s", text, entry.Outcome)
		}
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	input, text := numbers(1, 5000)
	file := rejectsFile(t)
	e := publish(t, patience(t), strings.NewReader(text), "--nsqd-tcp-address", l.Addr().String(), "--rejects", file)
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 5000, e.notSent, e.stderr)
	assert.Contains(t, e.stderr, "first not sent: line 1: ")
	assert.Contains(t, e.stderr, "not connected")
	assert.Contains(t, e.stderr, "p50 -  p99 -")
	readRejects(t, file).matches(t, e, input)
}

func TestReadError(t *testing.T) {
	srv := double(t)
	file := rejectsFile(t)
	stdin := io.MultiReader(strings.NewReader("a\nb\npart"), iotest.ErrReader(errors.New("broken disk")))
	e := publish(t, patience(t), stdin, "--nsqd-tcp-address", srv.Addr, "--rejects", file)
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 2, e.acked)
	assert.Equal(t, []string{"a", "b"}, bodies(srv))
	assert.Contains(t, e.stderr, "not read to its end: broken disk")
	rejects := readRejects(t, file)
	rejects.matches(t, e, []string{"a", "b", "part"})
	assert.Contains(t, rejects[3].Error, "broken disk")

	e = publish(t, patience(t), iotest.ErrReader(errors.New("broken disk")), "--nsqd-tcp-address", srv.Addr)
	assert.Equal(t, exitLost, e.status, "also if there was no line")
}

func TestRate(t *testing.T) {
	_, text := numbers(1, 101)
	e := publish(t, patience(t), strings.NewReader(strings.Repeat("\n", 1000)+text), "--rate", "500")
	assert.Equal(t, 101, e.acked)
	assert.GreaterOrEqual(t, e.took, 200*time.Millisecond-slack)
	assert.Less(t, e.took, 1200*time.Millisecond, "what is not sent does not count in the rate")
}

// One in flight: no message is sent before the one ahead of it was answered.
func TestInFlightOne(t *testing.T) {
	srv := double(t)
	_, text := numbers(1, 500)
	e := publish(t, patience(t), strings.NewReader(text), "--nsqd-tcp-address", srv.Addr, "--in-flight", "1")
	assert.Equal(t, 500, e.acked, e.stderr)
	for i, m := range srv.Messages()[1:] {
		require.Greater(t, m.Read, srv.Messages()[i].Read, "message %d came in the same read as the one ahead", i+2)
	}
}

// Many long lines, with copies kept for the rejects, come through the bound on these copies.
func TestManyLongLines(t *testing.T) {
	input := make([]string, 40)
	for i := range input {
		input[i] = strings.Repeat(string(rune('a'+i%26)), 1<<20)
	}
	srv := double(t)
	e := publish(t, patience(t), strings.NewReader(strings.Join(input, "\n")),
		"--nsqd-tcp-address", srv.Addr, "--rejects", rejectsFile(t))
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.True(t, equal(input, bodies(srv)))
}

// A signal while the input is idle ends the program at once: what was read is published, but for half a line.
func TestSignalWhileIdle(t *testing.T) {
	srv := double(t)
	ctx, signal := context.WithCancel(patience(t))
	stdin, w := io.Pipe()
	defer w.Close()
	input, text := numbers(1, 3000)
	go func() {
		io.WriteString(w, text+"half a li")
		srv.WaitMessages(ctx, 3000)
		signal()
	}()
	file := rejectsFile(t)
	e := publish(t, ctx, stdin, "--nsqd-tcp-address", srv.Addr, "--rejects", file)
	assert.Equal(t, exitLost, e.status, "a part of the input is no success")
	assert.Contains(t, e.stderr, "stopped by a signal")
	assert.Equal(t, 3001, e.read)
	assert.Equal(t, 3000, e.acked, e.stderr)
	readRejects(t, file).matches(t, e, append(input, "half a li"))
	assert.Less(t, e.took, 2*time.Second)
}

// A signal behind the input's end takes nothing away from success.
func TestSignalBehindTheEnd(t *testing.T) {
	ctx, signal := context.WithCancel(patience(t))
	srv := wiretest.Config{}.NewServer()
	defer srv.Close()
	srv.Add(wiretest.OnPublish(wiretest.Every).Do(signal))
	stdin := iotest.DataErrReader(strings.NewReader("a\n"))
	e := publish(t, ctx, stdin, "--nsqd-tcp-address", srv.Addr)
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.Equal(t, 1, e.acked)
}

// A signal while nsqd does not answer: the bound on what is in flight has held, and all that was read has an outcome.
func TestSignalWhileStalled(t *testing.T) {
	t.Parallel()
	srv := double(t)
	srv.Add(wiretest.OnPublish(1).Conn(1).Stall())
	ctx, signal := context.WithCancel(patience(t))
	input, text := numbers(1, 100000)
	file := rejectsFile(t)
	go func() {
		srv.WaitMessages(ctx, 10)
		signal()
	}()
	e := publish(t, ctx, strings.NewReader(text), "--nsqd-tcp-address", srv.Addr, "--rejects", file, "--in-flight", "10")
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 10, e.unknown, e.stderr)
	assert.Equal(t, 10, srv.MessageCount("lines"), "no more than --in-flight")
	assert.Positive(t, e.notSent)
	assert.Less(t, e.read, 100000, "it stopped reading")
	assert.Less(t, e.took, 6*time.Second)
	rejects := readRejects(t, file)
	input[e.read-1] = rejects.content(e.read) // the last one may have been cut off
	rejects.matches(t, e, input)
}

// A signal ends the waiting for the rate, in time.
func TestSignalAtALowRate(t *testing.T) {
	t.Parallel()
	srv := double(t)
	ctx, signal := context.WithCancel(patience(t))
	input, text := numbers(1, 1000)
	file := rejectsFile(t)
	go func() {
		srv.WaitMessages(ctx, 1)
		signal()
	}()
	e := publish(t, ctx, strings.NewReader(text), "--nsqd-tcp-address", srv.Addr, "--rejects", file, "--rate", "1")
	assert.Equal(t, exitLost, e.status)
	assert.LessOrEqual(t, e.acked, 4, "the rate holds to the end")
	assert.Less(t, e.took, 6*time.Second)
	rejects := readRejects(t, file)
	rejects.matches(t, e, input)
	assert.Contains(t, rejects[e.read].Error, "stopped")
}
