package actor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
)

// TestHeartbeatIsAnsweredOnce, whatever comes between it and the answer, and also one that came within the handshake.
func TestHeartbeatIsAnsweredOnce(t *testing.T) {
	for name, beat := range map[string]func(*loop){
		"later":         func(l *loop) { l.reply(reply{beat: true}) },
		"two":           func(l *loop) { l.reply(reply{beat: true}); l.reply(reply{beat: true}) },
		"in handshake":  func(l *loop) { l.reply(reply{up: &handshaken{beat: true}}) },
		"with the next": func(l *loop) { l.reply(reply{up: new(handshaken), beat: true}) },
	} {
		p, err := NewProducer("a:1", nil)
		require.NoError(t, err)
		l := newLoop(p)
		l.conn = new(connection)
		l.moveLink(state.Connecting)
		beat(l)
		l.reply(reply{})
		for range 2 {
			l.fill(l.clock())
			require.Equal(t, string(nop), string(l.out.piece()), name)
			require.EqualValues(t, len(nop), l.conn.encoded)
			l.conn.written = l.conn.encoded
		}
		l.out.advance(len(nop))
		l.fill(l.clock())
		require.False(t, l.out.pending(), name)
	}
}
