package actor

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// chunk returns n bytes that differ from their neighbours and from other chunks.
func chunk(random *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, random.Uint64())
	}
	return b[:n]
}

// randomSize is mostly small, at times around the limits, and at times far beyond them.
func randomSize(random *rand.Rand) int {
	switch random.IntN(8) {
	case 0:
		return largeBytes - 2 + random.IntN(4)
	case 1:
		return pieceBytes - 2 + random.IntN(4)
	case 2:
		return 1 + random.IntN(5*pieceBytes)
	}
	return 1 + random.IntN(3000)
}

// TestOutboxKeepsTheStream fills an outbox as the loop does, and lets a kernel take any part of each piece, none at times: what
// comes out is what went in, in order.
func TestOutboxKeepsTheStream(t *testing.T) {
	for round := range uint64(10) {
		random := rand.New(rand.NewPCG(round, 4))
		var o outbox
		var in, out []byte
		for range 20 {
			added := 0
			for ; len(o.buf) < batchBytes && o.tail == nil && (added == 0 || random.IntN(60) > 0); added++ {
				command := chunk(random, randomSize(random))
				in = append(in, command...)
				o.add(command)
			}
			require.NotZero(t, added)
			require.True(t, o.pending())
			for o.pending() {
				piece := o.piece()
				n := len(piece)
				if n == 0 || n > pieceBytes {
					require.FailNow(t, "piece", "of %d bytes", n)
				}
				switch random.IntN(4) {
				case 0:
					n = random.IntN(n + 1)
				case 1:
					n = min(n, random.IntN(3))
				}
				out = append(out, piece[:n]...)
				o.advance(n)
				if n == 0 { // offered again as it was
					require.Same(t, &piece[0], &o.piece()[0])
					require.Equal(t, len(piece), len(o.piece()))
				}
			}
			require.Zero(t, o.len(), "all has gone")
			require.Equal(t, len(in), len(out))
		}
		require.True(t, bytes.Equal(in, out))
	}
}

// TestOutboxEveryCut cuts a small batch with a large command behind it after each number of bytes.
func TestOutboxEveryCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 5))
	first, second, large := chunk(random, 3), chunk(random, 40), chunk(random, largeBytes)
	all := append(append(append([]byte{}, first...), second...), large...)
	for step := 1; step <= 60; step++ {
		var o outbox
		o.add(first)
		o.add(second)
		o.add(large)
		var out []byte
		for o.pending() {
			piece := o.piece()
			piece = piece[:min(step, len(piece))]
			out = append(out, piece...)
			o.advance(len(piece))
		}
		require.True(t, bytes.Equal(all, out), "%d bytes at a time", step)
	}
}

func TestOutboxCopiesOnlyWhatIsSmall(t *testing.T) {
	var o outbox
	small, large := make([]byte, largeBytes-1), make([]byte, 3*pieceBytes)
	o.add(small)
	require.Len(t, o.piece(), len(small))
	require.NotSame(t, &small[0], &o.piece()[0], "copied, so that many go in one write")
	o.add(large)
	require.Len(t, o.piece(), len(small), "not across the boundary")
	o.advance(len(small))
	for offset := 0; offset < len(large); offset += pieceBytes {
		require.Same(t, &large[offset], &o.piece()[0], "the transaction's own memory")
		require.Len(t, o.piece(), pieceBytes)
		o.advance(pieceBytes)
	}
	require.False(t, o.pending())
	require.Nil(t, o.tail, "the memory is its owner's again")

	o.add(large)
	o.advance(7)
	o.reset()
	require.False(t, o.pending())
	require.Nil(t, o.tail)
	o.add([]byte("x"))
	require.Equal(t, []byte("x"), o.piece(), "nothing of what was there before")
}
