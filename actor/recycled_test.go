package actor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A transaction that is used again knows nothing of the publish before.
func TestRecycledIsFresh(t *testing.T) {
	l := folding(t, Config{})
	p := l.queue(t, request{kind: publish, topic: "t", body: []byte("x")})
	p.alone, p.losses, p.moves, p.doubt = true, 2, 1, true
	p.Error, p.Args = ErrStopped, append(p.Args, l)
	p.recycle()
	require.NoError(t, p.Error)
	require.Empty(t, p.Args)
	require.Nil(t, p.Args[:1][0], "the pool keeps the caller's args alive")
	require.False(t, p.alone)
	require.Zero(t, p.losses+p.moves)
	require.False(t, p.doubt)
}
