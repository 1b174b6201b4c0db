package wire

import (
	"errors"
	"fmt"
	"strings"
)

// MaxTopicLen is the longest topic that nsqd takes, in bytes, a "#ephemeral" suffix included (nsqio/nsq v1.3.0,
// internal/protocol/names.go). Old copies of the specification say 32.
const MaxTopicLen = 64

// ErrTopic is what every error of [CheckTopic] wraps.
var ErrTopic = errors.New("invalid topic")

const ephemeral = "#ephemeral"

// CheckTopic reports why nsqd would refuse the topic, or nil: a topic has 1 to [MaxTopicLen] bytes from
// [.a-zA-Z0-9_-], optionally ending in "#ephemeral", which counts.
//
// It is the guard of the whole stream: nsqd ends a command at a newline and splits it at spaces, so a topic that holds either
// would be read as another command or another topic. The error keeps nothing of topic's memory.
func CheckTopic(topic string) error {
	if topic == "" {
		return fmt.Errorf("%w: it is empty", ErrTopic)
	}
	if len(topic) > MaxTopicLen {
		return fmt.Errorf("%w %q...: %d bytes, at most %d are allowed", ErrTopic, topic[:MaxTopicLen], len(topic), MaxTopicLen)
	}
	name := strings.TrimSuffix(topic, ephemeral)
	if name == "" {
		return fmt.Errorf("%w %q: nothing stands before %s", ErrTopic, topic, ephemeral)
	}
	for i := 0; i < len(name); i++ {
		if !topicByte[name[i]] {
			return fmt.Errorf("%w %q: byte %q at offset %d is not one of [.a-zA-Z0-9_-]", ErrTopic, topic, name[i:i+1], i)
		}
	}
	return nil
}

var topicByte = func() (ok [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") {
		ok[c] = true
	}
	return ok
}()
