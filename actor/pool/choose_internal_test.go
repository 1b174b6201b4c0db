package pool

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each process chooses alike, this year and next: so the places of some keys are written down here.
func TestPlacesOfKeysStand(t *testing.T) {
	var addrs []string
	for i := range 5 {
		addrs = append(addrs, fmt.Sprintf("10.0.0.%d:4150", i))
	}
	p, err := New(addrs, nil, WithConnections(2))
	require.NoError(t, err)
	defer p.Stop()
	var places []string
	for i := range 12 {
		m := p.choose(p.ForKey(fmt.Sprint("user-", i)).route, nil)
		places = append(places, fmt.Sprintf("%s/%d", m.addr[7:8], m.connection))
	}
	require.Equal(t, "1/0 0/0 4/0 1/1 1/1 1/0 0/1 4/1 4/0 4/0 1/1 1/1", strings.Join(places, " "))
}

func TestAvoiding(t *testing.T) {
	for _, mode := range []Mode{LeastPending, Primary} {
		p, err := New([]string{"10.0.0.1:4150", "10.0.0.2:4150"}, nil, WithMode(mode))
		require.NoError(t, err)
		members := p.members.Load().active
		for range 100 {
			for i, m := range members {
				require.Same(t, members[1-i], p.choose(route{}, m))
				require.Same(t, members[1-i], p.choose(p.ForKey("k").route, m))
			}
			for _, m := range members {
				m.breaker.Break()
			}
		}
		p.Stop()
	}
}
