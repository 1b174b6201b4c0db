package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ownFrame is a Frame with data of its own, which outlives the Reader's next call.
type ownFrame struct {
	Type FrameType
	data string
}

func (f ownFrame) frame() Frame { return Frame{f.Type, []byte(f.data)} }

// errEnd is how a stream ends within a frame.
var errEnd = io.ErrUnexpectedEOF

// readFrames reads to the end. The error is nil at the end of a stream that ends between two frames.
func readFrames(src io.Reader) ([]ownFrame, error) {
	r := NewReader(src)
	var frames []ownFrame
	for {
		f, err := r.Next()
		if err == io.EOF {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		frames = append(frames, ownFrame{f.Type, string(f.Data)})
	}
}

// busyStream is what a producer may get: a run of acknowledgements, heartbeats, a JSON answer, the longest frame there can be,
// an empty one, an error.
func busyStream() []byte {
	var b []byte
	for range 1000 {
		b = AppendOK(b)
	}
	b = AppendHeartbeat(b)
	b = AppendFrame(b, FrameResponse, capturedIdentify)
	b = AppendFrame(b, FrameResponse, strings.Repeat("x", MaxFrameSize-typeSize))
	b = AppendFrame(b, FrameResponse, "")
	b = AppendFrame(b, FrameResponse, strings.Repeat("y", readerSize-headerSize)) // fills the first buffer exactly
	b = AppendFrame(b, FrameResponse, strings.Repeat("z", readerSize-headerSize+1))
	b = AppendHeartbeat(b)
	b = AppendFrame(b, FrameError, "E_BAD_TOPIC PUB topic name \"\" is not valid")
	return b
}

// However the bytes are cut on their way, the frames are the same.
func TestReaderIotest(t *testing.T) {
	stream := busyStream()
	want, err := readFrames(bytes.NewReader(stream))
	require.NoError(t, err)
	require.Len(t, want, 1008)

	cut := stream[:len(stream)-5] // within the last frame
	readers := map[string]func(io.Reader) io.Reader{
		"one byte a read":           iotest.OneByteReader,
		"half of what was asked":    iotest.HalfReader,
		"the end beside the data":   iotest.DataErrReader,
		"bytewise, end beside data": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
		"empty reads in between":    func(r io.Reader) io.Reader { return &stutter{r: iotest.HalfReader(r)} },
	}
	for name, wrap := range readers {
		t.Run(name, func(t *testing.T) {
			got, err := readFrames(wrap(bytes.NewReader(stream)))
			assert.NoError(t, err)
			assert.Equal(t, want, got)

			got, err = readFrames(wrap(bytes.NewReader(cut)))
			assert.Equal(t, io.ErrUnexpectedEOF, err)
			assert.Equal(t, want[:len(want)-1], got)
		})
	}
}

// stutter returns no bytes and no error on every second read, which an io.Reader may do.
type stutter struct {
	r    io.Reader
	odd  bool
	only bool
}

func (s *stutter) Read(p []byte) (int, error) {
	s.odd = !s.odd
	if s.odd || s.only {
		return 0, nil
	}
	return s.r.Read(p)
}

func TestReaderGivesUpOnEmptyReads(t *testing.T) {
	r := NewReader(&stutter{only: true})
	for range 2 {
		_, err := r.Next()
		assert.Equal(t, io.ErrNoProgress, err)
	}
}

// A read error is the stream's last word, and frames that came before it are not lost.
func TestReaderTimeout(t *testing.T) {
	src := iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(AppendOK(nil)))) // its second read times out
	r := NewReader(src)
	for range 3 {
		_, err := r.Next()
		assert.Equal(t, iotest.ErrTimeout, err, "also when src would go on")
	}
}

func TestReaderErrorBesideData(t *testing.T) {
	broken := errors.New("connection reset")
	for _, tail := range []int{0, 1, 9} { // of the third frame
		data := AppendOK(AppendHeartbeat(AppendOK(nil)))
		data = data[:29+tail]
		src := readFunc(func(p []byte) (int, error) { return copy(p, data), broken })
		r := NewReader(src)

		f, err := r.Next()
		require.NoError(t, err)
		assert.True(t, f.IsOK())
		f, err = r.Next()
		require.NoError(t, err)
		assert.True(t, f.IsHeartbeat())
		for range 3 {
			_, err = r.Next()
			assert.Equal(t, broken, err)
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// After the end, of whatever kind, Next returns the very same error and reads no more.
func TestReaderErrorIsStable(t *testing.T) {
	rows := []struct{ name, stream string }{
		{"end between frames", string(AppendOK(nil))},
		{"end within a frame", "\x00\x00\x00\x06\x00"},
		{"bad size, an OK behind it", "\x00\x00\x00\x03" + string(AppendOK(nil))},
		{"bad size whose tail looks like an OK", "\xff" + string(AppendOK(nil))},
		{"HTTP", "HTTP/1.1 200 OK\r\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			reads := 0
			src := strings.NewReader(row.stream)
			r := NewReader(readFunc(func(p []byte) (int, error) { reads++; return src.Read(p) }))
			var first error
			for first == nil {
				_, first = r.Next()
			}
			before := reads
			for range 3 {
				assert.True(t, r.Ready(), "an error is there without reading")
				f, err := r.Next()
				assert.True(t, first == err, "%v is not the same as %v", err, first) // identity, not only equality
				assert.Empty(t, f)
			}
			assert.Equal(t, before, reads)
		})
	}
}

// Ready is what lets an actor count a run of acknowledgements without waiting for one that is not there yet.
func TestReaderReady(t *testing.T) {
	client, server := io.Pipe()
	defer client.Close()
	r := NewReader(client)
	assert.False(t, r.Ready(), "nothing was read yet")

	go func() {
		server.Write(append(AppendHeartbeat(AppendOK(nil)), 0, 0, 0)) // two frames and a bit
		server.Write([]byte{6, 0, 0, 0, 0, 'O', 'K'})                 // the rest of the third
		server.Write([]byte{0, 0, 0, 1})                              // no frame
	}()
	f, err := r.Next()
	require.NoError(t, err)
	assert.True(t, f.IsOK())
	assert.True(t, r.Ready(), "the heartbeat came with it")
	assert.True(t, r.Ready(), "asking changes nothing")
	assert.True(t, f.IsOK(), "asking leaves the last frame as it is")

	f, err = r.Next()
	require.NoError(t, err)
	assert.True(t, f.IsHeartbeat())
	assert.False(t, r.Ready(), "three bytes are not a frame")

	f, err = r.Next()
	require.NoError(t, err)
	assert.True(t, f.IsOK())
	assert.False(t, r.Ready())

	_, err = r.Next()
	assert.ErrorIs(t, err, ErrFrame)
	assert.True(t, r.Ready())
}

// A bad size that is in the buffer already is ready: Next will not wait to report it.
func TestReaderReadyForABadSize(t *testing.T) {
	r := NewReader(bytes.NewReader(append(AppendOK(nil), 0, 0, 0, 1)))
	_, err := r.Next()
	require.NoError(t, err)
	assert.True(t, r.Ready())
}

// A size is judged as soon as it is there: a peer that speaks another protocol and then waits must not hang the reader.
func TestReaderJudgesASizeAtOnce(t *testing.T) {
	for _, head := range []string{"HTTP", "\x00\x00\x00\x03", "\xff\xff\xff\xff", "\x00\x00\x40\x01"} {
		src := io.MultiReader(strings.NewReader(head), readFunc(func([]byte) (int, error) {
			t.Error("it read on")
			return 0, io.EOF
		}))
		_, err := NewReader(src).Next()
		assert.ErrorIs(t, err, ErrFrame, "%q", head)
	}
}

// Whatever sizes a peer states, the buffer stays within its cap.
func TestReaderBufferIsBounded(t *testing.T) {
	assert.Equal(t, readerSize, cap(NewReader(nil).buf))

	r := NewReader(bytes.NewReader(bytes.Repeat(AppendOK(nil), 100_000)))
	for {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	assert.Equal(t, readerSize, cap(r.buf), "acknowledgements alone never grow it")

	largest := 0
	r = NewReader(bytes.NewReader(bytes.Repeat(busyStream(), 20)))
	for {
		if _, err := r.Next(); err != nil {
			break
		}
		largest = max(largest, cap(r.buf))
	}
	assert.Equal(t, lenSize+MaxFrameSize, largest)

	for _, size := range []uint32{0, 3, MaxFrameSize + 1, 1 << 24, 1<<31 - 1, 1 << 31, 1<<32 - 1, sizeHTTP} {
		r = NewReader(bytes.NewReader(binary.BigEndian.AppendUint32(nil, size)))
		_, err := r.Next()
		assert.ErrorIs(t, err, ErrFrame)
		assert.Equal(t, readerSize, cap(r.buf), "size %d", size)
	}
}

// Frame.Data ends where the frame ends, so that appending to it cannot reach the frame behind it.
func TestFrameDataIsClipped(t *testing.T) {
	r := NewReader(bytes.NewReader(AppendHeartbeat(AppendOK(nil))))
	f, err := r.Next()
	require.NoError(t, err)
	assert.Equal(t, len(f.Data), cap(f.Data))
	_ = append(f.Data, "overwritten"...)
	f, err = r.Next()
	require.NoError(t, err)
	assert.True(t, f.IsHeartbeat())
}

// Only these very bytes acknowledge, and only in a response.
func TestFrameKinds(t *testing.T) {
	for _, data := range []string{"", "O", "NO", "ok", "OK ", "OK\n", " OK", "OKOK", "CLOSE_WAIT", "heartbeat"} {
		f := Frame{FrameResponse, []byte(data)}
		assert.False(t, f.IsOK(), "%q", data)
		assert.False(t, f.IsHeartbeat(), "%q", data)
	}
	for _, kind := range []FrameType{FrameError, FrameMessage, 3, -1} {
		assert.False(t, Frame{kind, []byte("OK")}.IsOK(), "%v", kind)
		assert.False(t, Frame{kind, []byte("_heartbeat_")}.IsHeartbeat(), "%v", kind)
	}
	assert.True(t, Frame{FrameResponse, []byte("OK")}.IsOK())
	assert.True(t, Frame{FrameResponse, []byte("_heartbeat_")}.IsHeartbeat())

	assert.Equal(t, "response error message FrameType(3) FrameType(-1)", strings.Join([]string{
		FrameResponse.String(), FrameError.String(), FrameMessage.String(), FrameType(3).String(), FrameType(-1).String()}, " "))
}

func TestRestIsWhatWasReadAhead(t *testing.T) {
	src := append(AppendOK(nil), "what follows"...)
	for _, behind := range []int{0, 1, len("what follows")} {
		r := NewReader(bytes.NewReader(src[:10+behind]))
		_, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, "what follows"[:behind], string(r.Rest()))
	}
}
