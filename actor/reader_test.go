package actor

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
)

// TestRepliesMerge: a loop that comes late finds all that was said, in one reply.
func TestRepliesMerge(t *testing.T) {
	replies, up := make(chan reply, 1), new(handshaken)
	for _, r := range []reply{{up: up}, {oks: 1}, {beat: true}, {oks: 2}, {end: io.EOF}} {
		post(replies, r)
	}
	require.Equal(t, reply{up: up, oks: 3, beat: true, end: io.EOF}, next(t, replies))
	require.Empty(t, replies)
}

// TestAnswersWithinALayer count from the first time on that the layer has read from the connection since the handshake: what lay
// in it before is older than everything that was sent.
func TestAnswersWithinALayer(t *testing.T) {
	for _, c := range []struct {
		ground *threshold
		oks    int
		end    error
	}{{nil, 1, io.EOF}, {&threshold{read: true}, 1, io.EOF}, {&threshold{}, 0, errUnasked}} {
		replies := make(chan reply, 1)
		last := read(wire.NewReader(bytes.NewReader(wire.AppendOK(nil))), c.ground, "", replies)
		post(replies, last)
		r := next(t, replies)
		require.Equal(t, c.oks, r.oks)
		require.ErrorIs(t, r.end, c.end)
	}
}

// TestThresholdKeepsWhatWasReadAhead: frames before a layer, however much of the layer has come with them.
func TestThresholdKeepsWhatWasReadAhead(t *testing.T) {
	layer := bytes.Repeat([]byte{22, 3, 1}, 100_000)
	for _, ahead := range []int{0, 3, 10, 1000, len(layer)} {
		all := append(wire.AppendHeartbeat(wire.AppendHeartbeat(nil)), layer...)
		var beat bool
		src := &threshold{src: bytes.NewReader(all[ahead:]), ahead: all[:ahead:ahead], beat: &beat}
		got, err := io.ReadAll(src)
		require.NoError(t, err)
		require.True(t, bytes.Equal(layer, got), "%d ahead: %d bytes", ahead, len(got))
		require.True(t, beat)
	}
}
