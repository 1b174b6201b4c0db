package lookup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/actor/pool/lookup"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// addresses returns those of the nsqd, in the order of a resolver's answer.
func addresses(nsqds ...*nsqdtest.Nsqd) (addrs []string) {
	for _, nsqd := range nsqds {
		addrs = append(addrs, nsqd.TCPAddr)
	}
	slices.Sort(addrs)
	return addrs
}

// nodes returns the addresses of all nsqd that the pool has to do with, in order.
func nodes(p *pool.Pool) (addrs []string) {
	for _, node := range p.Stats().Nodes {
		addrs = append(addrs, node.Addr)
	}
	slices.Sort(addrs)
	return addrs
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 5*time.Millisecond, what)
}

// A pool follows what a real nsqlookupd knows of real nsqd, while four callers publish: each of their calls succeeds, and what they
// published is stored.
func TestMembership(t *testing.T) {
	leak.Check(t)
	lookupd := nsqdtest.StartLookupd(t)
	start := func() *nsqdtest.Nsqd { return nsqdtest.Start(t, "-lookupd-tcp-address="+lookupd.TCPAddr) }
	first, second, third := start(), start(), start()
	ask, err := lookup.Nsqlookupd([]string{lookupd.HTTPAddr}, newClient())
	require.NoError(t, err)
	eventually(t, "all three are known", func() bool {
		addrs, err := ask(within(t))
		return assert.NoError(t, err) && slices.Equal(addresses(first, second, third), addrs)
	})

	var failed atomic.Int64                                    // answers of the resolver
	p, err := pool.New(nil, &actor.Config{RetryUnknown: true}, // so that a call may be on its way to the one that ends
		pool.WithResolver(func(ctx context.Context) ([]string, error) {
			addrs, err := ask(ctx)
			if err != nil {
				failed.Add(1)
			}
			return addrs, err
		}, 50*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(p.Stop)
	require.Equal(t, addresses(first, second, third), nodes(p))

	published := publish(t, p)
	eventually(t, "all three get messages", func() bool {
		return min(first.MessageCount("t"), second.MessageCount("t"), third.MessageCount("t")) > 10
	})
	second.Terminate()
	eventually(t, "the one that ended has left", func() bool { return slices.Equal(addresses(first, third), nodes(p)) })
	fourth := start()
	eventually(t, "one has joined", func() bool { return slices.Equal(addresses(first, third, fourth), nodes(p)) })
	eventually(t, "it gets messages", func() bool { return fourth.MessageCount("t") > 10 })

	lookupd.Kill()
	eventually(t, "nobody answers", func() bool { return failed.Load() >= 3 })
	require.Equal(t, addresses(first, third, fourth), nodes(p), "the last good answer stays")
	before := first.MessageCount("t")
	eventually(t, "publishing goes on", func() bool { return first.MessageCount("t") > before })

	all := published()
	tally, err := p.Shutdown(within(t))
	require.NoError(t, err)
	require.Zero(t, tally)
	stats := p.Stats()
	assert.EqualValues(t, len(all), stats.Acked)
	assert.Positive(t, stats.Gone.Acked, "of the one that left")
	second.Restart()
	stored := make(map[string]bool)
	for _, nsqd := range []*nsqdtest.Nsqd{first, second, third, fourth} {
		for _, body := range nsqd.ReadBack("t") {
			stored[body] = true
		}
	}
	assert.Len(t, stored, len(all))
	for _, body := range all {
		require.True(t, stored[body], "%s was acked", body)
	}
}

// publish lets four callers publish, with a pause between two publishes, until the function that it returns is called, which
// returns the bodies: each was acked.
func publish(t *testing.T, p *pool.Pool) (end func() []string) {
	var callers sync.WaitGroup
	var bodies [4][]string
	stop := make(chan struct{})
	for c := range bodies {
		callers.Add(1)
		go func() {
			defer callers.Done()
			pace := time.NewTicker(2 * time.Millisecond)
			defer pace.Stop()
			for i := 0; ; i++ {
				select {
				case <-pace.C:
				case <-stop:
					return
				}
				body := fmt.Sprintf("caller %d message %d", c, i)
				if err := p.Publish("t", []byte(body)); !assert.NoError(t, err) {
					return
				}
				bodies[c] = append(bodies[c], body)
			}
		}()
	}
	stopped := sync.OnceFunc(func() {
		close(stop)
		callers.Wait()
	})
	t.Cleanup(stopped)
	return func() []string {
		stopped()
		return slices.Concat(bodies[:]...)
	}
}

// topicNodes returns the nodes in an answer of nsqlookupd about a topic.
func topicNodes(t *testing.T, answer string) []any {
	var reply struct{ Producers []any }
	require.NoError(t, json.Unmarshal([]byte(answer), &reply))
	return reply.Producers
}

// One nsqlookupd of two is enough for an nsqd that has both, and not for one that has the other alone.
func TestOneOfTwoNsqlookupd(t *testing.T) {
	one, other := nsqdtest.StartLookupd(t), nsqdtest.StartLookupd(t)
	both := nsqdtest.Start(t, "-lookupd-tcp-address="+one.TCPAddr, "-lookupd-tcp-address="+other.TCPAddr)
	alone := nsqdtest.Start(t, "-lookupd-tcp-address="+other.TCPAddr)
	ask, err := lookup.Nsqlookupd([]string{one.HTTPAddr, other.HTTPAddr}, newClient())
	require.NoError(t, err)
	eventually(t, "both nsqd are known", func() bool {
		addrs, err := ask(within(t))
		return assert.NoError(t, err) && slices.Equal(addresses(both, alone), addrs)
	})
	// A tombstone does not hide it.
	both.CreateTopic("t")
	eventually(t, "the topic is known", func() bool {
		status, body := one.Get("/lookup?topic=t")
		return status == http.StatusOK && len(topicNodes(t, body)) == 1
	})
	status, _ := one.Post("/topic/tombstone?topic=t&node="+both.HTTPAddr, "")
	require.Equal(t, http.StatusOK, status)
	_, body := one.Get("/lookup?topic=t")
	require.Empty(t, topicNodes(t, body), "consumers do not see it any more")
	other.Kill()
	addrs, err := ask(within(t))
	require.NoError(t, err)
	require.Equal(t, addresses(both), addrs)
}
