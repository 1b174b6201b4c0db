package wiretest

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/nsqactor/producer/wire"
)

// scan takes the command at the head of the read buffer without allocating, if it is a publishing one or a NOP, there as a
// whole and within nsqd's rules, and reports whether it did. Everything else is left in place for wire.ReadCommand, which
// knows the rules; scan only knows when there is nothing to object to.
func (c *conn) scan(line int) bool {
	buffered, _ := c.r.Peek(c.r.Buffered())
	s := scanner{head: bytes.TrimSuffix(buffered[:line-1], []byte("\r")), rest: buffered[line:], ok: true}
	c.cmd = command{bodies: c.cmd.bodies[:0]}
	switch string(s.word()) {
	case "PUB":
		c.cmd.Name = "PUB"
		c.cmd.Topic = c.known(s.word())
		s.message(&c.cmd, c.server.limits.MaxMsgSize)
	case "DPUB":
		c.cmd.Name = "DPUB"
		c.cmd.Topic = c.known(s.word())
		c.cmd.Delay = s.delay(c.server.limits.MaxDelay)
		s.message(&c.cmd, c.server.limits.MaxMsgSize)
	case "MPUB":
		c.cmd.Name = "MPUB"
		c.cmd.Topic = c.known(s.word())
		s.messages(&c.cmd, c.server.limits)
	case "NOP":
		c.cmd.Name = "NOP"
	default:
		return false
	}
	if !s.ok || c.cmd.Topic == "" && c.cmd.Name != "NOP" {
		return false
	}
	c.r.Discard(len(buffered) - len(s.rest))
	return true
}

// known returns the topic as a string, or "" if it is invalid. It allocates when the topic is not the one before.
func (c *conn) known(topic []byte) string {
	if string(topic) != c.topic {
		if wire.CheckTopic(string(topic)) != nil {
			return ""
		}
		c.topic = string(topic)
	}
	return c.topic
}

// scanner takes a command apart. ok turns false when something is missing or out of range.
type scanner struct {
	head []byte // of the line, without its end
	rest []byte // behind the line
	ok   bool
}

// word takes the next parameter off the line.
func (s *scanner) word() []byte {
	word, rest, _ := bytes.Cut(s.head, []byte(" "))
	s.head = rest
	return word
}

func (s *scanner) delay(most time.Duration) time.Duration {
	digits := s.word()
	s.ok = s.ok && len(digits) > 0 && len(digits) < 10
	ms := 0
	for _, d := range digits {
		s.ok = s.ok && '0' <= d && d <= '9'
		ms = 10*ms + int(d-'0')
	}
	delay := time.Duration(ms) * time.Millisecond
	s.ok = s.ok && delay <= most
	return delay
}

// number takes an int32 that must be from 1 to most.
func (s *scanner) number(most int) int {
	if !s.ok || len(s.rest) < 4 {
		s.ok = false
		return 0
	}
	n := int(int32(binary.BigEndian.Uint32(s.rest)))
	s.rest = s.rest[4:]
	s.ok = 1 <= n && n <= most
	return n
}

func (s *scanner) message(cmd *command, most int) {
	size := s.number(most)
	if !s.ok || len(s.rest) < size {
		s.ok = false
		return
	}
	cmd.bodies = append(cmd.bodies, s.rest[:size])
	cmd.Messages++
	cmd.Bytes += size
	s.rest = s.rest[size:]
}

func (s *scanner) messages(cmd *command, limits wire.Limits) {
	s.number(limits.MaxBodySize)
	count := s.number((limits.MaxBodySize - 4) / 5)
	for i := 0; i < count && s.ok; i++ {
		s.message(cmd, limits.MaxMsgSize)
	}
}
