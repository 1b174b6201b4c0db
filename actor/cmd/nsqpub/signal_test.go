//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// process is the built program at work.
type process struct {
	*exec.Cmd
	stdin  *os.File
	stderr bytes.Buffer // to be read when ended is closed
	ended  chan struct{}
}

func start(t *testing.T, args ...string) *process {
	program := filepath.Join(t.TempDir(), "nsqpub")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	p := &process{Cmd: exec.Command(program, append([]string{"--topic", "lines"}, args...)...), ended: make(chan struct{})}
	stdin, w, err := os.Pipe()
	require.NoError(t, err)
	p.stdin, p.Stdin, p.Stderr = w, stdin, &p.stderr
	require.NoError(t, p.Start())
	stdin.Close()
	go func() {
		defer close(p.ended)
		_ = p.Wait() // ProcessState says how it ended
	}()
	t.Cleanup(func() {
		p.stdin.Close()
		_ = p.Process.Kill()
		<-p.ended
	})
	return p
}

// signal sends the signal and returns what the program left, which must have a summary.
func (p *process) signal(t *testing.T, s os.Signal) ending {
	began := time.Now()
	require.NoError(t, p.Process.Signal(s))
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		require.Fail(t, "it goes on")
	}
	e := ending{status: p.ProcessState.ExitCode(), stderr: p.stderr.String(), took: time.Since(began)}
	e.summary(t)
	return e
}

// fill writes to the program until it takes no more, for which a pipe has no other sign than that time passes.
func (p *process) fill(t *testing.T, text string) {
	for {
		require.NotEmpty(t, text, "it took everything")
		require.NoError(t, p.stdin.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
		n, err := io.WriteString(p.stdin, text)
		text = text[n:]
		if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 {
			return
		}
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		}
	}
}

// SIGTERM in the middle of the input while nsqd is stopped.
func TestSigtermWhileNsqdIsStopped(t *testing.T) {
	t.Parallel()
	nsqd := nsqdtest.Start(t)
	file := rejectsFile(t)
	p := start(t, "--nsqd-tcp-address", nsqd.TCPAddr, "--rejects", file, "--in-flight", "100")
	input, text := numbers(1, 200000)
	middle := strings.Index(text, "line 1001\n")
	_, err := io.WriteString(p.stdin, text[:middle])
	require.NoError(t, err)
	require.Eventually(t, func() bool { return nsqd.MessageCount("lines") == 1000 }, 20*time.Second, time.Millisecond)
	nsqd.Pause()
	p.fill(t, text[middle:])

	e := p.signal(t, syscall.SIGTERM)
	assert.Less(t, e.took, 6*time.Second)
	assert.Equal(t, exitLost, e.status, e.stderr)
	assert.Contains(t, e.stderr, "stopped by a signal")
	assert.Equal(t, 1000, e.acked, e.stderr)
	assert.Positive(t, e.unknown, e.stderr)
	assert.Positive(t, e.notSent, e.stderr)
	assert.Less(t, e.read, 200000)
	rejects := readRejects(t, file)
	input[e.read-1] = rejects.content(e.read) // the last one may have been cut off
	rejects.matches(t, e, input)
	nsqd.Resume()
}

// SIGINT while nsqd works: all that was read is published.
func TestSigint(t *testing.T) {
	srv := wiretest.NewServer()
	defer srv.Close()
	p := start(t, "--nsqd-tcp-address", srv.Addr)
	_, text := numbers(1, 1000)
	_, err := io.WriteString(p.stdin, text)
	require.NoError(t, err)
	require.NoError(t, srv.WaitMessages(patience(t), 1000))
	e := p.signal(t, os.Interrupt)
	assert.Less(t, e.took, 2*time.Second)
	assert.Equal(t, exitLost, e.status)
	assert.Equal(t, 1000, e.acked, e.stderr)
	assert.Equal(t, 1000, e.read)
}

// A second signal does not wait for the drain.
func TestSecondSignal(t *testing.T) {
	srv := wiretest.NewServer(wiretest.OnPublish(1).Stall())
	defer srv.Close()
	p := start(t, "--nsqd-tcp-address", srv.Addr)
	_, err := io.WriteString(p.stdin, "a\n")
	require.NoError(t, err)
	require.NoError(t, srv.WaitMessages(patience(t), 1))
	began := time.Now()
	for ended := false; !ended; { // it cannot be seen from outside when the first has been handled
		_ = p.Process.Signal(syscall.SIGTERM) // fails when it has ended
		select {
		case <-p.ended:
			ended = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	assert.Less(t, time.Since(began), 2*time.Second)
	assert.Equal(t, syscall.SIGTERM, p.ProcessState.Sys().(syscall.WaitStatus).Signal())
}
