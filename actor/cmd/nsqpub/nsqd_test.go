package main

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// consume subscribes to the topic and returns the next n messages.
func consume(t *testing.T, nsqd *nsqdtest.Nsqd, topic string, n int) (bodies []string) {
	conn, err := net.Dial("tcp", nsqd.TCPAddr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	send := func(text string) {
		_, err := io.WriteString(conn, text)
		require.NoError(t, err)
	}
	send(wire.Magic + "SUB " + topic + " channel\nRDY 1\n") // one at a time: in order
	for frames := wire.NewReader(conn); len(bodies) < n; {
		frame, err := frames.Next()
		require.NoError(t, err)
		if frame.Type == wire.FrameResponse {
			continue
		}
		// A message: timestamp, attempts, id, body.
		require.Greater(t, len(frame.Data), 26, "%q", frame.Data)
		require.EqualValues(t, 1, binary.BigEndian.Uint16(frame.Data[8:]))
		bodies = append(bodies, string(frame.Data[26:]))
		send("FIN " + string(frame.Data[10:26]) + "\n")
	}
	return bodies
}

func TestNsqdAllAcked(t *testing.T) {
	const n = 20000
	nsqd := nsqdtest.Start(t, "-mem-queue-size="+strconv.Itoa(n)) // with a queue on disk there is no order
	input, text := numbers(1, n)
	e := publish(t, patience(t), strings.NewReader(strings.TrimSuffix(text, "\n")), "--nsqd-tcp-address", nsqd.TCPAddr)
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.Equal(t, n, e.acked)
	assert.EqualValues(t, n, nsqd.MessageCount("lines"))
	assert.Equal(t, input[:2000], consume(t, nsqd, "lines", 2000), "in order")
}

func TestNsqdBadLines(t *testing.T) {
	nsqd := nsqdtest.Start(t, "-max-msg-size=1000")
	longest := strings.Repeat("x", 1000)
	input := []string{"a", "", longest, longest + "x", "b", strings.Repeat("x", 3<<20), "c"}
	file := rejectsFile(t)
	e := publish(t, patience(t), strings.NewReader(strings.Join(input, "\n")), "--nsqd-tcp-address", nsqd.TCPAddr, "--rejects", file)
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 4, e.acked, e.stderr)
	assert.Equal(t, 1, e.refused, e.stderr)
	assert.Equal(t, 2, e.notSent, e.stderr)
	assert.EqualValues(t, 4, nsqd.MessageCount("lines"))
	readRejects(t, file).matches(t, e, input)
}

func TestNsqdOnAUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "nsqd") // a t.TempDir's path may be too long for a socket
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "nsqd.sock")
	nsqd := nsqdtest.Start(t, "-tcp-address="+path)
	_, text := numbers(1, 1000)
	e := publish(t, patience(t), strings.NewReader(text), "--nsqd-tcp-address=unix:"+path, "--producer-opt=client_id,unix, here")
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.EqualValues(t, 1000, nsqd.MessageCount("lines"))
	assert.Contains(t, nsqd.Log(), "ClientID:unix, here ")
}

// nsqd is killed in the middle of the input.
func TestNsqdKilled(t *testing.T) {
	nsqd := nsqdtest.Start(t)
	input, text := numbers(1, 40000)
	middle := strings.Index(text, "line 20001\n")
	stdin, w := io.Pipe()
	go func() {
		defer w.Close()
		io.WriteString(w, text[:middle]) // returns when it was taken, so that but for full buffers all of it is acked
		nsqd.Kill()
		io.WriteString(w, text[middle:])
	}()
	file := rejectsFile(t)
	e := publish(t, patience(t), stdin, "--nsqd-tcp-address", nsqd.TCPAddr, "--rejects", file)
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 40000, e.read)
	assert.GreaterOrEqual(t, e.acked, 5000, e.stderr)
	assert.GreaterOrEqual(t, e.notSent, 19000, e.stderr)
	readRejects(t, file).matches(t, e, input)
}
