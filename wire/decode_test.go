package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nsqdBuffer is the size of nsqd's reader (nsqio/nsq v1.3.0, nsqd/client_v2.go, defaultBufferSize).
const nsqdBuffer = 16 << 10

func readCommand(stream string) (*Command, error) {
	return ReadCommand(bufio.NewReaderSize(strings.NewReader(stream), nsqdBuffer), Limits{})
}

func TestReadCommand(t *testing.T) {
	x := [][]byte{[]byte("x")}
	rows := []struct {
		name string
		in   string // nsqd v1.3.0 took each of these
		want Command
	}{
		{"PUB", "PUB t\n\x00\x00\x00\x01x", Command{Name: "PUB", Topic: "t", Bodies: x}},
		{"PUB, carriage return", "PUB t\r\n\x00\x00\x00\x01x", Command{Name: "PUB", Topic: "t", Bodies: x}},
		{"PUB, surplus parameters", "PUB t b c\n\x00\x00\x00\x01x", Command{Name: "PUB", Topic: "t", Bodies: x}},
		{"MPUB", "MPUB t\n\x00\x00\x00\x0e\x00\x00\x00\x02\x00\x00\x00\x01x\x00\x00\x00\x01x",
			Command{Name: "MPUB", Topic: "t", Bodies: [][]byte{x[0], x[0]}}},
		{"MPUB whose total is not the content's", "MPUB t\n\x00\x00\x00\x63\x00\x00\x00\x02\x00\x00\x00\x01x\x00\x00\x00\x01x",
			Command{Name: "MPUB", Topic: "t", Bodies: [][]byte{x[0], x[0]}}},
		{"DPUB, the longest delay", "DPUB t 3600000\n\x00\x00\x00\x01x",
			Command{Name: "DPUB", Topic: "t", Delay: time.Hour, Bodies: x}},
		{"DPUB, zeros in front", "DPUB t 0001\n\x00\x00\x00\x01x",
			Command{Name: "DPUB", Topic: "t", Delay: time.Millisecond, Bodies: x}},
		{"DPUB, an empty delay counts as none", "DPUB t \n\x00\x00\x00\x01x", Command{Name: "DPUB", Topic: "t", Bodies: x}},
		{"DPUB, two spaces: an empty delay and a surplus 5", "DPUB t  5\n\x00\x00\x00\x01x",
			Command{Name: "DPUB", Topic: "t", Bodies: x}},
		{"DPUB, 2^64+5 wraps around", "DPUB t 18446744073709551621\n\x00\x00\x00\x01x",
			Command{Name: "DPUB", Topic: "t", Delay: 5 * time.Millisecond, Bodies: x}},
		{"DPUB, in nanoseconds it wraps around", "DPUB t 18446744073710\n\x00\x00\x00\x01x",
			Command{Name: "DPUB", Topic: "t", Delay: 448384, Bodies: x}},
		{"IDENTIFY", "IDENTIFY\n\x00\x00\x00\x02{}", Command{Name: "IDENTIFY", Bodies: [][]byte{[]byte("{}")}}},
		{"IDENTIFY, surplus parameters", "IDENTIFY a b\n\x00\x00\x00\x02{}",
			Command{Name: "IDENTIFY", Bodies: [][]byte{[]byte("{}")}}},
		{"AUTH", "AUTH\n\x00\x00\x00\x04good", Command{Name: "AUTH", Bodies: [][]byte{[]byte("good")}}},
		{"NOP", "NOP\n", Command{Name: "NOP"}},
		{"NOP, surplus parameters", "NOP x\r\n", Command{Name: "NOP"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := bufio.NewReader(strings.NewReader(row.in + "NOP\n"))
			got, err := ReadCommand(r, Limits{})
			require.NoError(t, err)
			assert.Equal(t, &row.want, got)

			next, err := ReadCommand(r, Limits{})
			require.NoError(t, err, "the stream is in step behind it")
			assert.Equal(t, &Command{Name: "NOP"}, next)
			_, err = ReadCommand(r, Limits{})
			assert.Equal(t, io.EOF, err)
		})
	}
}

func TestReadCommandRefuses(t *testing.T) {
	const x = "\x00\x00\x00\x01x"
	a64 := strings.Repeat("a", 64)
	rows := []struct {
		in   string // behind it the stream ends
		want string // what nsqd v1.3.0 with default limits answered, type and size left off
	}{
		{"\n", "E_INVALID invalid command "},
		{"\r\n", "E_INVALID invalid command "},
		{"HELLO world\n", "E_INVALID invalid command HELLO"},
		{" PUB t\n" + x, "E_INVALID invalid command "},
		{"PUB\tt\n" + x, "E_INVALID invalid command PUB\tt"},
		{"pub t\n" + x, "E_INVALID invalid command pub"},
		{strings.Repeat("b", nsqdBuffer-1) + "\n", "E_INVALID invalid command " + strings.Repeat("b", nsqdBuffer-1)},
		{"CLS\n", "E_INVALID cannot CLS in current state"},
		{"FIN 0123456789abcdef\n", "E_INVALID cannot FIN in current state"},
		{"RDY 1\n", "E_INVALID cannot RDY in current state"},
		{"REQ x 1\n", "E_INVALID cannot REQ in current state"},
		{"TOUCH x\n", "E_INVALID cannot TOUCH in current state"},

		{"PUB\n" + x, "E_INVALID PUB insufficient number of parameters"},
		{"PUB \n" + x, `E_BAD_TOPIC PUB topic name "" is not valid`},
		{"PUB  t\n" + x, `E_BAD_TOPIC PUB topic name "" is not valid`},
		{"PUB t\r\r\n" + x, `E_BAD_TOPIC PUB topic name "t\r" is not valid`},
		{"PUB \xff\"\x00\n" + x, `E_BAD_TOPIC PUB topic name "\xff\"\x00" is not valid`},
		{"PUB #ephemeral\n" + x, `E_BAD_TOPIC PUB topic name "#ephemeral" is not valid`},
		{"PUB " + a64 + "a\n" + x, `E_BAD_TOPIC PUB topic name "` + a64 + `a" is not valid`},
		{"PUB t\n", "E_BAD_MESSAGE PUB failed to read message body size"},
		{"PUB t\n\x00", "E_BAD_MESSAGE PUB failed to read message body size"},
		{"PUB t\n\x00\x00\x00\x00", "E_BAD_MESSAGE PUB invalid message body size 0"},
		{"PUB t\n\xff\xff\xff\xff", "E_BAD_MESSAGE PUB invalid message body size -1"},
		{"PUB t\n\x00\x10\x00\x01", "E_BAD_MESSAGE PUB message too big 1048577 > 1048576"},
		{"PUB t\n\x00\x00\x00\x02x", "E_BAD_MESSAGE PUB failed to read message body"},

		{"DPUB t\n" + x, "E_INVALID DPUB insufficient number of parameters"},
		{"DPUB # x\n" + x, `E_BAD_TOPIC DPUB topic name "#" is not valid`},
		{"DPUB t -1\n" + x, "E_INVALID DPUB could not parse timeout -1"},
		{"DPUB t +1\n" + x, "E_INVALID DPUB could not parse timeout +1"},
		{"DPUB t 1_0\n" + x, "E_INVALID DPUB could not parse timeout 1_0"},
		{"DPUB t 3600001\n" + x, "E_INVALID DPUB timeout 3600001 out of range 0-3600000"},
		{"DPUB t 9223372036855\n" + x, "E_INVALID DPUB timeout 9223372036855 out of range 0-3600000"}, // negative as a Duration
		{"DPUB t 0\n", "E_BAD_MESSAGE DPUB failed to read message body size"},
		{"DPUB t 0\n\x00\x00\x00\x00", "E_BAD_MESSAGE DPUB invalid message body size 0"},
		{"DPUB t 0\n\x80\x00\x00\x00", "E_BAD_MESSAGE DPUB invalid message body size -2147483648"},
		{"DPUB t 0\n\x00\x10\x00\x01", "E_BAD_MESSAGE DPUB message too big 1048577 > 1048576"},
		{"DPUB t 0\n\x00\x00\x00\x02x", "E_BAD_MESSAGE DPUB failed to read message body"},

		{"MPUB\n", "E_INVALID MPUB insufficient number of parameters"},
		{"MPUB a/b\n", `E_BAD_TOPIC E_BAD_TOPIC MPUB topic name "a/b" is not valid`},
		{"MPUB t\n", "E_BAD_BODY MPUB failed to read body size"},
		{"MPUB t\n\x00\x00\x00\x00", "E_BAD_BODY MPUB invalid body size 0"},
		{"MPUB t\n\xff\xff\xff\xfb", "E_BAD_BODY MPUB invalid body size -5"},
		{"MPUB t\n\x00\x50\x00\x01", "E_BAD_BODY MPUB body too big 5242881 > 5242880"},
		{"MPUB t\n\x00\x00\x00\x09\x00\x00", "E_BAD_BODY MPUB failed to read message count"},
		{"MPUB t\n\x00\x00\x00\x09\x00\x00\x00\x00", "E_BAD_BODY MPUB invalid message count 0"},
		{"MPUB t\n\x00\x00\x00\x09\xff\xff\xff\xff", "E_BAD_BODY MPUB invalid message count -1"},
		{"MPUB t\n\x00\x00\x00\x09\x00\x10\x00\x00", "E_BAD_BODY MPUB invalid message count 1048576"},
		{"MPUB t\n\x00\x00\x00\x09\x00\x0f\xff\xff", "E_BAD_MESSAGE MPUB failed to read message(0) body size"}, // 1,048,575 is allowed
		{"MPUB t\n\x00\x00\x00\x09\x00\x00\x00\x02" + x + "\x00", "E_BAD_MESSAGE MPUB failed to read message(1) body size"},
		{"MPUB t\n\x00\x00\x00\x09\x00\x00\x00\x02" + x + "\x00\x00\x00\x00", "E_BAD_MESSAGE MPUB invalid message(1) body size 0"},
		{"MPUB t\n\x00\x00\x00\x09\x00\x00\x00\x01\x80\x00\x00\x00", "E_BAD_MESSAGE MPUB invalid message(0) body size -2147483648"},
		{"MPUB t\n\x00\x00\x00\x09\x00\x00\x00\x01\x00\x10\x00\x01", "E_BAD_MESSAGE MPUB message too big 1048577 > 1048576"},
		{"MPUB t\n\x00\x00\x00\x09\x00\x00\x00\x01\x00\x00\x00\x02x", "E_BAD_MESSAGE MPUB failed to read message body"},

		{"IDENTIFY\n", "E_BAD_BODY IDENTIFY failed to read body size"},
		{"IDENTIFY\n\x00\x00\x00\x00", "E_BAD_BODY IDENTIFY invalid body size 0"},
		{"IDENTIFY\n\xff\xff\xff\xff", "E_BAD_BODY IDENTIFY invalid body size -1"},
		{"IDENTIFY\n\x00\x50\x00\x01", "E_BAD_BODY IDENTIFY body too big 5242881 > 5242880"},
		{"IDENTIFY\n\x00\x00\x00\x03{}", "E_BAD_BODY IDENTIFY failed to read body"},

		{"AUTH x\n" + x, "E_INVALID AUTH invalid number of parameters"},
		{"AUTH \n" + x, "E_INVALID AUTH invalid number of parameters"},
		{"AUTH\nxx", "E_BAD_BODY AUTH failed to read body size"},
		{"AUTH\n\x00\x00\x00\x00", "E_BAD_BODY AUTH invalid body size 0"},
		{"AUTH\n\x00\x50\x00\x01", "E_BAD_BODY AUTH body too big 5242881 > 5242880"},
		{"AUTH\n\x00\x00\x00\x02x", "E_BAD_BODY AUTH failed to read body"},
	}
	for _, row := range rows {
		command, err := readCommand(row.in)
		assert.Nil(t, command)
		var reply *ReplyError
		if assert.True(t, errors.As(err, &reply), "%.40q: %v", row.in, err) {
			assert.Equal(t, row.want, reply.Code+" "+reply.Text, "%.40q", row.in)
			assert.Contains(t, codeFacts, reply.Code)
		}
	}
}

// Where nsqd v1.3.0 closes without a frame, the error is the reader's.
func TestReadCommandEnds(t *testing.T) {
	_, err := readCommand("")
	assert.Equal(t, io.EOF, err)
	_, err = readCommand("PUB t")
	assert.Equal(t, io.EOF, err, "within a line, too")
	_, err = readCommand(strings.Repeat("b", nsqdBuffer) + "\n")
	assert.Equal(t, bufio.ErrBufferFull, err, "one byte longer than the longest line")
	_, err = ReadCommand(bufio.NewReader(iotest.ErrReader(iotest.ErrTimeout)), Limits{})
	assert.Equal(t, iotest.ErrTimeout, err)
}

func TestReadCommandLimits(t *testing.T) {
	limits := Limits{MaxMsgSize: 5, MaxBodySize: 24, MaxDelay: 1500 * time.Microsecond}
	body := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	rows := []struct {
		name string
		in   []byte
		want string // "" for a command that is fine
	}{
		{"PUB at the limit", must(AppendPub(nil, "t", body(5))), ""},
		{"PUB above it", must(AppendPub(nil, "t", body(6))), "E_BAD_MESSAGE PUB message too big 6 > 5"},
		{"DPUB at both limits", must(AppendDPub(nil, "t", time.Millisecond, body(5))), ""},
		{"DPUB above the delay", must(AppendDPub(nil, "t", 2*time.Millisecond, body(5))), "E_INVALID DPUB timeout 2 out of range 0-1"},
		{"DPUB above the size", must(AppendDPub(nil, "t", 0, body(6))), "E_BAD_MESSAGE DPUB message too big 6 > 5"},
		{"MPUB at the limits: (24-4)/5 messages", must(AppendMPub(nil, "t", [][]byte{body(1), body(1), body(1), body(1)})), ""},
		{"MPUB, a message at the limit", must(AppendMPub(nil, "t", [][]byte{body(5), body(1)})), ""},
		{"MPUB, a message above it", must(AppendMPub(nil, "t", [][]byte{body(1), body(6)})), "E_BAD_MESSAGE MPUB message too big 6 > 5"},
		{"MPUB, total above the limit", must(AppendMPub(nil, "t", [][]byte{body(5), body(5), body(5)})), "E_BAD_BODY MPUB body too big 31 > 24"},
		{"MPUB, count above the limit", []byte("MPUB t\n\x00\x00\x00\x18\x00\x00\x00\x05"), "E_BAD_BODY MPUB invalid message count 5"},
		{"IDENTIFY at the limit of bodies", AppendIdentify(nil, body(24)), ""},
		{"IDENTIFY above it", AppendIdentify(nil, body(25)), "E_BAD_BODY IDENTIFY body too big 25 > 24"},
		{"AUTH above it", AppendAuth(nil, body(25)), "E_BAD_BODY AUTH body too big 25 > 24"},
	}
	for _, row := range rows {
		_, err := ReadCommand(bufio.NewReader(bytes.NewReader(row.in)), limits)
		if row.want == "" {
			assert.NoError(t, err, row.name)
			continue
		}
		assert.EqualError(t, err, "nsqd: "+row.want, row.name)
	}

	largest := must(AppendPub(nil, "t", body(DefaultMaxMsgSize)))
	command, err := ReadCommand(bufio.NewReader(bytes.NewReader(largest)), Limits{})
	require.NoError(t, err, "zero Limits are nsqd's defaults")
	assert.Len(t, command.Bodies[0], DefaultMaxMsgSize)
	delayed := must(AppendDPub(nil, "t", MaxDelay, body(1)))
	_, err = ReadCommand(bufio.NewReader(bytes.NewReader(delayed)), Limits{})
	assert.NoError(t, err)
}

// A command's bodies are its own: reading on leaves them as they are.
func TestReadCommandShares(t *testing.T) {
	stream := must(AppendMPub(nil, "t", [][]byte{[]byte("first"), []byte("second")}))
	stream = must(AppendPub(stream, "u", bytes.Repeat([]byte("z"), 100)))
	r := bufio.NewReaderSize(bytes.NewReader(stream), 16)
	command, err := ReadCommand(r, Limits{})
	require.NoError(t, err)
	_, err = ReadCommand(r, Limits{})
	require.NoError(t, err)
	assert.Equal(t, &Command{Name: "MPUB", Topic: "t", Bodies: [][]byte{[]byte("first"), []byte("second")}}, command)
}

// allocated returns how many bytes f allocated.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A peer that announces much and sends little costs little.
func TestReadCommandTrustsNoSize(t *testing.T) {
	limits := Limits{MaxMsgSize: math.MaxInt32, MaxBodySize: math.MaxInt32}
	rows := []struct{ name, in string }{
		{"PUB, a body of 2 GiB", "PUB t\n\x7f\xff\xff\xffx"},
		{"DPUB, a body of 2 GiB", "DPUB t 0\n\x7f\xff\xff\xffx"},
		{"IDENTIFY, a body of 2 GiB", "IDENTIFY\n\x7f\xff\xff\xff{"},
		{"AUTH, a body of 2 GiB", "AUTH\n\x7f\xff\xff\xffx"},
		{"MPUB, 429 million messages", "MPUB t\n\x7f\xff\xff\xff\x19\x99\x99\x98\x00\x00\x00\x01x"},
		{"MPUB, a message of 2 GiB", "MPUB t\n\x7f\xff\xff\xff\x00\x00\x00\x01\x7f\xff\xff\xffx"},
	}
	for _, row := range rows {
		r := bufio.NewReader(strings.NewReader(row.in))
		var err error
		assert.Less(t, allocated(func() { _, err = ReadCommand(r, limits) }), uint64(32<<10), row.name)
		var reply *ReplyError
		require.ErrorAs(t, err, &reply, row.name)
		assert.Contains(t, reply.Text, "failed to read", row.name)
	}
}
