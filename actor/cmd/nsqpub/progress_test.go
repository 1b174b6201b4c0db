package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
)

func TestProgress(t *testing.T) {
	var a account
	var passed atomic.Uint64
	written := make(written, 1)
	ticks, stop, ended := make(chan time.Time), make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		p := progress{account: &a, inFlight: func() uint64 { return 7 }, size: 1000, passed: passed.Load, began: began}
		p.renew(written, ticks, stop)
	}()
	a.outcomes[actor.Acked].Store(3000)
	ticks <- began.Add(2 * time.Second)
	assert.Equal(t, "\r\x1b[K3000 acked  1500 messages/s  7 in flight  0%", <-written)
	passed.Store(600)
	a.outcomes[actor.Acked].Store(3500)
	a.outcomes[actor.NotSent].Store(2)
	ticks <- began.Add(3 * time.Second)
	assert.Equal(t, "\r\x1b[K3500 acked  500 messages/s  7 in flight  2 not acked  60%  2s left", <-written)
	close(stop)
	assert.Equal(t, "\r\x1b[K", <-written)
	<-ended
}

// written is a writer whose writes can be received.
type written chan string

func (w written) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestTimeLeft(t *testing.T) {
	for _, c := range []struct {
		size, passed uint64
		after        time.Duration
		want         string
	}{
		{0, 0, time.Second, ""}, // not known
		{0, 500, time.Second, ""},
		{1000, 0, time.Second, "  0%"}, // nothing to judge by
		{1000, 1, time.Second, "  0%  16m39s left"},
		{1000, 250, 2 * time.Second, "  25%  6s left"},
		{1000, 999, time.Second, "  99%  0s left"},
		{1000, 1000, time.Minute, "  100%  0s left"},
		{1000, 1500, time.Minute, "  100%  0s left"}, // it has grown
		{1 << 50, 1 << 49, time.Hour, "  50%  1h0m0s left"},
	} {
		began := time.Now()
		p := progress{size: c.size, passed: func() uint64 { return c.passed }, began: began}
		assert.Equal(t, c.want, p.left(began.Add(c.after)), "%+v", c)
	}
}

func TestSizeOf(t *testing.T) {
	assert.Zero(t, sizeOf(nil))
	assert.Zero(t, sizeOf(strings.NewReader("abc")))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	assert.Zero(t, sizeOf(r))
	dir, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer dir.Close()
	assert.Zero(t, sizeOf(dir), "what a directory's size may be")

	file, err := os.Create(rejectsFile(t))
	require.NoError(t, err)
	assert.Zero(t, sizeOf(file))
	_, err = file.WriteString("0123456789")
	require.NoError(t, err)
	assert.Zero(t, sizeOf(file), "all of it is read")
	_, err = file.Seek(3, io.SeekStart)
	require.NoError(t, err)
	assert.EqualValues(t, 7, sizeOf(file))
	rest, err := io.ReadAll(file)
	require.NoError(t, err)
	assert.Equal(t, "3456789", string(rest), "it stands where it stood")
	require.NoError(t, file.Close())
	assert.Zero(t, sizeOf(file))
}

func TestIsTerminal(t *testing.T) {
	assert.False(t, isTerminal(&bytes.Buffer{}))
	file, err := os.Create(rejectsFile(t))
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, isTerminal(file))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	assert.False(t, isTerminal(w))
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	assert.True(t, isTerminal(null))
}
