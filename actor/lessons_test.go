package actor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
)

// Of what nsqd refuses for its size, the smallest counts.
func TestSmallestRefusedCounts(t *testing.T) {
	l := folding(t, Config{})
	tooBig := &wire.ReplyError{Code: wire.CodeBadMessage, Text: "PUB message too big"}
	for _, row := range [][2]int{{100, 100}, {90, 90}, {95, 90}, {90, 90}, {89, 89}} {
		p := l.queue(t, request{kind: publish, topic: "t", body: []byte(strings.Repeat("x", row[0]))})
		l.learn(p, tooBig)
		require.Equal(t, row[1], l.lessons.tooLarge)
	}
}
