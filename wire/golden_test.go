package wire

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The bytes in this file were written by hand from the protocol's description. captured_test.go holds what a real nsqd sent
// and took.

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestGoldenCommands(t *testing.T) {
	rows := []struct {
		name string
		got  []byte
		want []byte
	}{
		{"magic: two spaces, V, 2", []byte(Magic), []byte{0x20, 0x20, 0x56, 0x32}},

		{"NOP: a line and nothing else", AppendNop(nil), []byte{'N', 'O', 'P', '\n'}},

		{"IDENTIFY with an empty JSON object", AppendIdentify(nil, []byte("{}")), []byte{
			'I', 'D', 'E', 'N', 'T', 'I', 'F', 'Y', '\n', // command line, no parameters
			0, 0, 0, 2, // size of the JSON
			'{', '}',
		}},

		{"AUTH", AppendAuth(nil, []byte("s3 \n")), []byte{
			'A', 'U', 'T', 'H', '\n', // command line, no parameters
			0, 0, 0, 4, // size of the secret
			's', '3', ' ', '\n', // a secret is counted, so it may hold anything
		}},

		{"PUB, one byte", must(AppendPub(nil, "t", []byte("x"))), []byte{
			'P', 'U', 'B', ' ', 't', '\n', // command line
			0, 0, 0, 1, // size: the body only
			'x',
		}},

		{"PUB, body that looks like a command", must(AppendPub(nil, "a.b", []byte("NOP\n"))), []byte{
			'P', 'U', 'B', ' ', 'a', '.', 'b', '\n', // command line
			0, 0, 0, 4, // size
			'N', 'O', 'P', '\n', // inside the counted body: no command
		}},

		{"PUB, 258 bytes: big-endian", must(AppendPub(nil, "t", bytes.Repeat([]byte{0xff}, 258))), append([]byte{
			'P', 'U', 'B', ' ', 't', '\n', // command line
			0, 0, 1, 2, // size 0x0102: the high byte comes first
		}, bytes.Repeat([]byte{0xff}, 258)...)},

		{"PUB, ephemeral topic", must(AppendPub(nil, "t#ephemeral", []byte{0})), []byte{
			'P', 'U', 'B', ' ', 't', '#', 'e', 'p', 'h', 'e', 'm', 'e', 'r', 'a', 'l', '\n', // the suffix is part of the name
			0, 0, 0, 1, // size
			0, // a body may hold zero bytes
		}},

		{"DPUB, at once", must(AppendDPub(nil, "t", 0, []byte("x"))), []byte{
			'D', 'P', 'U', 'B', ' ', 't', ' ', '0', '\n', // no delay is 0, never empty
			0, 0, 0, 1, // size
			'x',
		}},

		{"DPUB, 1.5 s", must(AppendDPub(nil, "t", 1500*time.Millisecond, []byte("x"))), []byte{
			'D', 'P', 'U', 'B', ' ', 't', ' ', '1', '5', '0', '0', '\n', // milliseconds, decimal
			0, 0, 0, 1, // size
			'x',
		}},

		{"DPUB, a nanosecond", must(AppendDPub(nil, "t", 1, []byte("x"))), []byte{
			'D', 'P', 'U', 'B', ' ', 't', ' ', '1', '\n', // rounded up: 0 would not be a delay
			0, 0, 0, 1, // size
			'x',
		}},

		{"DPUB, a nanosecond above 2 ms", must(AppendDPub(nil, "t", 2*time.Millisecond+1, []byte("x"))), []byte{
			'D', 'P', 'U', 'B', ' ', 't', ' ', '3', '\n', // rounded up here too
			0, 0, 0, 1, // size
			'x',
		}},

		{"DPUB, the longest delay", must(AppendDPub(nil, "t", time.Hour, []byte("x"))), []byte{
			'D', 'P', 'U', 'B', ' ', 't', ' ', '3', '6', '0', '0', '0', '0', '0', '\n', // the limit is inclusive
			0, 0, 0, 1, // size
			'x',
		}},

		{"MPUB, one message", must(AppendMPub(nil, "t", [][]byte{[]byte("x")})), []byte{
			'M', 'P', 'U', 'B', ' ', 't', '\n', // command line
			0, 0, 0, 9, // total: count, size and body; not itself
			0, 0, 0, 1, // count
			0, 0, 0, 1, 'x', // size and body
		}},

		{"MPUB, three messages", must(AppendMPub(nil, "t", [][]byte{[]byte("x"), []byte("yy"), []byte("x")})), []byte{
			'M', 'P', 'U', 'B', ' ', 't', '\n', // command line
			0, 0, 0, 20, // total: 4 + (4+1) + (4+2) + (4+1)
			0, 0, 0, 3, // count
			0, 0, 0, 1, 'x', // first
			0, 0, 0, 2, 'y', 'y', // second
			0, 0, 0, 1, 'x', // an equal body is a message of its own
		}},

		{"the piece that PUB and MPUB share", AppendMessage(nil, []byte("xy")), []byte{
			0, 0, 0, 2, // size
			'x', 'y',
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { assert.Equal(t, row.want, row.got) })
	}
}

func TestGoldenFrames(t *testing.T) {
	rows := []struct {
		name string
		got  []byte
		want []byte
	}{
		{"OK", AppendOK(nil), []byte{
			0, 0, 0, 6, // size: type and data
			0, 0, 0, 0, // type: response
			'O', 'K',
		}},
		{"heartbeat", AppendHeartbeat(nil), []byte{
			0, 0, 0, 15, // size: type and data
			0, 0, 0, 0, // type: response, not one of its own
			'_', 'h', 'e', 'a', 'r', 't', 'b', 'e', 'a', 't', '_',
		}},
		{"error without a description", AppendFrame(nil, FrameError, "E_X"), []byte{
			0, 0, 0, 7, // size
			0, 0, 0, 1, // type: error
			'E', '_', 'X',
		}},
		{"message without data", AppendFrame(nil, FrameMessage, ""), []byte{
			0, 0, 0, 4, // the smallest size: the type alone
			0, 0, 0, 2, // type: message
		}},
		{"a type that nsqd does not have", AppendFrame(nil, -1, "x"), []byte{
			0, 0, 0, 5, // size
			0xff, 0xff, 0xff, 0xff, // two's complement
			'x',
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, row.got)

			frames, err := readFrames(bytes.NewReader(row.want))
			assert.NoError(t, err)
			require.Len(t, frames, 1)
			assert.Equal(t, row.want, AppendFrame(nil, frames[0].Type, frames[0].data))
		})
	}
}

func TestGoldenMalformedFrames(t *testing.T) {
	rows := []struct {
		why   string // it is not a frame
		bytes []byte
		err   error
		says  string
	}{
		{"size 0 leaves no room for the type", []byte{0, 0, 0, 0, 0, 0, 0, 0}, ErrFrame, "its size is 0,"},
		{"size 3 ends within the type", []byte{0, 0, 0, 3, 0, 0, 0}, ErrFrame, "its size is 3,"},
		{"a negative size", []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, ErrFrame, "its size is -1,"},
		{"the most negative size", []byte{0x80, 0, 0, 0}, ErrFrame, "its size is -2147483648,"},
		{"one above the cap", []byte{0, 0, 0x40, 1}, ErrFrame, "its size is 16385, sizes are from 4 to 16384"},
		{"the largest size there is", []byte{0x7f, 0xff, 0xff, 0xff}, ErrFrame, "its size is 2147483647,"},
		{"a little-endian OK", []byte{6, 0, 0, 0, 0, 0, 0, 0, 'O', 'K'}, ErrFrame, "its size is 100663296,"},
		{"a TLS alert record", []byte{0x15, 3, 1, 0, 2, 2, 70}, ErrFrame, "its size is 352518400,"},
		{"an HTTP answer", []byte("HTTP/1.1 400 Bad Request\r\n"), ErrHTTP, "4150, not 4151"},
		{"text", []byte("SSH-2.0-OpenSSH"), ErrFrame, "its size is 1397966893,"},
		{"a size cut short", []byte{0, 0, 0}, errEnd, "unexpected EOF"},
		{"a type cut short", []byte{0, 0, 0, 6, 0, 0, 0}, errEnd, "unexpected EOF"},
		{"data cut short", []byte{0, 0, 0, 6, 0, 0, 0, 0, 'O'}, errEnd, "unexpected EOF"},
		{"a header without the data it announces", []byte{0, 0, 0x40, 0, 0, 0, 0, 0}, errEnd, "unexpected EOF"},
	}
	for _, row := range rows {
		t.Run(row.why, func(t *testing.T) {
			frames, err := readFrames(bytes.NewReader(append(AppendOK(nil), row.bytes...)))
			require.Len(t, frames, 1, "the frame in front is whole")
			assert.ErrorIs(t, err, row.err)
			assert.ErrorContains(t, err, row.says)
			assert.Equal(t, row.err != errEnd, errors.Is(err, ErrFrame), "bytes that are no frame are told from an early end")
		})
	}
}
