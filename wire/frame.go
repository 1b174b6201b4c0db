package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// FrameType says what a frame from nsqd is (nsqio/nsq v1.3.0, nsqd/protocol_v2.go, frameType constants).
type FrameType int32

const (
	FrameResponse FrameType = 0 // an answer to a command, or a heartbeat
	FrameError    FrameType = 1 // a refusal; for a producer, nsqd closes the connection behind it
	FrameMessage  FrameType = 2 // a message for a consumer; a producer never gets one
)

// String returns the type's name, or its number where nsqd knows no such type.
func (t FrameType) String() string {
	switch t {
	case FrameResponse:
		return "response"
	case FrameError:
		return "error"
	case FrameMessage:
		return "message"
	}
	return fmt.Sprintf("FrameType(%d)", int32(t))
}

// Frame is one unit of what nsqd sends:
//
//	size int32 | type int32 | data, size-4 bytes
//
// Data is the Reader's own memory, valid until its next call of Next.
type Frame struct {
	Type FrameType
	Data []byte
}

const (
	okData        = "OK"
	heartbeatData = "_heartbeat_"
)

// IsOK reports whether the frame acknowledges a command: a response whose data is exactly "OK".
func (f Frame) IsOK() bool { return f.Type == FrameResponse && string(f.Data) == okData }

// IsHeartbeat reports whether the frame is a heartbeat, which answers no command and may stand between any two frames.
func (f Frame) IsHeartbeat() bool { return f.Type == FrameResponse && string(f.Data) == heartbeatData }

// AppendFrame appends a frame as nsqd sends it.
func AppendFrame(dst []byte, t FrameType, data string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(typeSize+len(data)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(t))
	return append(dst, data...)
}

// AppendOK appends nsqd's acknowledgement of one command.
func AppendOK(dst []byte) []byte { return AppendFrame(dst, FrameResponse, okData) }

// AppendHeartbeat appends nsqd's heartbeat.
func AppendHeartbeat(dst []byte) []byte { return AppendFrame(dst, FrameResponse, heartbeatData) }

const (
	typeSize   = 4
	headerSize = lenSize + typeSize

	// MaxFrameSize is the largest size that a Reader takes, type included. The longest frame a producer gets is the answer to
	// IDENTIFY or AUTH, below 1 KiB from nsqd v1.3.0; the room above that is for error texts and auth servers' addresses.
	// nsqd repeats a wrong command or topic in its error frame, which can make that one longer, but the encoders here write
	// neither.
	MaxFrameSize = 16 << 10

	readerSize = 4 << 10 // what a Reader starts with: some 400 acknowledgements
)

var (
	// ErrFrame is wrapped by every error about bytes that are not nsqd's frames. The stream is out of step then for good.
	ErrFrame = errors.New("not an nsqd frame")

	// ErrHTTP wraps ErrFrame: an HTTP server answered.
	ErrHTTP = fmt.Errorf("%w: an HTTP server answered; dial nsqd's TCP port, by default 4150, not 4151", ErrFrame)
)

// sizeHTTP is what the first four bytes of an HTTP answer, "HTTP", are when read as a size.
const sizeHTTP = 'H'<<24 | 'T'<<16 | 'T'<<8 | 'P'

// Reader splits a stream into frames. It allocates nothing per frame, and never by a size that the peer stated: its buffer
// grows to [MaxFrameSize] at most. It is for one goroutine at a time.
type Reader struct {
	src        io.Reader
	buf        []byte
	start, end int // buf[start:end] is read and not yet returned
	err        error
}

// NewReader returns a Reader of src, which it reads ahead.
func NewReader(src io.Reader) *Reader {
	return &Reader{src: src, buf: make([]byte, readerSize)}
}

// Next returns the next frame, waiting for it as long as src does. Its errors wrap [ErrFrame] or come from src; io.EOF means
// that the stream ended between two frames, io.ErrUnexpectedEOF that it ended within one. After an error it returns that
// error again.
func (r *Reader) Next() (Frame, error) {
	for {
		whole, err := r.parse()
		if whole > 0 {
			frame := r.buf[r.start : r.start+whole : r.start+whole]
			r.start += whole
			return Frame{FrameType(int32(binary.BigEndian.Uint32(frame[lenSize:]))), frame[headerSize:]}, nil
		}
		if err != nil {
			r.err, r.start, r.end = err, 0, 0 // what follows such bytes has no meaning
		}
		if r.err != nil {
			return Frame{}, r.err
		}
		r.fill()
	}
}

// Ready reports whether Next would return without reading src.
func (r *Reader) Ready() bool {
	whole, err := r.parse()
	return whole > 0 || err != nil || r.err != nil
}

// Rest returns what has been read ahead and not been returned by Next, for whoever goes on with src in another way. The Reader
// must not be used any more.
func (r *Reader) Rest() []byte { return r.buf[r.start:r.end] }

// parse returns the length of the frame that is whole in the buffer, 0 for none. It judges a size as soon as it is there, so
// that the same bytes give the same result however they were cut on their way.
func (r *Reader) parse() (int, error) {
	have := r.buf[r.start:r.end]
	if len(have) < lenSize {
		return 0, nil
	}
	size := binary.BigEndian.Uint32(have)
	switch {
	case size == sizeHTTP:
		return 0, ErrHTTP
	case size < typeSize || size > MaxFrameSize:
		return 0, fmt.Errorf("%w: its size is %d, sizes are from %d to %d", ErrFrame, int32(size), typeSize, MaxFrameSize)
	case len(have) < lenSize+int(size):
		return 0, nil
	}
	return lenSize + int(size), nil
}

// fill reads once. It is called with no whole frame in the buffer, so that there is little to move.
func (r *Reader) fill() {
	r.end = copy(r.buf, r.buf[r.start:r.end])
	r.start = 0
	if r.end == len(r.buf) {
		grown := make([]byte, lenSize+MaxFrameSize)
		copy(grown, r.buf)
		r.buf = grown
	}
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if err == io.EOF && r.end > 0 && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if n > 0 && err == io.EOF {
			return // it comes again, behind what was read with it
		}
		if n > 0 || err != nil {
			r.err = err
			return
		}
	}
	r.err = io.ErrNoProgress
}

// maxEmptyReads bounds reads that return neither bytes nor an error, as bufio does.
const maxEmptyReads = 100
