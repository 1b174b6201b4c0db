package wire

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// encoder is a command with the check that stands for it.
type encoder struct {
	append func([]byte) ([]byte, error)
	check  func() error
}

// An encoder that fails gives dst back at its old length and has not touched the room behind it, where it might have begun.
func TestEncodersRefuse(t *testing.T) {
	x := []byte("x")
	pub := func(topic string, body []byte) encoder {
		return encoder{
			func(dst []byte) ([]byte, error) { return AppendPub(dst, topic, body) },
			func() error { return CheckPub(topic, body) },
		}
	}
	dpub := func(topic string, delay time.Duration, body []byte) encoder {
		return encoder{
			func(dst []byte) ([]byte, error) { return AppendDPub(dst, topic, delay, body) },
			func() error { return CheckDPub(topic, delay, body) },
		}
	}
	mpub := func(topic string, bodies ...[]byte) encoder {
		return encoder{
			func(dst []byte) ([]byte, error) { return AppendMPub(dst, topic, bodies) },
			func() error { return CheckMPub(topic, bodies) },
		}
	}
	mebibyte := make([]byte, 1<<20)
	var twoGiB [][]byte // without 2 GiB of memory: the same body again and again
	for range 2048 {
		twoGiB = append(twoGiB, mebibyte)
	}
	rows := []struct {
		name    string
		encoder encoder
		err     error
		says    string
	}{
		{"PUB, no topic", pub("", x), ErrTopic, "it is empty"},
		{"PUB, a space in the topic would cut it", pub("a b", x), ErrTopic, `byte " " at offset 1`},
		{"PUB, a newline in the topic would start a command", pub("a\nNOP", x), ErrTopic, `byte "\n" at offset 1`},
		{"PUB, nil body", pub("t", nil), ErrEmpty, "the body is empty"},
		{"PUB, empty body", pub("t", []byte{}), ErrEmpty, "the body is empty"},
		{"PUB, both wrong: the topic is named", pub("", nil), ErrTopic, "it is empty"},
		{"DPUB, bad topic", dpub("a/b", 0, x), ErrTopic, `byte "/" at offset 1`},
		{"DPUB, empty body", dpub("t", 0, nil), ErrEmpty, "the body is empty"},
		{"DPUB, negative", dpub("t", -1, x), ErrDelay, "invalid delay -1ns: it must be from 0 to 1h0m0s"},
		{"DPUB, most negative", dpub("t", math.MinInt64, x), ErrDelay, "invalid delay -2562047h47m16.854775808s"},
		{"DPUB, a nanosecond too long", dpub("t", time.Hour+1, x), ErrDelay, "invalid delay 1h0m0.000000001s"},
		{"DPUB, longest there is: rounding up must not overflow", dpub("t", math.MaxInt64, x), ErrDelay, "invalid delay"},
		{"MPUB, bad topic", mpub("#ephemeral", x), ErrTopic, "nothing stands before #ephemeral"},
		{"MPUB, no messages", mpub("t"), ErrEmpty, "the batch has no messages"},
		{"MPUB, an empty message", mpub("t", x, x, nil, x), ErrEmpty, "message 2 of the batch: nothing to publish: the body is empty"},
		{"MPUB, total above an int32", mpub("t", twoGiB...), ErrSize, "a batch of 2147491844 bytes, an MPUB holds at most 2147483647"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			room := []byte("kept|untouched room behind it")
			got, err := row.encoder.append(room[:5])
			assert.ErrorIs(t, err, row.err)
			assert.ErrorContains(t, err, row.says)
			assert.Equal(t, "kept|", string(got))
			assert.Same(t, &room[0], &got[0], "dst itself")
			assert.Equal(t, cap(room), cap(got))
			assert.Equal(t, "kept|untouched room behind it", string(room))

			got, err = row.encoder.append(nil)
			assert.ErrorIs(t, err, row.err)
			assert.Nil(t, got)
			assert.EqualError(t, row.encoder.check(), err.Error())
			assert.ErrorIs(t, row.encoder.check(), row.err)
		})
	}
}

// What stands in dst stays, and what comes behind it is the same as without it.
func TestEncodersAppend(t *testing.T) {
	x := []byte("x")
	encoders := map[string]func([]byte) []byte{
		"IDENTIFY":  func(dst []byte) []byte { return AppendIdentify(dst, x) },
		"AUTH":      func(dst []byte) []byte { return AppendAuth(dst, x) },
		"NOP":       AppendNop,
		"PUB":       func(dst []byte) []byte { return must(AppendPub(dst, "t", x)) },
		"DPUB":      func(dst []byte) []byte { return must(AppendDPub(dst, "t", time.Second, x)) },
		"MPUB":      func(dst []byte) []byte { return must(AppendMPub(dst, "t", [][]byte{x, x})) },
		"MPUB head": func(dst []byte) []byte { return AppendMPubHead(dst, x, 1, 5) },
		"message":   func(dst []byte) []byte { return AppendMessage(dst, x) },
		"frame":     func(dst []byte) []byte { return AppendFrame(dst, FrameError, "E_X") },
		"OK":        AppendOK,
		"heartbeat": AppendHeartbeat,
	}
	for name, encode := range encoders {
		alone := encode(nil)
		require.NotEmpty(t, alone, name)
		assert.Equal(t, "before"+string(alone), string(encode([]byte("before"))), name)
		assert.Equal(t, "before"+string(alone), string(encode(append(make([]byte, 0, 100), "before"...))), name)
	}
}

// Encoders copy: a body may be changed as soon as they return.
func TestEncodersCopy(t *testing.T) {
	body := []byte("body")
	single := must(AppendPub(nil, "t", body))
	batch := must(AppendMPub(nil, "t", [][]byte{body}))
	copy(body, "late")
	assert.True(t, bytes.HasSuffix(single, []byte("body")))
	assert.True(t, bytes.HasSuffix(batch, []byte("body")))
}

func TestMPubSize(t *testing.T) {
	assert.Equal(t, 4, MPubSize(nil))
	assert.Equal(t, 4+4+1, MPubSize([][]byte{{0}}))
	assert.Equal(t, 4+4+1+4+0+4+300, MPubSize([][]byte{{0}, nil, make([]byte, 300)}))

	bodies := [][]byte{[]byte("x"), []byte(strings.Repeat("y", 300))}
	line := len("MPUB t\n")
	stated := 4 // the total itself
	assert.Len(t, must(AppendMPub(nil, "t", bodies)), line+stated+MPubSize(bodies))
}

// A head with messages behind it is the MPUB of these messages, and costs no memory of its own.
func TestMPubHead(t *testing.T) {
	large := bytes.Repeat([]byte("y"), 70_000)
	for _, topic := range []string{"t", strings.Repeat("t", 64), "A.b_c-9#ephemeral"} {
		for _, bodies := range [][][]byte{{{0}}, {[]byte("\n"), []byte("NOP\n")}, {large, {1}, large}, slices.Repeat([][]byte{[]byte("body")}, 300)} {
			size := MPubSize(bodies) - lenSize // what AppendMessage makes of the bodies
			want := append([]byte("before"), must(AppendMPub(nil, topic, bodies))...)
			got := AppendMPubHead([]byte("before"), []byte(topic), len(bodies), size)
			for _, body := range bodies {
				got = AppendMessage(got, body)
			}
			assert.True(t, bytes.Equal(want, got), "%d bodies to %s", len(bodies), topic)

			room, name := got[:0], []byte(topic)
			assert.Zero(t, testing.AllocsPerRun(100, func() {
				dst := AppendMPubHead(room, name, len(bodies), size)
				for _, body := range bodies {
					dst = AppendMessage(dst, body)
				}
			}))
		}
	}
}

// The wire's own limit, without a body of that size.
func TestCheckMessage(t *testing.T) {
	assert.NoError(t, checkMessage(1))
	assert.NoError(t, checkMessage(math.MaxInt32))
	assert.ErrorIs(t, checkMessage(0), ErrEmpty)
	if above := uint(math.MaxInt32) + 1; int(above) > 0 { // an int of 32 bits cannot be too large
		assert.ErrorIs(t, checkMessage(int(above)), ErrSize)
	}
}
