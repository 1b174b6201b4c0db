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

// TestFoldsAreNoLargerThanABody: an MPUB of our own making is bounded by nsqd's limit too.
func TestFoldsAreNoLargerThanABody(t *testing.T) {
	for body, want := range map[int]int{1000: 1000, 5000: 3000} {
		p, err := NewProducer("a:1", &Config{FoldBytes: 3000, MaxBodySize: body})
		require.NoError(t, err)
		require.Equal(t, want, newLoop(p).fold.mostBytes)
	}
}
