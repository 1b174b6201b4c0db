package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// A seed is named by what it means. Each runs as a test of its own as well, so that a failure tells its name.
type seed struct {
	name string
	data string
}

func fuzzBytes(f *testing.F, seeds []seed, property func(*testing.T, []byte)) {
	for _, s := range seeds {
		f.Add([]byte(s.data))
	}
	f.Fuzz(property)
}

func testSeeds(t *testing.T, seeds []seed, property func(*testing.T, []byte)) {
	for _, s := range seeds {
		t.Run(s.name, func(t *testing.T) { property(t, []byte(s.data)) })
	}
}

// cuts are the ways in which the same bytes may arrive.
var cuts = map[string]func(io.Reader) io.Reader{
	"whole":                       func(r io.Reader) io.Reader { return r },
	"halved":                      iotest.HalfReader,
	"bytewise":                    iotest.OneByteReader,
	"whole, the end beside them":  iotest.DataErrReader,
	"bytewise, the end beside it": func(r io.Reader) io.Reader { return iotest.DataErrReader(iotest.OneByteReader(r)) },
}

var frameSeeds = []seed{
	{"nothing", ""},
	{"acknowledgement", "\x00\x00\x00\x06\x00\x00\x00\x00OK"},
	{"heartbeat", "\x00\x00\x00\x0f\x00\x00\x00\x00_heartbeat_"},
	{"error", "\x00\x00\x00\x12\x00\x00\x00\x01E_BAD_PROTOCOL"},
	{"empty data", "\x00\x00\x00\x04\x00\x00\x00\x02"},
	{"unknown type", "\x00\x00\x00\x05\xff\xff\xff\xffx"},
	{"two frames and a bit of the third", "\x00\x00\x00\x06\x00\x00\x00\x00OK\x00\x00\x00\x06\x00\x00\x00\x00NO\x00\x00\x00\x06\x00"},
	{"size below the type's", "\x00\x00\x00\x03\x00\x00\x00"},
	{"negative size", "\xff\xff\xff\xff"},
	{"size above the cap", "\x00\x00\x40\x01"},
	{"longest frame", "\x00\x00\x40\x00\x00\x00\x00\x00" + strings.Repeat("x", MaxFrameSize-typeSize)},
	{"frame that outgrows the first buffer by one", "\x00\x00\x0f\xfd\x00\x00\x00\x00" + strings.Repeat("x", 4089)},
	{"longest frame behind half a buffer", strings.Repeat("\x00\x00\x00\x06\x00\x00\x00\x00OK", 205) + "\x00\x00\x40\x00" + strings.Repeat("\x00", MaxFrameSize)},
	{"HTTP answer", "HTTP/1.1 400 Bad Request\r\n"},
	{"HTTP answer behind a frame", "\x00\x00\x00\x06\x00\x00\x00\x00OKHTTP"},
}

func FuzzReader(f *testing.F)                { fuzzBytes(f, frameSeeds, readerProperties) }
func TestReaderSeeds(t *testing.T)           { testSeeds(t, frameSeeds, readerProperties) }
func FuzzReadCommand(f *testing.F)           { fuzzBytes(f, commandSeeds, commandProperties) }
func TestCommandSeeds(t *testing.T)          { testSeeds(t, commandSeeds, commandProperties) }
func FuzzCheckTopic(f *testing.F)            { fuzzBytes(f, topicSeeds, topicProperties) }
func TestTopicSeeds(t *testing.T)            { testSeeds(t, topicSeeds, topicProperties) }
func topicProperties(t *testing.T, b []byte) { checkAgainstNsqd(t, string(b)) }

// plainFrames splits a stream in the most direct way: it has all of it in memory.
func plainFrames(stream []byte) (frames []ownFrame, end error) {
	for len(stream) > 0 {
		if len(stream) < 4 {
			return frames, io.ErrUnexpectedEOF
		}
		size := int64(int32(binary.BigEndian.Uint32(stream)))
		switch {
		case string(stream[:4]) == "HTTP":
			return frames, ErrHTTP
		case size < 4 || size > MaxFrameSize:
			return frames, ErrFrame
		case int64(len(stream)) < 4+size:
			return frames, io.ErrUnexpectedEOF
		}
		kind := FrameType(int32(binary.BigEndian.Uint32(stream[4:])))
		frames = append(frames, ownFrame{kind, string(stream[8 : 4+size])})
		stream = stream[4+size:]
	}
	return frames, io.EOF
}

// readerProperties: however the bytes arrive, Reader finds the frames that plainFrames finds and ends with that error, which
// it keeps; its buffer stays within the cap; the frames, encoded, are the bytes again; an error frame's data is its code and
// text again.
func readerProperties(t *testing.T, stream []byte) {
	want, wantErr := plainFrames(stream)
	ends := map[string]string{}
	for name, cut := range cuts {
		r := NewReader(cut(bytes.NewReader(stream)))
		var again []byte
		n := 0
		for {
			frame, err := r.Next()
			if cap(r.buf) > lenSize+MaxFrameSize {
				t.Fatalf("%s: the buffer grew to %d bytes", name, cap(r.buf))
			}
			if err != nil {
				if !errors.Is(err, wantErr) {
					t.Fatalf("%s: error %v, want %v", name, err, wantErr)
				}
				if _, second := r.Next(); second != err || !r.Ready() {
					t.Fatalf("%s: error %v first, then %v", name, err, second)
				}
				ends[err.Error()] = name
				break
			}
			if n == len(want) || frame.Type != want[n].Type || string(frame.Data) != want[n].data {
				t.Fatalf("%s: frame %d is %v %q", name, n, frame.Type, frame.Data)
			}
			again = AppendFrame(again, frame.Type, string(frame.Data))
			n++
			if reply := ParseError(frame.Data); frame.Type == FrameError && reply.Code+" "+reply.Text != string(frame.Data) && reply.Code != string(frame.Data) {
				t.Fatalf("%s: %q became code %q and text %q", name, frame.Data, reply.Code, reply.Text)
			}
		}
		if n != len(want) {
			t.Fatalf("%s: %d frames, want %d", name, n, len(want))
		}
		if !bytes.HasPrefix(stream, again) {
			t.Fatalf("%s: encoded again, the frames are other bytes", name)
		}
	}
	if len(ends) != 1 {
		t.Fatalf("the error depends on how the bytes arrive: %v", ends)
	}
}

var commandSeeds = []seed{
	{"nothing", ""},
	{"every command", "IDENTIFY\n\x00\x00\x00\x02{}AUTH\n\x00\x00\x00\x01sPUB t\n\x00\x00\x00\x01xDPUB t 5\n\x00\x00\x00\x01xMPUB t\n\x00\x00\x00\x09\x00\x00\x00\x01\x00\x00\x00\x01xNOP\n"},
	{"batch of three", "MPUB t#ephemeral\n\x00\x00\x00\x14\x00\x00\x00\x03\x00\x00\x00\x01x\x00\x00\x00\x02yy\x00\x00\x00\x01z"},
	{"carriage returns", "NOP\r\nPUB t\r\n\x00\x00\x00\x01x"},
	{"surplus parameters", "PUB a b\n\x00\x00\x00\x01x"},
	{"delay that wraps around", "DPUB t 18446744073710\n\x00\x00\x00\x01x"},
	{"delay without digits", "DPUB t \n\x00\x00\x00\x01x"},
	{"delay too long", "DPUB t 3600001\n\x00\x00\x00\x01x"},
	{"negative delay", "DPUB t -1\n\x00\x00\x00\x01x"},
	{"topic with a slash", "MPUB a/b\n"},
	{"topic missing", "PUB\n"},
	{"empty message", "PUB t\n\x00\x00\x00\x00"},
	{"empty message in a batch", "MPUB t\n\x00\x00\x00\x09\x00\x00\x00\x02\x00\x00\x00\x01x\x00\x00\x00\x00"},
	{"large size, few bytes", "PUB t\n\x00\x10\x00\x00x"},
	{"large batch, few bytes", "MPUB t\n\x00\x50\x00\x00\x00\x0f\xff\xff\x00\x00\x00\x01x"},
	{"large secret, few bytes", "AUTH\n\x00\x50\x00\x00x"},
	{"body above the first allocation", "PUB t\n\x00\x00\x10\x01" + strings.Repeat("x", 4097)},
	{"line without end", strings.Repeat("a", nsqdBuffer+1)},
	{"consumer's command", "CLS\n"},
	{"unknown command", "HELLO world\n"},
	{"empty line", "\n"},
}

// commandProperties: however the bytes arrive, ReadCommand finds the same commands and the same error; what it allocates is
// in proportion to the bytes that are there, not to sizes stated; a command, encoded and read again, is the same.
func commandProperties(t *testing.T, stream []byte) {
	type result struct {
		commands []*Command
		end      string
	}
	var first result
	for i, name := range []string{"whole", "halved", "bytewise"} {
		r := bufio.NewReaderSize(cuts[name](bytes.NewReader(stream)), nsqdBuffer)
		var got result
		spent := allocated(func() {
			for got.end == "" {
				c, err := ReadCommand(r, Limits{})
				if err != nil {
					got.end = fmt.Sprintf("%T %v", err, err)
					break
				}
				got.commands = append(got.commands, c)
			}
		})
		if limit := 256<<10 + 64*len(stream); spent > uint64(limit) {
			t.Fatalf("%s: %d bytes allocated for %d", name, spent, len(stream))
		}
		if i == 0 {
			first = got
		} else if !reflect.DeepEqual(first, got) {
			t.Fatalf("%s: %v, whole: %v", name, got, first)
		}
	}
	for _, c := range first.commands {
		encoded := encode(t, c)
		again, err := ReadCommand(bufio.NewReader(bytes.NewReader(encoded)), Limits{})
		if err != nil {
			t.Fatalf("%q cannot be read: %v", encoded, err)
		}
		c.Delay = (c.Delay + time.Millisecond - 1).Truncate(time.Millisecond) // sent in whole milliseconds
		if !reflect.DeepEqual(c, again) {
			t.Fatalf("%v became %v", c, again)
		}
	}
}

// encode is ReadCommand's way back.
func encode(t *testing.T, c *Command) (b []byte) {
	var err error
	switch c.Name {
	case "IDENTIFY":
		b = AppendIdentify(nil, c.Bodies[0])
	case "AUTH":
		b = AppendAuth(nil, c.Bodies[0])
	case "NOP":
		b = AppendNop(nil)
	case "PUB":
		b, err = AppendPub(nil, c.Topic, c.Bodies[0])
	case "DPUB":
		b, err = AppendDPub(nil, c.Topic, c.Delay, c.Bodies[0])
	case "MPUB":
		b, err = AppendMPub(nil, c.Topic, c.Bodies)
	default:
		t.Fatalf("ReadCommand returned %q", c.Name)
	}
	if err != nil {
		t.Fatalf("what was read cannot be encoded: %v", err)
	}
	return b
}

var topicSeeds = []seed{
	{"empty", ""},
	{"plain", "orders.v1_new-2"},
	{"ephemeral", "orders#ephemeral"},
	{"ephemeral without a name", "#ephemeral"},
	{"64 bytes", strings.Repeat("a", 64)},
	{"65 bytes", strings.Repeat("a", 65)},
	{"64 bytes with the suffix", strings.Repeat("a", 54) + "#ephemeral"},
	{"65 bytes with the suffix", strings.Repeat("a", 55) + "#ephemeral"},
	{"newline at the end", "orders\n"},
	{"two parameters", "orders x"},
	{"not UTF-8", "\xff\xfe"},
}
