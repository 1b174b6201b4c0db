package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every conversation below took place with nsqd v1.3.0 (built with go1.26, linux/amd64): sent went out behind the magic, and
// answer is all that came back until nsqd closed or, where it did not, the client's half of the connection was.

// The encoders produce what nsqd v1.3.0 took.
func TestCapturedCommands(t *testing.T) {
	const ok = "\x00\x00\x00\x06\x00\x00\x00\x00OK" // captured: ten bytes
	one := []byte("x")
	rows := []struct {
		name   string
		ours   []byte
		sent   string
		answer string
	}{
		{"PUB", must(AppendPub(nil, "t", one)),
			"PUB t\n\x00\x00\x00\x01x", ok},
		{"PUB to 64 bytes", must(AppendPub(nil, strings.Repeat("a", 64), one)),
			"PUB " + strings.Repeat("a", 64) + "\n\x00\x00\x00\x01x", ok},
		{"PUB to an ephemeral topic", must(AppendPub(nil, "t#ephemeral", one)),
			"PUB t#ephemeral\n\x00\x00\x00\x01x", ok},
		{"MPUB: one answer for both", must(AppendMPub(nil, "t", [][]byte{one, one})),
			"MPUB t\n\x00\x00\x00\x0e\x00\x00\x00\x02\x00\x00\x00\x01x\x00\x00\x00\x01x", ok},
		{"DPUB with the longest delay", must(AppendDPub(nil, "t", time.Hour, one)),
			"DPUB t 3600000\n\x00\x00\x00\x01x", ok},
		{"NOP: no answer", AppendNop(nil), "NOP\n", ""},
		{"IDENTIFY without feature negotiation", AppendIdentify(nil, []byte("{}")),
			"IDENTIFY\n\x00\x00\x00\x02{}", ok},
		{"IDENTIFY with it", AppendIdentify(nil, []byte(`{"feature_negotiation":true}`)),
			"IDENTIFY\n\x00\x00\x00\x1c{\"feature_negotiation\":true}",
			"\x00\x00\x01\x0c\x00\x00\x00\x00" + capturedIdentify},
		{"AUTH, then a PUB that is allowed and one that is not",
			must(AppendPub(must(AppendPub(AppendAuth(nil, []byte("good")), "t", one)), "u", one)),
			"AUTH\n\x00\x00\x00\x04goodPUB t\n\x00\x00\x00\x01xPUB u\n\x00\x00\x00\x01x",
			"\x00\x00\x00M\x00\x00\x00\x00" + `{"identity":"me","identity_url":"http://127.0.0.1/","permission_count":1}` + ok +
				"\x00\x00\x000\x00\x00\x00\x01" + `E_UNAUTHORIZED AUTH failed for PUB on "u" ""`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, row.sent, string(row.ours))

			frames, err := readFrames(strings.NewReader(row.answer))
			assert.NoError(t, err)
			var again []byte
			for _, f := range frames {
				again = AppendFrame(again, f.Type, f.data)
			}
			assert.Equal(t, row.answer, string(again))
		})
	}
}

const capturedIdentify = `{"max_rdy_count":2500,"version":"1.3.0","max_msg_timeout":900000,"msg_timeout":60000,"tls_v1":false,` +
	`"deflate":false,"deflate_level":6,"max_deflate_level":6,"snappy":false,"sample_rate":0,"auth_required":false,` +
	`"output_buffer_size":16384,"output_buffer_timeout":250}`

// One read of an idle connection with "heartbeat_interval":1000, whose PUB followed IDENTIFY in the same write: the answers,
// then a heartbeat each second until nsqd v1.3.0 gave up.
func TestCapturedHeartbeats(t *testing.T) {
	const stream = "\x00\x00\x00\x06\x00\x00\x00\x00OK" + // IDENTIFY's
		"\x00\x00\x00\x06\x00\x00\x00\x00OK" + // PUB's
		"\x00\x00\x00\x0f\x00\x00\x00\x00_heartbeat_" +
		"\x00\x00\x00\x0f\x00\x00\x00\x00_heartbeat_"

	assert.Equal(t, stream, string(AppendHeartbeat(AppendHeartbeat(AppendOK(AppendOK(nil))))))

	frames, err := readFrames(strings.NewReader(stream))
	assert.NoError(t, err)
	require.Len(t, frames, 4)
	for i, f := range frames {
		assert.Equal(t, i < 2, f.frame().IsOK(), "frame %d", i)
		assert.Equal(t, i >= 2, f.frame().IsHeartbeat(), "frame %d", i)
	}
}

func TestCapturedErrors(t *testing.T) {
	rows := []struct {
		name   string
		answer string // of nsqd v1.3.0
		want   ReplyError
	}{
		{"wrong magic: a code alone",
			"\x00\x00\x00\x12\x00\x00\x00\x01E_BAD_PROTOCOL",
			ReplyError{CodeBadProtocol, ""}},
		{"HELLO world: nsqd knows no such command",
			"\x00\x00\x00#\x00\x00\x00\x01E_INVALID invalid command HELLO",
			ReplyError{CodeInvalid, "invalid command HELLO"}},
		{"an empty line: the description ends in a space",
			"\x00\x00\x00\x1e\x00\x00\x00\x01E_INVALID invalid command ",
			ReplyError{CodeInvalid, "invalid command "}},
		{"CLS: a producer has no close command",
			"\x00\x00\x00)\x00\x00\x00\x01E_INVALID cannot CLS in current state",
			ReplyError{CodeInvalid, "cannot CLS in current state"}},
		{"PUB with -tls-required on a plain connection",
			"\x00\x00\x008\x00\x00\x00\x01E_INVALID cannot PUB in current state (TLS required)",
			ReplyError{CodeInvalid, "cannot PUB in current state (TLS required)"}},
		{"AUTH twice",
			"\x00\x00\x00\x1e\x00\x00\x00\x01E_INVALID AUTH already set",
			ReplyError{CodeInvalid, "AUTH already set"}},
		{"PUB to a topic without a name",
			"\x00\x00\x00.\x00\x00\x00\x01E_BAD_TOPIC PUB topic name \"\" is not valid",
			ReplyError{CodeBadTopic, `PUB topic name "" is not valid`}},
		{"MPUB to a/b: the description repeats the code",
			"\x00\x00\x00>\x00\x00\x00\x01E_BAD_TOPIC E_BAD_TOPIC MPUB topic name \"a/b\" is not valid",
			ReplyError{CodeBadTopic, `E_BAD_TOPIC MPUB topic name "a/b" is not valid`}},
		{"PUB above -max-msg-size",
			"\x00\x00\x007\x00\x00\x00\x01E_BAD_MESSAGE PUB message too big 1048577 > 1048576",
			ReplyError{CodeBadMessage, "PUB message too big 1048577 > 1048576"}},
		{"IDENTIFY with a heartbeat of 999 ms",
			"\x00\x00\x00;\x00\x00\x00\x01E_BAD_BODY IDENTIFY heartbeat interval (999) is invalid",
			ReplyError{CodeBadBody, "IDENTIFY heartbeat interval (999) is invalid"}},
		{"PUB with -mem-queue-size 0 and the data path gone",
			"\x00\x00\x00X\x00\x00\x00\x01E_PUB_FAILED PUB failed open data3/t.diskqueue.000000.dat: no such file or directory",
			ReplyError{CodePubFailed, "PUB failed open data3/t.diskqueue.000000.dat: no such file or directory"}},
		{"DPUB likewise",
			"\x00\x00\x00Z\x00\x00\x00\x01E_DPUB_FAILED DPUB failed open data3/t.diskqueue.000000.dat: no such file or directory",
			ReplyError{CodeDPubFailed, "DPUB failed open data3/t.diskqueue.000000.dat: no such file or directory"}},
		{"MPUB likewise",
			"\x00\x00\x00Z\x00\x00\x00\x01E_MPUB_FAILED MPUB failed open data3/t.diskqueue.000000.dat: no such file or directory",
			ReplyError{CodeMPubFailed, "MPUB failed open data3/t.diskqueue.000000.dat: no such file or directory"}},
		{"MPUB before AUTH",
			"\x00\x00\x00*\x00\x00\x00\x01E_AUTH_FIRST AUTH required before MPUB",
			ReplyError{CodeAuthFirst, "AUTH required before MPUB"}},
		{"AUTH while the auth server answers 500",
			"\x00\x00\x00\x1d\x00\x00\x00\x01E_AUTH_FAILED AUTH failed",
			ReplyError{CodeAuthFailed, "AUTH failed"}},
		{"AUTH without auth server",
			"\x00\x00\x00!\x00\x00\x00\x01E_AUTH_DISABLED AUTH disabled",
			ReplyError{CodeAuthDisabled, "AUTH disabled"}},
		{"AUTH for somebody without permissions",
			"\x00\x00\x00/\x00\x00\x00\x01E_UNAUTHORIZED AUTH no authorizations found",
			ReplyError{CodeUnauthorized, "AUTH no authorizations found"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			frames, err := readFrames(strings.NewReader(row.answer))
			assert.NoError(t, err)
			require.Len(t, frames, 1)
			assert.Equal(t, FrameError, frames[0].Type)
			assert.False(t, frames[0].frame().IsOK())
			assert.Equal(t, &row.want, ParseError([]byte(frames[0].data)))
		})
	}
}

// nsqd's HTTP port answers a producer's first bytes like this (v1.3.0; the first line of it).
func TestCapturedHTTPAnswer(t *testing.T) {
	_, err := NewReader(strings.NewReader("HTTP/1.1 400 Bad Request\r\n")).Next()
	assert.ErrorIs(t, err, ErrHTTP)
	assert.ErrorIs(t, err, ErrFrame)
	assert.EqualError(t, err, "not an nsqd frame: an HTTP server answered; dial nsqd's TCP port, by default 4150, not 4151")
}
