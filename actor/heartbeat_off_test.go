package actor_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
)

// HeartbeatInterval -1 asks nsqd for none, which is -1 there too: in milliseconds it would be 0, nsqd's default.
func TestHeartbeatsOffAreAskedFor(t *testing.T) {
	leak.Check(t)
	srv := newInMemory(t)
	p := newProducer(t, srv.Addr, &actor.Config{HeartbeatInterval: -1, Dial: srv.Dial})
	require.NoError(t, p.Publish("topic", []byte("body")))
	var asked struct {
		HeartbeatInterval int `json:"heartbeat_interval"`
	}
	require.NoError(t, json.Unmarshal(srv.Conns()[0].Identify, &asked))
	require.Equal(t, -1, asked.HeartbeatInterval)
}
