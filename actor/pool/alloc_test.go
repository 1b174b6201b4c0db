//go:build !race

package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/wire/wiretest"
)

func TestNoAllocations(t *testing.T) {
	var addrs []string
	for range 3 {
		srv := wiretest.Config{Discard: true}.NewServer()
		defer srv.Close()
		addrs = append(addrs, srv.Addr)
	}
	body, bodies := make([]byte, 128), [][]byte{make([]byte, 64), make([]byte, 64)}
	done := make(chan *actor.Transaction, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx.Done()
	arg := any("arg")
	released := func(err error) error {
		if err == nil {
			(<-done).Release()
		}
		return err
	}
	for _, n := range []int{1, 3} {
		for _, mode := range []pool.Mode{pool.LeastPending, pool.Primary} {
			p := newPool(t, addrs[:n], nil, pool.WithMode(mode))
			for name, publish := range map[string]func() error{
				"Publish":         func() error { return p.Publish("t", body) },
				"PublishContext":  func() error { return p.PublishContext(ctx, "t", body) },
				"MultiPublish":    func() error { return p.MultiPublish("t", bodies) },
				"DeferredPublish": func() error { return p.DeferredPublish("t", time.Second, body) },
				"PublishAsync":    func() error { return released(p.PublishAsync("t", body, done, arg)) },
				"TryPublishAsync": func() error { return released(p.TryPublishAsync("t", body, done, arg)) },
				"forgotten": func() error {
					if err := p.ForKey("key").PublishAsync("t", body, nil); err != nil {
						return err
					}
					return p.ForKey("key").Publish("t", body) // it is answered behind the other
				},
				"with a key": func() error { return p.ForKey("key").Publish("t", body) },
			} {
				var err error
				run := func() {
					if e := publish(); e != nil {
						err = e
					}
				}
				for range 200 {
					run()
				}
				assert.Zero(t, testing.AllocsPerRun(500, run), "%s, %d members, %v", name, n, mode)
				assert.NoError(t, err, name)
			}
		}
	}
}
