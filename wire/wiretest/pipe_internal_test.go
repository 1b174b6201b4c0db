package wiretest

import (
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the sizes of writes, reads and buffer, bytes arrive in order, all of them and once.
func TestPipeKeepsBytes(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for limit := 1; limit < 1200; limit += 1 + limit/4 { // beyond the step in which the buffer grows
		near, far := newPipe(limit)
		var written, read int
		for range 2000 {
			if room := limit - (written - read); room > 0 {
				b := make([]byte, 1+random.Intn(room))
				for i := range b {
					b[i] = byte(written + i)
				}
				n, err := near.Write(b)
				require.NoError(t, err)
				require.Len(t, b, n)
				written += n
			}
			if random.Intn(3) > 0 && written > read {
				b := make([]byte, 1+random.Intn(limit))
				n, err := far.Read(b)
				require.NoError(t, err)
				require.Equal(t, min(len(b), written-read), n)
				for _, have := range b[:n] {
					if have != byte(read) {
						t.Fatalf("byte %d with a buffer of %d is %d", read, limit, have)
					}
					read++
				}
			}
		}
		require.NoError(t, near.Close())
		require.NoError(t, far.Close())
	}
}
