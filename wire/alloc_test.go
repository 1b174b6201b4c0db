package wire

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The hot path of a producer, encoding into a warm buffer and reading answers, does not allocate at all.
func TestAllocsEncode(t *testing.T) {
	topic := strings.Repeat("t", 54) + "#ephemeral"
	body := make([]byte, 1000)
	bodies := [][]byte{body, body, body}
	buf := make([]byte, 0, 8<<10)
	encoders := map[string]func(){
		"AppendPub":       func() { buf, _ = AppendPub(buf[:0], topic, body) },
		"AppendDPub":      func() { buf, _ = AppendDPub(buf[:0], topic, time.Hour-1, body) },
		"AppendMPub":      func() { buf, _ = AppendMPub(buf[:0], topic, bodies) },
		"MPubSize":        func() { _ = MPubSize(bodies) },
		"AppendMessage":   func() { buf = AppendMessage(buf[:0], body) },
		"AppendNop":       func() { buf = AppendNop(buf[:0]) },
		"AppendIdentify":  func() { buf = AppendIdentify(buf[:0], body) },
		"AppendAuth":      func() { buf = AppendAuth(buf[:0], body) },
		"AppendFrame":     func() { buf = AppendFrame(buf[:0], FrameError, topic) },
		"AppendOK":        func() { buf = AppendOK(buf[:0]) },
		"AppendHeartbeat": func() { buf = AppendHeartbeat(buf[:0]) },
		"CheckPub":        func() { _ = CheckPub(topic, body) },
		"CheckDPub":       func() { _ = CheckDPub(topic, time.Hour, body) },
		"CheckMPub":       func() { _ = CheckMPub(topic, bodies) },
		"CheckTopic":      func() { _ = CheckTopic(topic) },
	}
	for name, encode := range encoders {
		t.Run(name, func(t *testing.T) {
			assert.Zero(t, testing.AllocsPerRun(1000, encode))
		})
	}
}

// endless repeats its bytes for ever, at most limit of them a read.
type endless struct {
	data  []byte
	at    int
	limit int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), e.limit)], e.data[e.at:])
	e.at = (e.at + n) % len(e.data)
	return n, nil
}

func TestAllocsReader(t *testing.T) {
	mixed := AppendHeartbeat(bytes.Repeat(AppendOK(nil), 50))
	mixed = AppendFrame(mixed, FrameResponse, capturedIdentify)
	mixed = AppendFrame(mixed, FrameError, strings.Repeat("e", 6000))
	streams := map[string]*endless{
		"acknowledgements, many a read": {data: AppendOK(nil), limit: 10},
		"split anywhere":                {data: mixed, limit: 7},
		"all that fits":                 {data: mixed, limit: 1 << 20},
	}
	for name, src := range streams {
		t.Run(name, func(t *testing.T) {
			r := NewReader(src)
			for range 200 { // warm: the longest frame has grown the buffer
				_, err := r.Next()
				require.NoError(t, err)
			}
			kinds := 0
			assert.Zero(t, testing.AllocsPerRun(5000, func() {
				f, err := r.Next()
				if err != nil {
					panic(err)
				}
				if f.IsOK() || f.IsHeartbeat() || r.Ready() {
					kinds++
				}
			}))
			assert.NotZero(t, kinds)
		})
	}
}

// After the end, too: an actor may ask again and again.
func TestAllocsReaderAfterTheEnd(t *testing.T) {
	r := NewReader(strings.NewReader("\x00\x00\x00\x03"))
	_, err := r.Next()
	require.ErrorIs(t, err, ErrFrame)
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		r.Ready()
		_, err = r.Next()
	}))
}

// A new Reader costs its buffer and itself: connections come and go.
func TestAllocsNewReader(t *testing.T) {
	var r *Reader
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { r = NewReader(io.Reader(nil)) }), 2.0)
	assert.LessOrEqual(t, cap(r.buf), 4<<10)
}
