package pool_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/wire/wiretest"
)

const patience = 20 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// crew is a pool over doubles of nsqd.
type crew struct {
	*pool.Pool
	nsqds []*wiretest.Server
}

// newCrew makes a pool over n doubles, each with its faults, as far as there are any for it.
func newCrew(t *testing.T, n int, cfg *actor.Config, faults [][]wiretest.Fault, opts ...pool.Option) crew {
	leak.Check(t)
	var c crew
	var addrs []string
	for i := range n {
		var own []wiretest.Fault
		if i < len(faults) {
			own = faults[i]
		}
		srv := wiretest.NewServer(own...)
		t.Cleanup(srv.Close)
		c.nsqds = append(c.nsqds, srv)
		addrs = append(addrs, srv.Addr)
	}
	c.Pool = newPool(t, addrs, cfg, opts...)
	return c
}

// newPool makes a pool that is stopped when the test ends.
func newPool(t testing.TB, addrs []string, cfg *actor.Config, opts ...pool.Option) *pool.Pool {
	p, err := pool.New(addrs, cfg, opts...)
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	return p
}

// stored returns how many messages each nsqd has, by topic t.
func (c crew) stored() (counts []int) {
	for _, srv := range c.nsqds {
		counts = append(counts, srv.MessageCount("t"))
	}
	return counts
}

func sum(counts []int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// requireAddsUp holds the pool's account against its nsqds': at rest.
func requireAddsUp(t testing.TB, s pool.Stats) {
	t.Helper()
	require.Equal(t, s.Submitted, s.Acked+s.Refused+s.NotSent+s.Unknown+s.Pending, "%+v", s)
	var submitted, ends, acked, moved uint64
	for _, node := range append(s.Nodes, pool.Node{Stats: s.Gone}) {
		require.Equal(t, node.Submitted, node.Acked+node.Refused+node.NotSent+node.Unknown+node.HandedBack+node.Pending, "%+v", s)
		submitted += node.Submitted
		acked += node.Acked
		ends += node.Acked + node.Refused + node.NotSent + node.Unknown + node.HandedBack
	}
	moved = s.Moved
	require.Equal(t, s.Acked, acked, "%+v", s)
	require.Equal(t, s.Submitted, submitted-moved, "%+v", s)
	require.Equal(t, s.Acked+s.Refused+s.NotSent+s.Unknown, ends-moved, "%+v", s)
}

// node returns the account of the nsqd at addr.
func node(s pool.Stats, addr string) *pool.Node {
	for i := range s.Nodes {
		if s.Nodes[i].Addr == addr {
			return &s.Nodes[i]
		}
	}
	return nil
}

func name(i int) []byte {
	return []byte(fmt.Sprintf("m%06d %s", i, strings.Repeat("x", rand.IntN(64))))
}
