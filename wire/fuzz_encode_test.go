package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"time"
)

// FuzzEncode: what the encoders take, the double reads back as it was; what they do not take leaves dst as it was, and is
// exactly what nsqd would refuse.
func FuzzEncode(f *testing.F) {
	seeds := []struct {
		name  string
		topic string
		body  string // a batch's messages stand between the commas
		delay int64
	}{
		{"plain", "t", "x", 0},
		{"batch", "t#ephemeral", "one,two,three", int64(time.Second)},
		{"empty message in a batch", "t", "one,,three", int64(time.Hour)},
		{"empty body", "t", "", 0},
		{"body that holds a command", "t", "NOP\n,PUB t\n\x00\x00\x00\x01x", 1},
		{"topic that holds a command", "t\nNOP", "x", 0},
		{"topic that holds a parameter", "t x", "x", 0},
		{"no topic", "", "x", 0},
		{"negative delay", "t", "x", -1},
		{"delay too long", "t", "x", int64(time.Hour) + 1},
		{"largest delay of all", "t", "x", 1<<63 - 1},
	}
	for _, s := range seeds {
		f.Add(s.topic, []byte(s.body), s.delay)
	}
	f.Fuzz(func(t *testing.T, topic string, body []byte, nanoseconds int64) {
		delay := time.Duration(nanoseconds)
		bodies := bytes.Split(body, []byte(","))
		topicOK := nsqdTakes(topic)
		bodyOK := len(body) > 0
		batchOK := true
		for _, b := range bodies {
			batchOK = batchOK && len(b) > 0
		}
		delayOK := delay >= 0 && delay <= time.Hour
		sent := time.Duration(0)
		if delayOK {
			sent = (delay + time.Millisecond - 1).Truncate(time.Millisecond)
		}
		rows := []struct {
			encode func([]byte) ([]byte, error)
			check  error
			ok     bool
			want   Command
		}{
			{func(dst []byte) ([]byte, error) { return AppendPub(dst, topic, body) }, CheckPub(topic, body),
				topicOK && bodyOK, Command{Name: "PUB", Topic: topic, Bodies: [][]byte{body}}},
			{func(dst []byte) ([]byte, error) { return AppendDPub(dst, topic, delay, body) }, CheckDPub(topic, delay, body),
				topicOK && bodyOK && delayOK, Command{Name: "DPUB", Topic: topic, Delay: sent, Bodies: [][]byte{body}}},
			{func(dst []byte) ([]byte, error) { return AppendMPub(dst, topic, bodies) }, CheckMPub(topic, bodies),
				topicOK && batchOK, Command{Name: "MPUB", Topic: topic, Bodies: bodies}},
			{func(dst []byte) ([]byte, error) { return AppendNop(dst), nil }, nil,
				true, Command{Name: "NOP"}},
			{func(dst []byte) ([]byte, error) { return AppendIdentify(dst, append([]byte("{}"), body...)), nil }, nil,
				true, Command{Name: "IDENTIFY", Bodies: [][]byte{append([]byte("{}"), body...)}}},
			{func(dst []byte) ([]byte, error) { return AppendAuth(dst, append([]byte("s"), body...)), nil }, nil,
				true, Command{Name: "AUTH", Bodies: [][]byte{append([]byte("s"), body...)}}},
		}
		var stream []byte
		var want []Command
		for _, row := range rows {
			before := len(stream)
			longer, err := row.encode(stream)
			if (err == nil) != row.ok {
				t.Fatalf("%s to %q: %v, want success: %v", row.want.Name, topic, err, row.ok)
			}
			if fmt.Sprint(err) != fmt.Sprint(row.check) {
				t.Fatalf("%s to %q: %v, its check says %v", row.want.Name, topic, err, row.check)
			}
			if err != nil && (len(longer) != before || !errors.Is(err, ErrTopic) && !errors.Is(err, ErrEmpty) && !errors.Is(err, ErrDelay)) {
				t.Fatalf("%s: %d bytes became %d with %v", row.want.Name, before, len(longer), err)
			}
			if !bytes.Equal(longer[:before], stream) {
				t.Fatalf("%s changed what stood before it", row.want.Name)
			}
			stream = longer
			if row.ok {
				want = append(want, row.want)
			}
		}
		r := bufio.NewReader(bytes.NewReader(stream))
		for i := range want {
			got, err := ReadCommand(r, Limits{})
			if err != nil || !reflect.DeepEqual(&want[i], got) {
				t.Fatalf("%v was read back as %v, %v", want[i], got, err)
			}
		}
		if c, err := ReadCommand(r, Limits{}); err != io.EOF {
			t.Fatalf("behind the last command: %v, %v", c, err)
		}
	})
}
