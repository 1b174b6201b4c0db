//go:build unix

package nsqdtest

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var _ TB = testing.TB(nil)

// okFrame is nsqd's answer OK: size, type 0, data.
const okFrame = "\x00\x00\x00\x06\x00\x00\x00\x00OK"

// connect opens a V2 connection that fails the test rather than hang.
func connect(t *testing.T, addr string) net.Conn {
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, "  V2")
	require.NoError(t, err)
	return conn
}

func sendPub(t *testing.T, conn net.Conn, topic, body string) {
	command := binary.BigEndian.AppendUint32([]byte("PUB "+topic+"\n"), uint32(len(body)))
	_, err := conn.Write(append(command, body...))
	require.NoError(t, err)
}

func readOK(t *testing.T, conn net.Conn) {
	frame := make([]byte, len(okFrame))
	_, err := io.ReadFull(conn, frame)
	require.NoError(t, err)
	require.Equal(t, okFrame, string(frame))
}

func TestStartPublishCount(t *testing.T) {
	n := Start(t)
	status, body := n.Get("/ping")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "OK", body)
	assert.Contains(t, n.Log(), n.TCPAddr)
	assert.Positive(t, n.Pid())

	assert.Zero(t, n.MessageCount("t"), "a topic that does not exist")
	n.CreateTopic("t")
	assert.Zero(t, n.MessageCount("t"))
	conn := connect(t, n.TCPAddr)
	sendPub(t, conn, "t", "over TCP")
	readOK(t, conn)
	assert.EqualValues(t, 1, n.MessageCount("t"), "counted before it is answered")
	status, body = n.Post("/pub?topic=t", "over HTTP")
	assert.Equal(t, http.StatusOK, status, body)
	assert.EqualValues(t, 2, n.MessageCount("t"))
	n.DeleteTopic("t")
	assert.Zero(t, n.MessageCount("t"))

	status, _ = n.Get("/nothing-here")
	assert.Equal(t, http.StatusNotFound, status)
}

func TestFlagsReachNsqd(t *testing.T) {
	n := Start(t, "-max-msg-size=100", "-mem-queue-size=7")
	_, body := n.Get("/config/mem_queue_size")
	assert.Equal(t, "7", body)
	status, _ := n.Post("/pub?topic=t", strings.Repeat("x", 101))
	assert.Equal(t, http.StatusRequestEntityTooLarge, status)
}

func TestSeveralAtOnce(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		n := Start(t)
		seen[n.TCPAddr], seen[n.HTTPAddr] = true, true
	}
	assert.Len(t, seen, 6)
}

func TestKillAndRestart(t *testing.T) {
	n := Start(t)
	tcp, web := n.TCPAddr, n.HTTPAddr
	n.CreateTopic("t")
	n.Terminate() // writes the list of topics; a kill may come before it is written
	n.Restart()

	conn, pid := connect(t, tcp), n.Pid()
	sendPub(t, conn, "t", "x")
	readOK(t, conn)
	for range 5 {
		n.Kill()
		n.Kill() // does nothing
		assert.ErrorIs(t, syscall.Kill(n.Pid(), 0), syscall.ESRCH)
		_, err := net.Dial("tcp", tcp)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		n.Restart()
		assert.Equal(t, tcp, n.TCPAddr)
		assert.Equal(t, web, n.HTTPAddr)
		assert.NotEqual(t, pid, n.Pid())
		connect(t, tcp) // still open when the server is killed next
	}
	_, stats := n.Get("/stats?format=json&topic=t")
	assert.Contains(t, stats, `"topic_name":"t"`, "the data path is the same")

	// Running still: terminated, then started.
	pid = n.Pid()
	n.Restart()
	assert.NotEqual(t, pid, n.Pid())
	connect(t, tcp)
}

func TestReadBack(t *testing.T) {
	for name, flag := range map[string]string{"on disk": "-mem-queue-size=0", "in memory": "-mem-queue-size=100000"} {
		t.Run(name, func(t *testing.T) {
			n := Start(t, flag)
			n.CreateTopic("t")
			assert.Empty(t, n.ReadBack("t"))
			var want []string
			for i := range 3000 {
				want = append(want, strconv.Itoa(i)+strings.Repeat("x", i%500))
			}
			status, answer := n.Post("/mpub?topic=t", strings.Join(want, "\n"))
			require.Equal(t, http.StatusOK, status, answer)
			got := n.ReadBack("t")
			if name == "in memory" {
				slices.Sort(got)
				slices.Sort(want)
			}
			require.Equal(t, want, got)
			assert.Empty(t, n.ReadBack("t"), "it was consumed")
		})
	}
}

func TestTerminateKeepsMessages(t *testing.T) {
	n := Start(t)
	status, _ := n.Post("/pub?topic=t", "in memory until then")
	require.Equal(t, http.StatusOK, status)
	n.Terminate()
	n.Terminate() // does nothing
	assert.Contains(t, n.Log(), "bye")
	n.Restart()
	_, stats := n.Get("/stats?format=json&topic=t")
	assert.Contains(t, stats, `"depth":1`)
}

func TestPauseResume(t *testing.T) {
	n := Start(t)
	conn := connect(t, n.TCPAddr)
	sendPub(t, conn, "t", "first")
	readOK(t, conn)

	n.Pause()
	sendPub(t, conn, "t", "second")
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "a paused nsqd answers nothing")

	n.Resume()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	readOK(t, conn)
	assert.EqualValues(t, 2, n.MessageCount("t"))

	n.Pause()
	n.Kill()
	n.Restart()
	connect(t, n.TCPAddr)
}

func TestLookupd(t *testing.T) {
	l := StartLookupd(t)
	status, body := l.Get("/ping")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "OK", body)

	n := Start(t, "-lookupd-tcp-address="+l.TCPAddr)
	n.CreateTopic("t")
	known := func() bool {
		status, body := l.Get("/lookup?topic=t")
		return status == http.StatusOK && strings.Contains(body, `"broadcast_address":"127.0.0.1"`)
	}
	require.Eventually(t, known, 20*time.Second, 5*time.Millisecond)
}

// record is a TB that remembers how it ended. Like the real one, it does not return from Skipf and Fatalf.
type record struct {
	*testing.T
	ended string
}

func (r *record) Skipf(string, ...any)  { r.ended = "skipped"; panic(r) }
func (r *record) Fatalf(string, ...any) { r.ended = "failed"; panic(r) }

func endOf(t *testing.T, f func(TB)) string {
	r := &record{T: t}
	func() {
		defer func() {
			if v := recover(); v != nil && v != any(r) {
				panic(v)
			}
		}()
		f(r)
	}()
	return r.ended
}

func TestUnavailable(t *testing.T) {
	missing := func(t TB) { new(Process).start(t, func() (string, error) { return "", os.ErrNotExist }, nil) }
	t.Setenv("CI", "")
	assert.Equal(t, "skipped", endOf(t, missing))
	t.Setenv("CI", "true")
	assert.Equal(t, "failed", endOf(t, missing))
}

func TestBadFlagFails(t *testing.T) {
	assert.Equal(t, "failed", endOf(t, func(t TB) { Start(t, "-no-such-flag") }))
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]bool{
		"nsqd v1.3.0 (built w/go1.21.5)":         true,
		"nsqd v1.10.0-alpha (built w/go1.21.5)":  true,
		"nsqlookupd v2.0.0 (built w/go1.26.0)":   true,
		"nsqd v1.2.1 (built w/go1.16.6)":         false,
		"nsqd v0.3.8 (built w/go1.6.2)":          false,
		"something else that takes any argument": false,
	} {
		assert.Equal(t, want, atLeast13(version), version)
	}
}

// A program in $PATH is taken if it is new enough.
func TestFindPrefersPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	fake := func(version string) {
		script := "#!/bin/sh\necho 'nsqd v" + version + " (built w/go1.26.0)'\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, "nsqd"), []byte(script), 0o755))
	}
	fake("1.3.0")
	path, err := find("nsqd")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "nsqd"), path)

	fake("1.2.1")
	if path, err = find("nsqd"); err == nil {
		assert.NotEqual(t, filepath.Join(dir, "nsqd"), path)
	}
}

func TestWatcherReadsAnyPieces(t *testing.T) {
	const log = "[nsqd] INFO: TCP: listening on 127.0.0.1:1\n" +
		"[nsqd] INFO: HTTPS: listening on 127.0.0.1:2\n" +
		"[nsqd] INFO: HTTP: listening on 127.0.0.1:3\nmore\n"
	for size := 1; size <= len(log); size++ {
		var all printed
		w := &watcher{to: &all, listening: make(chan addresses, 1)}
		for rest := log; rest != ""; {
			n := min(size, len(rest))
			_, err := io.WriteString(w, rest[:n])
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.Equal(t, log, all.String())
		require.Equal(t, addresses{"127.0.0.1:1", "127.0.0.1:3"}, <-w.listening)
	}
}
