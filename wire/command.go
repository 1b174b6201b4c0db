package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Magic opens every connection: two spaces and the protocol's version. Anything else is answered with E_BAD_PROTOCOL
// (nsqio/nsq v1.3.0, nsqd/tcp.go, Handle).
const Magic = "  V2"

// MaxDelay is the longest delay that nsqd takes for DPUB by default (its option -max-req-timeout; the limit is inclusive).
const MaxDelay = time.Hour

var (
	// ErrEmpty is wrapped by the error for a message without bytes, or a batch without messages.
	ErrEmpty = errors.New("nothing to publish")

	// ErrDelay is wrapped by the error for a delay that is negative or above [MaxDelay].
	ErrDelay = errors.New("invalid delay")

	// ErrSize is wrapped by the error for a message or batch that is larger than allowed.
	ErrSize = errors.New("too large")
)

const (
	lenSize   = 4 // every length and count on the wire is an int32
	maxLength = math.MaxInt32
)

// AppendIdentify appends an IDENTIFY command, whose body is a JSON object.
//
//	"IDENTIFY\n" | size int32 | body
func AppendIdentify(dst, body []byte) []byte {
	return AppendMessage(append(dst, "IDENTIFY\n"...), body)
}

// AppendAuth appends an AUTH command.
//
//	"AUTH\n" | size int32 | secret
func AppendAuth(dst, secret []byte) []byte {
	return AppendMessage(append(dst, "AUTH\n"...), secret)
}

// AppendNop appends a NOP, the one command that nsqd does not answer.
//
//	"NOP\n"
func AppendNop(dst []byte) []byte {
	return append(dst, "NOP\n"...)
}

// AppendPub appends a PUB command, which publishes one message.
//
//	"PUB " topic "\n" | size int32 | body
//
// size counts the body alone. On error dst comes back as it was: the error wraps [ErrTopic], [ErrEmpty] for an empty body,
// which nsqd would answer with E_BAD_MESSAGE before it closes the connection, or [ErrSize] for one whose length an int32 cannot
// hold. nsqd's own limit on the body (-max-msg-size) is the caller's to check.
func AppendPub(dst []byte, topic string, body []byte) ([]byte, error) {
	if err := CheckPub(topic, body); err != nil {
		return dst, err
	}
	dst = appendLine(dst, "PUB ", topic)
	return AppendMessage(append(dst, '\n'), body), nil
}

// AppendDPub appends a DPUB command, which publishes one message that consumers get after delay. The delay is sent in whole
// milliseconds, rounded up.
//
//	"DPUB " topic " " milliseconds "\n" | size int32 | body
//
// On error dst comes back as it was: the error wraps [ErrTopic], [ErrDelay], [ErrEmpty] or [ErrSize].
func AppendDPub(dst []byte, topic string, delay time.Duration, body []byte) ([]byte, error) {
	if err := CheckDPub(topic, delay, body); err != nil {
		return dst, err
	}
	dst = append(appendLine(dst, "DPUB ", topic), ' ')
	dst = strconv.AppendInt(dst, int64((delay+time.Millisecond-1)/time.Millisecond), 10)
	return AppendMessage(append(dst, '\n'), body), nil
}

// AppendMPub appends an MPUB command, which publishes several messages under one answer.
//
//	"MPUB " topic "\n" | total int32 | count int32 | count times (size int32 | body)
//
// total is [MPubSize]: it counts what follows it. On error dst comes back as it was: the error wraps [ErrTopic], [ErrEmpty]
// for no messages or an empty one, which it names by its index, or [ErrSize] for a total that an int32 cannot hold. nsqd's own
// limits (-max-msg-size, -max-body-size) are the caller's to check.
func AppendMPub(dst []byte, topic string, bodies [][]byte) ([]byte, error) {
	if err := CheckMPub(topic, bodies); err != nil {
		return dst, err
	}
	dst = append(appendLine(dst, "MPUB ", topic), '\n')
	dst = binary.BigEndian.AppendUint32(dst, uint32(MPubSize(bodies)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(bodies)))
	for _, body := range bodies {
		dst = AppendMessage(dst, body)
	}
	return dst, nil
}

// AppendMPubHead appends what an MPUB command has before its messages: count times [AppendMessage], of size bytes in all, must
// follow it. The topic is one that was checked before.
func AppendMPubHead(dst, topic []byte, count, size int) []byte {
	dst = append(append(append(dst, "MPUB "...), topic...), '\n')
	dst = binary.BigEndian.AppendUint32(dst, uint32(lenSize+size))
	return binary.BigEndian.AppendUint32(dst, uint32(count))
}

// CheckPub returns the error that [AppendPub] would return.
func CheckPub(topic string, body []byte) error {
	if err := CheckTopic(topic); err != nil {
		return err
	}
	return checkMessage(len(body))
}

// CheckDPub returns the error that [AppendDPub] would return.
func CheckDPub(topic string, delay time.Duration, body []byte) error {
	if err := CheckTopic(topic); err != nil {
		return err
	}
	if delay < 0 || delay > MaxDelay {
		return fmt.Errorf("%w %v: it must be from 0 to %v", ErrDelay, delay, MaxDelay)
	}
	return checkMessage(len(body))
}

// CheckMPub returns the error that [AppendMPub] would return.
func CheckMPub(topic string, bodies [][]byte) error {
	if err := CheckTopic(topic); err != nil {
		return err
	}
	if len(bodies) == 0 {
		return fmt.Errorf("%w: the batch has no messages", ErrEmpty)
	}
	for i, body := range bodies {
		if err := checkMessage(len(body)); err != nil {
			return fmt.Errorf("message %d of the batch: %w", i, err)
		}
	}
	if total := mpubSize(bodies); total > maxLength {
		return fmt.Errorf("%w: a batch of %d bytes, an MPUB holds at most %d", ErrSize, total, maxLength)
	}
	return nil
}

// MPubSize returns the size that an MPUB of these bodies states, and that nsqd holds against -max-body-size: 4 bytes for the
// count, and 4 for each body beside its own.
func MPubSize(bodies [][]byte) int { return int(min(mpubSize(bodies), math.MaxInt)) }

// mpubSize counts in 64 bits: bodies that share memory can add up to more than an int of 32 bits holds.
func mpubSize(bodies [][]byte) int64 {
	total := int64(lenSize)
	for _, body := range bodies {
		total += lenSize + int64(len(body))
	}
	return total
}

// AppendMessage appends a body behind its length, the form that all commands with a body share.
//
//	size int32 | body
func AppendMessage(dst, body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(body))), body...)
}

func appendLine(dst []byte, name, topic string) []byte {
	return append(append(dst, name...), topic...)
}

func checkMessage(size int) error {
	if size == 0 {
		return fmt.Errorf("%w: the body is empty", ErrEmpty)
	}
	if size > maxLength {
		return fmt.Errorf("%w: a body of %d bytes, a length on the wire is at most %d", ErrSize, size, maxLength)
	}
	return nil
}
