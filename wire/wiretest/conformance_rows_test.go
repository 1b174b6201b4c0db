package wiretest_test

import (
	"strings"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

const granted = `{"max_rdy_count":2500,"version":"1.3.0","max_msg_timeout":900000,"msg_timeout":60000,"tls_v1":false,` +
	`"deflate":false,"deflate_level":6,"max_deflate_level":6,"snappy":false,"sample_rate":0,"auth_required":false,` +
	`"output_buffer_size":16384,"output_buffer_timeout":250}`

func identify(body string) string { return "IDENTIFY\n" + sized(body) }

var frameRows = []row{
	{name: "3 OK", server: defaults, send: "PUB $T\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "3 error is code, space, description", server: defaults, send: "X\n", want: []string{"error E_INVALID invalid command X"}, closes: true},
	{name: "3 error without description", server: defaults, bare: true, send: "  V1", want: []string{"error E_BAD_PROTOCOL"}, closes: true},
	{name: "3 error, MPUB repeats the code", server: defaults, send: "MPUB a:b\n" + batch("x"),
		want: []string{`error E_BAD_TOPIC E_BAD_TOPIC MPUB topic name "a:b" is not valid`}, closes: true},
}

var longest = strings.Repeat("t", 16<<10)

var commandRows = []row{
	{name: "4 IDENTIFY with negotiation", server: defaults, send: identify(`{"feature_negotiation":true}`), want: []string{"response " + granted}},
	{name: "4 IDENTIFY without negotiation", server: defaults, send: identify(`{}`), want: []string{ok}},
	{name: "4 IDENTIFY, unknown fields", server: defaults, send: identify(`{"colour":"red"}`), want: []string{ok}},
	{name: "4 IDENTIFY twice", server: defaults, send: identify(`{}`) + identify(`{}`), want: []string{ok, ok}},
	{name: "4 IDENTIFY with options", server: defaults,
		send: identify(`{"feature_negotiation":true,"output_buffer_size":64,"output_buffer_timeout":30000,"sample_rate":99,"msg_timeout":1000,"deflate_level":3}`),
		want: []string{"response " + strings.NewReplacer("16384", "64", ":250}", ":30000}", "rate\":0", "rate\":99", ":60000", ":1000").Replace(granted)}},
	{name: "4 IDENTIFY without output buffer", server: defaults, send: identify(`{"feature_negotiation":true,"output_buffer_size":-1}`),
		want: []string{"response " + strings.NewReplacer("16384", "1", ":250}", ":0}").Replace(granted)}},
	{name: "4 AUTH", server: withAuth, send: identify(`{"feature_negotiation":true}`) + "AUTH\n" + sized("good") + "PUB $T\n" + sized("x") + "PUB $T\n" + sized("x"),
		want: []string{"response " + strings.Replace(granted, `auth_required":false`, `auth_required":true`, 1),
			`response {"identity":"wiretest","identity_url":"","permission_count":1}`, ok, ok}, stored: 2},
	{name: "4 PUB", server: defaults, send: "PUB $T\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "4 PUB, surplus parameters", server: defaults, send: "PUB $T other\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "4 PUB, line end CR LF", server: defaults, send: "PUB $T\r\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "4 PUB, two spaces", server: defaults, send: "PUB  $T\n" + sized("x"), want: []string{`error E_BAD_TOPIC PUB topic name "" is not valid`}, closes: true},
	{name: "4 PUB, a newline starts another command", server: defaults, send: "PUB $T\n" + sized("x") + "NOP\nNOP\r\n", want: []string{ok}, stored: 1},
	{name: "4 DPUB", server: defaults, send: "DPUB $T 250\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "4 DPUB, surplus parameters", server: defaults, send: "DPUB $T 250 1 2\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "4 MPUB, one answer for the batch", server: defaults, send: "MPUB $T\n" + batch("x", "yy", "zzz"), want: []string{ok}, stored: 3},
	{name: "4 MPUB, total too small", server: defaults, send: "MPUB $T\n" + int32s(1, 2) + sized("x") + sized("y"), want: []string{ok}, stored: 2},
	{name: "4 MPUB, total too large", server: defaults, send: "MPUB $T\n" + int32s(5000, 2) + sized("x") + sized("y"), want: []string{ok}, stored: 2},
	{name: "4 NOP has no answer", server: defaults, send: "NOP\nNOP\nPUB $T\n" + sized("x") + "NOP\n", want: []string{ok}, stored: 1},
	{name: "4 line of 16 KiB", server: defaults, send: "PUB $T " + longest[:16<<10-len("PUB row_00 \n")] + "\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "4 line above 16 KiB", server: defaults, send: "PUB $T " + longest + "\n" + sized("x"), closes: true},
	{name: "4 end within a line", server: defaults, send: "PUB $T", half: true},
	{name: "4 end between commands", server: defaults, send: "PUB $T\n" + sized("x"), half: true, want: []string{ok}, stored: 1},
}

var limitRows = []row{
	{name: "8 topic of 64", server: defaults, send: "PUB " + longest[:64] + "\n" + sized("x"), want: []string{ok}},
	{name: "8 topic of 65", server: defaults, send: "PUB " + longest[:65] + "\n" + sized("x"),
		want: []string{`error E_BAD_TOPIC PUB topic name "` + longest[:65] + `" is not valid`}, closes: true},
	{name: "8 topic ephemeral, 64 with its suffix", server: defaults, send: "PUB " + longest[:54] + "#ephemeral\n" + sized("x"), want: []string{ok}},
	{name: "8 topic ephemeral, 65 with its suffix", server: defaults, send: "PUB " + longest[:55] + "#ephemeral\n" + sized("x"),
		want: []string{`error E_BAD_TOPIC PUB topic name "` + longest[:55] + `#ephemeral" is not valid`}, closes: true},
	{name: "8 topic, all characters", server: defaults, send: "PUB .aZ09_-\n" + sized("x"), want: []string{ok}},
	{name: "8 topic, other character", server: defaults, send: "PUB a/b\n" + sized("x"), want: []string{`error E_BAD_TOPIC PUB topic name "a/b" is not valid`}, closes: true},
	{name: "8 topic, suffix alone", server: defaults, send: "PUB #ephemeral\n" + sized("x"), want: []string{`error E_BAD_TOPIC PUB topic name "#ephemeral" is not valid`}, closes: true},
	{name: "8 PUB body of max-msg-size, above max-body-size", server: small, send: "PUB $T\n" + sized(longest[:smallMessage]), want: []string{ok}, stored: 1},
	{name: "8 PUB body above max-msg-size", server: small, send: "PUB $T\n" + sized(longest[:smallMessage+1]),
		want: []string{"error E_BAD_MESSAGE PUB message too big 101 > 100"}, closes: true},
	{name: "8 PUB body of default max-msg-size", server: defaults, send: "PUB $T\n" + sized(strings.Repeat("x", 1<<20)), want: []string{ok}, stored: 1},
	{name: "8 PUB body above default max-msg-size", server: defaults, send: "PUB $T\n" + sized(strings.Repeat("x", 1<<20+1)),
		want: []string{"error E_BAD_MESSAGE PUB message too big 1048577 > 1048576"}, closes: true},
	{name: "8 DPUB body of max-msg-size", server: small, send: "DPUB $T 0\n" + sized(longest[:smallMessage]), want: []string{ok}, stored: 1},
	{name: "8 DPUB body above max-msg-size", server: small, send: "DPUB $T 0\n" + sized(longest[:smallMessage+1]),
		want: []string{"error E_BAD_MESSAGE DPUB message too big 101 > 100"}, closes: true},
	{name: "8 MPUB message above max-msg-size", server: small, send: "MPUB $T\n" + int32s(smallBody, 1) + sized(longest[:smallMessage+1]),
		want: []string{"error E_BAD_MESSAGE MPUB message too big 101 > 100"}, closes: true},
	{name: "8 MPUB message of max-msg-size", server: small, send: "MPUB $T\n" + int32s(smallBody, 1) + sized(longest[:smallMessage]), want: []string{ok}, stored: 1},
	{name: "8 MPUB empty message", server: defaults, send: "MPUB $T\n" + batch("x", "", "y"), want: []string{"error E_BAD_MESSAGE MPUB invalid message(1) body size 0"}, closes: true},
	{name: "8 MPUB total of max-body-size", server: small, send: "MPUB $T\n" + batch(longest[:smallBody-8]), want: []string{ok}, stored: 1},
	{name: "8 MPUB total above max-body-size", server: small, send: "MPUB $T\n" + batch(longest[:smallBody-7]),
		want: []string{"error E_BAD_BODY MPUB body too big 65 > 64"}, closes: true},
	{name: "8 MPUB count at its limit", server: small, send: "MPUB $T\n" + batch(times(12, "x")...), want: []string{ok}, stored: 12},
	{name: "8 MPUB count above its limit", server: small, send: "MPUB $T\n" + int32s(smallBody, 13) + strings.Repeat(sized("x"), 13),
		want: []string{"error E_BAD_BODY MPUB invalid message count 13"}, closes: true},
	{name: "8 DPUB delay 0", server: defaults, send: "DPUB $T 0\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "8 DPUB delay at its limit", server: defaults, send: "DPUB $T 3600000\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "8 DPUB delay above its limit", server: defaults, send: "DPUB $T 3600001\n" + sized("x"),
		want: []string{"error E_INVALID DPUB timeout 3600001 out of range 0-3600000"}, closes: true},
	{name: "8 DPUB delay negative", server: defaults, send: "DPUB $T -1\n" + sized("x"), want: []string{"error E_INVALID DPUB could not parse timeout -1"}, closes: true},
	{name: "8 DPUB delay with a sign", server: defaults, send: "DPUB $T +1\n" + sized("x"), want: []string{"error E_INVALID DPUB could not parse timeout +1"}, closes: true},
	{name: "8 DPUB delay with a fraction", server: defaults, send: "DPUB $T 1.5\n" + sized("x"), want: []string{"error E_INVALID DPUB could not parse timeout 1.5"}, closes: true},
	{name: "8 DPUB delay with leading zeros", server: defaults, send: "DPUB $T 0000000000001\n" + sized("x"), want: []string{ok}, stored: 1},
	{name: "8 DPUB delay of no digits", server: defaults, send: "DPUB $T \n" + sized("x"), want: []string{ok}, stored: 1},
}

var errorRows = []row{
	{name: "9 E_BAD_PROTOCOL, HTTP", server: defaults, bare: true, send: "GET / HTTP/1.1\r\n", want: []string{"error E_BAD_PROTOCOL"}, closes: true},
	{name: "9 E_INVALID, unknown command", server: defaults, send: "pub $T\n" + sized("x"), want: []string{"error E_INVALID invalid command pub"}, closes: true},
	{name: "9 E_INVALID, empty line", server: defaults, send: "\n", want: []string{"error E_INVALID invalid command ..."}, closes: true},
	{name: "9 E_INVALID, PUB without topic", server: defaults, send: "PUB\n" + sized("x"), want: []string{"error E_INVALID PUB insufficient number of parameters"}, closes: true},
	{name: "9 E_INVALID, MPUB without topic", server: defaults, send: "MPUB\n" + batch("x"), want: []string{"error E_INVALID MPUB insufficient number of parameters"}, closes: true},
	{name: "9 E_INVALID, DPUB without delay", server: defaults, send: "DPUB $T\n" + sized("x"), want: []string{"error E_INVALID DPUB insufficient number of parameters"}, closes: true},
	{name: "9 E_INVALID, AUTH with parameters", server: defaults, send: "AUTH x\n" + sized("x"), want: []string{"error E_INVALID AUTH invalid number of parameters"}, closes: true},
	{name: "9 E_INVALID, AUTH twice", server: withAuth, send: "AUTH\n" + sized("good") + "AUTH\n" + sized("good"),
		want: []string{"response {...", "error E_INVALID AUTH already set"}, closes: true},
	{name: "9 E_INVALID, CLS from a producer", server: defaults, send: "CLS\n", want: []string{"error E_INVALID cannot CLS in current state"}, closes: true},
	{name: "9 E_INVALID, FIN from a producer", server: defaults, send: "FIN 0123456789abcdef\n", want: []string{"error E_INVALID cannot FIN in current state"}, closes: true},
	{name: "9 E_INVALID, RDY from a producer", server: defaults, send: "RDY 1\n", want: []string{"error E_INVALID cannot RDY in current state"}, closes: true},
	{name: "9 E_INVALID, REQ from a producer", server: defaults, send: "REQ 0123456789abcdef 0\n", want: []string{"error E_INVALID cannot REQ in current state"}, closes: true},
	{name: "9 E_INVALID, TOUCH from a producer", server: defaults, send: "TOUCH 0123456789abcdef\n", want: []string{"error E_INVALID cannot TOUCH in current state"}, closes: true},
	{name: "9 E_BAD_TOPIC, PUB", server: defaults, send: "PUB a\tb\n" + sized("x"), want: []string{`error E_BAD_TOPIC PUB topic name "a\tb" is not valid`}, closes: true},
	{name: "9 E_BAD_TOPIC, DPUB", server: defaults, send: "DPUB a:b 0\n" + sized("x"), want: []string{`error E_BAD_TOPIC DPUB topic name "a:b" is not valid`}, closes: true},
	{name: "9 E_BAD_MESSAGE, PUB of nothing", server: defaults, send: "PUB $T\n" + sized(""), want: []string{"error E_BAD_MESSAGE PUB invalid message body size 0"}, closes: true},
	{name: "9 E_BAD_MESSAGE, PUB of negative size", server: defaults, send: "PUB $T\n" + int32s(-1), want: []string{"error E_BAD_MESSAGE PUB invalid message body size -1"}, closes: true},
	{name: "9 E_BAD_MESSAGE, PUB cut in its size", server: defaults, send: "PUB $T\n\x00\x00", half: true, want: []string{"error E_BAD_MESSAGE PUB failed to read message body size"}},
	{name: "9 E_BAD_MESSAGE, PUB cut in its body", server: defaults, send: "PUB $T\n" + int32s(5) + "four", half: true, want: []string{"error E_BAD_MESSAGE PUB failed to read message body"}},
	{name: "9 E_BAD_MESSAGE, DPUB of nothing", server: defaults, send: "DPUB $T 1\n" + sized(""), want: []string{"error E_BAD_MESSAGE DPUB invalid message body size 0"}, closes: true},
	{name: "9 E_BAD_MESSAGE, DPUB cut in its body", server: defaults, send: "DPUB $T 1\n" + int32s(5) + "four", half: true, want: []string{"error E_BAD_MESSAGE DPUB failed to read message body"}},
	{name: "9 E_BAD_MESSAGE, MPUB cut in a size", server: defaults, send: "MPUB $T\n" + int32s(20, 2) + sized("x") + "\x00", half: true,
		want: []string{"error E_BAD_MESSAGE MPUB failed to read message(1) body size"}},
	{name: "9 E_BAD_MESSAGE, MPUB cut in a body", server: defaults, send: "MPUB $T\n" + int32s(20, 2) + sized("x") + int32s(5) + "four", half: true,
		want: []string{"error E_BAD_MESSAGE MPUB failed to read message body"}},
	{name: "9 E_BAD_BODY, MPUB of size 0", server: defaults, send: "MPUB $T\n" + int32s(0), want: []string{"error E_BAD_BODY MPUB invalid body size 0"}, closes: true},
	{name: "9 E_BAD_BODY, MPUB of no messages", server: defaults, send: "MPUB $T\n" + batch(), want: []string{"error E_BAD_BODY MPUB invalid message count 0"}, closes: true},
	{name: "9 E_BAD_BODY, MPUB of negative count", server: defaults, send: "MPUB $T\n" + int32s(4, -1), want: []string{"error E_BAD_BODY MPUB invalid message count -1"}, closes: true},
	{name: "9 E_BAD_BODY, MPUB cut in its total", server: defaults, send: "MPUB $T\n\x00", half: true, want: []string{"error E_BAD_BODY MPUB failed to read body size"}},
	{name: "9 E_BAD_BODY, MPUB cut in its count", server: defaults, send: "MPUB $T\n" + int32s(4), half: true, want: []string{"error E_BAD_BODY MPUB failed to read message count"}},
	{name: "9 E_BAD_BODY, IDENTIFY of nothing", server: defaults, send: identify(""), want: []string{"error E_BAD_BODY IDENTIFY invalid body size 0"}, closes: true},
	{name: "9 E_BAD_BODY, IDENTIFY cut", server: defaults, send: "IDENTIFY\n" + int32s(5) + "{", half: true, want: []string{"error E_BAD_BODY IDENTIFY failed to read body"}},
	{name: "9 E_BAD_BODY, IDENTIFY above max-body-size", server: small, send: identify(longest[:smallBody+1]), want: []string{"error E_BAD_BODY IDENTIFY body too big 65 > 64"}, closes: true},
	{name: "9 E_BAD_BODY, IDENTIFY not JSON", server: defaults, send: identify("{"), want: []string{"error E_BAD_BODY IDENTIFY failed to decode JSON body"}, closes: true},
	{name: "9 E_BAD_BODY, IDENTIFY of wrong types", server: defaults, send: identify(`{"client_id":1}`), want: []string{"error E_BAD_BODY IDENTIFY failed to decode JSON body"}, closes: true},
	{name: "9 E_BAD_BODY, heartbeat too short", server: defaults, send: identify(`{"heartbeat_interval":999}`), want: []string{"error E_BAD_BODY IDENTIFY heartbeat interval (999) is invalid"}, closes: true},
	{name: "9 E_BAD_BODY, heartbeat too long", server: defaults, send: identify(`{"heartbeat_interval":60001}`), want: []string{"error E_BAD_BODY IDENTIFY heartbeat interval (60001) is invalid"}, closes: true},
	{name: "9 E_BAD_BODY, heartbeat -2", server: defaults, send: identify(`{"heartbeat_interval":-2}`), want: []string{"error E_BAD_BODY IDENTIFY heartbeat interval (-2) is invalid"}, closes: true},
	{name: "9 E_BAD_BODY, buffer size", server: defaults, send: identify(`{"output_buffer_size":63}`), want: []string{"error E_BAD_BODY IDENTIFY output buffer size (63) is invalid"}, closes: true},
	{name: "9 E_BAD_BODY, buffer timeout before size", server: defaults, send: identify(`{"output_buffer_size":63,"output_buffer_timeout":24}`),
		want: []string{"error E_BAD_BODY IDENTIFY output buffer timeout (24) is invalid"}, closes: true},
	{name: "9 E_BAD_BODY, sample rate", server: defaults, send: identify(`{"sample_rate":100}`), want: []string{"error E_BAD_BODY IDENTIFY sample rate (100) is invalid"}, closes: true},
	{name: "9 E_BAD_BODY, message timeout", server: defaults, send: identify(`{"msg_timeout":999}`), want: []string{"error E_BAD_BODY IDENTIFY msg timeout (999) is invalid"}, closes: true},
	{name: "9 E_BAD_BODY, AUTH of nothing", server: withAuth, send: "AUTH\n" + sized(""), want: []string{"error E_BAD_BODY AUTH invalid body size 0"}, closes: true},
	{name: "9 E_PUB_FAILED", server: noDisk, send: "PUB $T\n" + sized("x"), want: []string{"error E_PUB_FAILED PUB failed ..."}, closes: true, script: fails(wire.CodePubFailed, "PUB failed exiting")},
	{name: "9 E_DPUB_FAILED", server: noDisk, send: "DPUB $T 0\n" + sized("x"), want: []string{"error E_DPUB_FAILED DPUB failed ..."}, closes: true, script: fails(wire.CodeDPubFailed, "DPUB failed exiting")},
	{name: "9 E_MPUB_FAILED", server: noDisk, send: "MPUB $T\n" + batch("x", "y"), want: []string{"error E_MPUB_FAILED MPUB failed ..."}, closes: true, script: fails(wire.CodeMPubFailed, "MPUB failed exiting")},
	{name: "9 E_AUTH_FIRST, PUB", server: withAuth, send: "PUB $T\n" + sized("x"), want: []string{"error E_AUTH_FIRST AUTH required before PUB"}, closes: true},
	{name: "9 E_AUTH_FIRST, DPUB", server: withAuth, send: "DPUB $T 0\n" + sized("x"), want: []string{"error E_AUTH_FIRST AUTH required before DPUB"}, closes: true},
	{name: "9 E_AUTH_FIRST, MPUB", server: withAuth, send: "MPUB $T\n" + batch("x"), want: []string{"error E_AUTH_FIRST AUTH required before MPUB"}, closes: true},
	{name: "9 E_AUTH_FAILED", server: withAuth, send: "AUTH\n" + sized("broken"), want: []string{"error E_AUTH_FAILED AUTH failed"}, closes: true,
		script: []wiretest.Fault{wiretest.OnAuth().Error(wire.CodeAuthFailed, "AUTH failed")}},
	{name: "9 E_UNAUTHORIZED, no permissions", server: withAuth, send: "AUTH\n" + sized("nobody"), want: []string{"error E_UNAUTHORIZED AUTH no authorizations found"}, closes: true},
	{name: "9 E_AUTH_DISABLED", server: defaults, send: "AUTH\n" + sized("good"), want: []string{"error E_AUTH_DISABLED AUTH disabled"}, closes: true},
	{name: "9 E_IDENTIFY_FAILED", server: compressing, send: identify(`{"feature_negotiation":true,"deflate":true,"snappy":true}`),
		want: []string{"error E_IDENTIFY_FAILED cannot enable both deflate and snappy compression"}, closes: true},
	{name: "9 a refused command ends a pipeline", server: defaults,
		send:   strings.Repeat("PUB $T\n"+sized("x"), 5) + "PUB a:b\n" + sized("x") + strings.Repeat("PUB $T\n"+sized("x"), 5),
		want:   append(times(5, ok), `error E_BAD_TOPIC PUB topic name "a:b" is not valid`),
		closes: true, stored: 5},
	{name: "9 the frame is readable with 2 MB unread behind it", server: defaults, send: "PUB a:b\n" + strings.Repeat("x", 2<<20),
		want: []string{`error E_BAD_TOPIC PUB topic name "a:b" is not valid`}, closes: true},
}

func fails(code, text string) []wiretest.Fault {
	return []wiretest.Fault{wiretest.OnPublish(1).Error(code, text)}
}
