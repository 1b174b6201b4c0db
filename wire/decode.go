package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Limits are what a server takes. The zero Limits are nsqd's defaults.
type Limits struct {
	MaxMsgSize  int           // bytes of one message; 0 means 1,048,576
	MaxBodySize int           // bytes of an MPUB's total, and of IDENTIFY's and AUTH's body; 0 means 5,242,880
	MaxDelay    time.Duration // of DPUB; 0 means [MaxDelay]
}

// nsqd's defaults (nsqio/nsq v1.3.0, nsqd/options.go).
const (
	DefaultMaxMsgSize  = 1 << 20
	DefaultMaxBodySize = 5 << 20
)

func (l Limits) withDefaults() Limits {
	if l.MaxMsgSize == 0 {
		l.MaxMsgSize = DefaultMaxMsgSize
	}
	if l.MaxBodySize == 0 {
		l.MaxBodySize = DefaultMaxBodySize
	}
	if l.MaxDelay == 0 {
		l.MaxDelay = MaxDelay
	}
	return l
}

// Command is one command of a producer, as a server reads it.
type Command struct {
	Name   string        // "IDENTIFY", "AUTH", "PUB", "MPUB", "DPUB" or "NOP"
	Topic  string        // of the publishing ones
	Delay  time.Duration // of DPUB
	Bodies [][]byte      // one; for MPUB at least one; for NOP none. Not shared with the reader
}

// ReadCommand reads one command, waiting for it as long as r does, and judges it as nsqd does, in nsqd's order. What nsqd answers with an error frame comes back
// as a [*ReplyError], with nsqd's code and text; the stream is out of step behind it, and nsqd closes the connection.
// Otherwise errors are r's own, which nsqd answers by closing without a frame: io.EOF at the end of the stream, between two
// commands or within a command line; bufio.ErrBufferFull for a line longer than r's buffer (nsqd's has 16 KiB).
//
// Surplus parameters are ignored, as nsqd ignores them: "PUB a b" publishes to a. What depends on more than the bytes, such as
// the JSON of IDENTIFY, the order of commands or a permission, is the caller's to judge; consumers' commands are refused.
func ReadCommand(r *bufio.Reader, limits Limits) (*Command, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
	params := bytes.Split(line, []byte(" "))
	d := decoder{r: r, limits: limits.withDefaults(), name: string(params[0]), params: params[1:]}
	switch d.name {
	case "PUB":
		return d.pub()
	case "DPUB":
		return d.dpub()
	case "MPUB":
		return d.mpub()
	case "IDENTIFY", "AUTH":
		return d.bare()
	case "NOP":
		return &Command{Name: d.name}, nil
	case "FIN", "RDY", "REQ", "TOUCH", "CLS":
		return nil, refuse(CodeInvalid, "cannot %s in current state", d.name)
	}
	return nil, refuse(CodeInvalid, "invalid command %s", d.name)
}

// decoder reads the rest of one command, whose line it knows.
type decoder struct {
	r      *bufio.Reader
	limits Limits
	name   string
	params [][]byte
}

func (d *decoder) pub() (*Command, error) {
	topic, err := d.topic(1)
	if err != nil {
		return nil, err
	}
	body, err := d.message()
	if err != nil {
		return nil, err
	}
	return &Command{Name: d.name, Topic: topic, Bodies: [][]byte{body}}, nil
}

func (d *decoder) dpub() (*Command, error) {
	topic, err := d.topic(2)
	if err != nil {
		return nil, err
	}
	ms, ok := parseDigits(d.params[1])
	if !ok {
		return nil, refuse(CodeInvalid, "DPUB could not parse timeout %s", d.params[1])
	}
	delay := time.Duration(ms) * time.Millisecond
	if delay < 0 || delay > d.limits.MaxDelay {
		return nil, refuse(CodeInvalid, "DPUB timeout %d out of range 0-%d", ms, d.limits.MaxDelay/time.Millisecond)
	}
	body, err := d.message()
	if err != nil {
		return nil, err
	}
	return &Command{Name: d.name, Topic: topic, Delay: delay, Bodies: [][]byte{body}}, nil
}

// mpub does not compare the stated total with the content, since nsqd does not.
func (d *decoder) mpub() (*Command, error) {
	topic, err := d.topic(1)
	if err != nil {
		return nil, err
	}
	total, err := d.length()
	if err != nil {
		return nil, refuse(CodeBadBody, "MPUB failed to read body size")
	}
	if err := checkRange(CodeBadBody, "MPUB invalid body size %d", "MPUB body too big %d > %d", total, d.limits.MaxBodySize); err != nil {
		return nil, err
	}
	count, err := d.length()
	if err != nil {
		return nil, refuse(CodeBadBody, "MPUB failed to read message count")
	}
	if count <= 0 || count > (d.limits.MaxBodySize-lenSize)/(lenSize+1) {
		return nil, refuse(CodeBadBody, "MPUB invalid message count %d", count)
	}
	var bodies [][]byte // grows with what arrives, not by count, which is the peer's word
	for i := range count {
		size, err := d.length()
		if err != nil {
			return nil, refuse(CodeBadMessage, "MPUB failed to read message(%d) body size", i)
		}
		if size <= 0 {
			return nil, refuse(CodeBadMessage, "MPUB invalid message(%d) body size %d", i, size)
		}
		if size > d.limits.MaxMsgSize {
			return nil, refuse(CodeBadMessage, "MPUB message too big %d > %d", size, d.limits.MaxMsgSize)
		}
		body, err := d.bytes(size)
		if err != nil {
			return nil, refuse(CodeBadMessage, "MPUB failed to read message body")
		}
		bodies = append(bodies, body)
	}
	return &Command{Name: d.name, Topic: topic, Bodies: bodies}, nil
}

// bare reads a command that has a body and no parameters.
func (d *decoder) bare() (*Command, error) {
	if d.name == "AUTH" && len(d.params) != 0 {
		return nil, refuse(CodeInvalid, "AUTH invalid number of parameters")
	}
	size, err := d.length()
	if err != nil {
		return nil, refuse(CodeBadBody, "%s failed to read body size", d.name)
	}
	if err := checkRange(CodeBadBody, d.name+" invalid body size %d", d.name+" body too big %d > %d", size, d.limits.MaxBodySize); err != nil {
		return nil, err
	}
	body, err := d.bytes(size)
	if err != nil {
		return nil, refuse(CodeBadBody, "%s failed to read body", d.name)
	}
	return &Command{Name: d.name, Bodies: [][]byte{body}}, nil
}

// topic checks that there are enough parameters, of which the topic is the first.
func (d *decoder) topic(params int) (string, error) {
	if len(d.params) < params {
		return "", refuse(CodeInvalid, "%s insufficient number of parameters", d.name)
	}
	topic := string(d.params[0])
	if CheckTopic(topic) == nil {
		return topic, nil
	}
	if d.name == "MPUB" { // nsqd repeats the code here
		return "", refuse(CodeBadTopic, "%s MPUB topic name %q is not valid", CodeBadTopic, topic)
	}
	return "", refuse(CodeBadTopic, "%s topic name %q is not valid", d.name, topic)
}

// message reads the one body of PUB and DPUB.
func (d *decoder) message() ([]byte, error) {
	size, err := d.length()
	if err != nil {
		return nil, refuse(CodeBadMessage, "%s failed to read message body size", d.name)
	}
	if err := checkRange(CodeBadMessage, d.name+" invalid message body size %d", d.name+" message too big %d > %d", size, d.limits.MaxMsgSize); err != nil {
		return nil, err
	}
	body, err := d.bytes(size)
	if err != nil {
		return nil, refuse(CodeBadMessage, "%s failed to read message body", d.name)
	}
	return body, nil
}

func (d *decoder) length() (int, error) {
	var b [lenSize]byte
	_, err := io.ReadFull(d.r, b[:])
	return int(int32(binary.BigEndian.Uint32(b[:]))), err
}

// bytes reads size bytes. The size is within the limits by now, but it is still only the peer's word: memory follows what
// arrives.
func (d *decoder) bytes(size int) ([]byte, error) {
	if size <= readerSize {
		b := make([]byte, size)
		_, err := io.ReadFull(d.r, b)
		return b, err
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, d.r, int64(size))
	return b.Bytes(), err
}

// parseDigits reads a number as nsqd v1.3.0 does (internal/protocol/byte_base10.go): digits only, none of them is 0, and a
// number beyond 64 bits wraps around instead of being refused.
func parseDigits(digits []byte) (n uint64, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

func checkRange(code, tooSmall, tooBig string, size, limit int) error {
	if size <= 0 {
		return refuse(code, tooSmall, size)
	}
	if size > limit {
		return refuse(code, tooBig, size, limit)
	}
	return nil
}

func refuse(code, format string, args ...any) *ReplyError {
	return &ReplyError{Code: code, Text: fmt.Sprintf(format, args...)}
}
