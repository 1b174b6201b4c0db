package wire

import (
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// nsqdTopic and nsqdTopicLen are nsqd's own rules (nsqio/nsq v1.3.0, internal/protocol/names.go), the oracle that CheckTopic,
// which does without a regular expression, is held against.
var nsqdTopic = regexp.MustCompile(`^[.a-zA-Z0-9_-]+(#ephemeral)?$`)

const nsqdTopicLen = 64

func nsqdTakes(topic string) bool {
	return len(topic) >= 1 && len(topic) <= nsqdTopicLen && nsqdTopic.MatchString(topic)
}

func TestCheckTopic(t *testing.T) {
	rows := []struct {
		name  string
		topic string
		says  string // "" for a topic that is fine
	}{
		{"one letter", "t", ""},
		{"every kind of byte", "a.Z_9-", ""},
		{"punctuation alone", ".", ""},
		{"two dots are no path to nsqd", "..", ""},
		{"digits alone", "0", ""},
		{"64 bytes", strings.Repeat("a", 64), ""},
		{"ephemeral", "t#ephemeral", ""},
		{"ephemeral as a plain name", "ephemeral", ""},
		{"64 bytes, suffix counted", strings.Repeat("a", 54) + "#ephemeral", ""},

		{"empty", "", "invalid topic: it is empty"},
		{"65 bytes", strings.Repeat("a", 65), `invalid topic "` + strings.Repeat("a", 64) + `"...: 65 bytes, at most 64 are allowed`},
		{"65 bytes, suffix counted", strings.Repeat("a", 55) + "#ephemeral", "65 bytes, at most 64 are allowed"},
		{"a megabyte is not repeated in the error", strings.Repeat("a", 1<<20), "...: 1048576 bytes, at most 64 are allowed"},
		{"too long and with a bad byte: the length is named", strings.Repeat(" ", 65), "65 bytes, at most 64 are allowed"},
		{"the suffix alone", "#ephemeral", `invalid topic "#ephemeral": nothing stands before #ephemeral`},
		{"the suffix twice", "t#ephemeral#ephemeral", `byte "#" at offset 1`},
		{"the suffix in front", "#ephemeralt", `byte "#" at offset 0`},
		{"the suffix in another case", "t#Ephemeral", `byte "#" at offset 1`},
		{"the suffix cut short", "t#ephemera", `byte "#" at offset 1`},
		{"another suffix", "t#x", `byte "#" at offset 1`},
		{"a space would cut the topic", "a b", `invalid topic "a b": byte " " at offset 1 is not one of [.a-zA-Z0-9_-]`},
		{"a space in front", " t", `byte " " at offset 0`},
		{"a space behind", "t ", `byte " " at offset 1`},
		{"a newline would start a command", "t\nNOP", `byte "\n" at offset 1`},
		{"a newline at the end, where a regular expression may overlook it", "t\n", `byte "\n" at offset 1`},
		{"a newline behind the suffix", "t#ephemeral\n", `byte "#" at offset 1`},
		{"a carriage return", "t\r", `byte "\r" at offset 1`},
		{"a zero byte", "t\x00", `byte "\x00" at offset 1`},
		{"a letter beyond ASCII", "tä", `byte "\xc3" at offset 1`},
		{"not UTF-8", "\xff", `byte "\xff" at offset 0`},
		{"a slash", "a/b", `byte "/" at offset 1`},
		{"a wildcard", "*", `byte "*" at offset 0`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			checkAgainstNsqd(t, row.topic)
			err := CheckTopic(row.topic)
			if row.says == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, ErrTopic)
			assert.ErrorContains(t, err, row.says)
			assert.Less(t, len(err.Error()), 400)
		})
	}
}

// checkAgainstNsqd fails the test where CheckTopic and nsqd disagree.
func checkAgainstNsqd(t *testing.T, topic string) {
	t.Helper()
	err := CheckTopic(topic)
	if (err == nil) != nsqdTakes(topic) {
		t.Errorf("CheckTopic(%q) = %v, nsqd takes it: %v", topic, err, nsqdTakes(topic))
	}
	if err != nil {
		assert.ErrorIs(t, err, ErrTopic)
	}
}

// Every byte there is, at the first, a middle and the last place of a name, plain and ephemeral.
func TestCheckTopicEveryByte(t *testing.T) {
	taken := 0
	for c := range 256 {
		b := string([]byte{byte(c)})
		for _, suffix := range []string{"", ephemeral} {
			for _, name := range []string{b, b + "ab", "a" + b + "b", "ab" + b} {
				checkAgainstNsqd(t, name+suffix)
			}
		}
		if CheckTopic("a"+b+"b") == nil {
			taken++
		}
	}
	assert.Equal(t, 26+26+10+3, taken)
}

func TestCheckTopicEveryLength(t *testing.T) {
	for n := range 100 {
		name := strings.Repeat("n", n)
		checkAgainstNsqd(t, name)
		checkAgainstNsqd(t, name+ephemeral)
		assert.Equal(t, n >= 1 && n <= 64, CheckTopic(name) == nil, "%d bytes", n)
		assert.Equal(t, n >= 1 && n <= 54, CheckTopic(name+ephemeral) == nil, "%d bytes and the suffix", n)
	}
}

// Every topic of up to three bytes from those that matter most.
func TestCheckTopicShort(t *testing.T) {
	alphabet := []string{"", "a", ".", "-", "_", "0", "#", " ", "\n", "\r", "\x00", "\xff", ephemeral}
	for _, a := range alphabet {
		for _, b := range alphabet {
			for _, c := range alphabet {
				checkAgainstNsqd(t, a+b+c)
			}
		}
	}
}

// The error is made of text alone: it must stay right when the caller's memory, from which the topic may have been made
// without copying, changes.
func TestCheckTopicErrorKeepsNothing(t *testing.T) {
	for _, topic := range []string{"a b", strings.Repeat("a", 65), "#ephemeral"} {
		memory := []byte(topic)
		err := CheckTopic(aliased(memory))
		before := err.Error()
		for i := range memory {
			memory[i] = '!'
		}
		assert.Equal(t, before, err.Error())
	}
}

// aliased is a string that shares b's memory, as some callers make one to save a copy.
func aliased(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
