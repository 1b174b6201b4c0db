package actor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A frame before a layer that is larger than nsqd's may be is no frame: the handshake ends there, and does not wait for the rest.
func TestFrameBeforeALayerThatIsTooLarge(t *testing.T) {
	leak.Check(t)
	a := authority.New(t)
	for name, cfg := range seals(a) {
		head := []byte{0, 0, 0xff, 0xff, 0, 0, 0, 0}
		srv := upgrading(t, a, wiretest.OnAccept().Split(1), thresholds[name].Send(head))
		require.ErrorIs(t, requireNoConnection(t, srv, cfg), wire.ErrFrame, name)
	}
}
