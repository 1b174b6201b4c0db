package actor_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A listener within the process is reached by a Dial hook; which one is for the address to say.
func TestListenersInMemory(t *testing.T) {
	leak.Check(t)
	servers := map[string]*wiretest.Server{}
	for _, name := range []string{"tcp first.example:4150", "unix /run/second.sock"} {
		servers[name] = wiretest.NewInMemory()
		t.Cleanup(servers[name].Close)
	}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		return servers[network+" "+addr].Dial(ctx, network, addr)
	}
	for name, addr := range map[string]string{
		"tcp first.example:4150": "first.example:4150", "unix /run/second.sock": "unix:/run/second.sock",
	} {
		p := newProducer(t, addr, &actor.Config{Dial: dial})
		require.NoError(t, p.Publish("topic", []byte(addr)))
		servers[name].ResetAll()
		until(t, "another connection", func() bool { return p.Stats().Connections == 2 })
		require.NoError(t, p.Publish("topic", []byte(addr)))
		require.Equal(t, addr, p.String())
		require.Equal(t, 2, servers[name].MessageCount("topic"))
	}
}
