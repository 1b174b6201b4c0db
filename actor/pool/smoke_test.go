package pool_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/wire/wiretest"
)

func TestSmoke(t *testing.T) {
	a, b := wiretest.NewServer(), wiretest.NewServer()
	defer a.Close()
	defer b.Close()
	p, err := pool.New([]string{a.Addr, b.Addr}, nil)
	require.NoError(t, err)
	for range 1000 {
		require.NoError(t, p.Publish("t", []byte("x")))
	}
	done := make(chan *actor.Transaction, 1000)
	for range 1000 {
		require.NoError(t, p.PublishAsync("t", []byte("x"), done, 1))
	}
	for range 1000 {
		r := <-done
		require.NoError(t, r.Error)
		r.Release()
	}
	t.Logf("%+v", p.Stats())
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	require.NoError(t, p.Flush(ctx))
	tally, err := p.Shutdown(ctx)
	require.NoError(t, err)
	require.Zero(t, tally)
	require.Equal(t, 2000, a.MessageCount("t")+b.MessageCount("t"))
}

func BenchmarkX(bm *testing.B) {
	a, b := wiretest.Config{Discard: true}.NewServer(), wiretest.Config{Discard: true}.NewServer()
	defer a.Close()
	defer b.Close()
	p, _ := pool.New([]string{a.Addr, b.Addr}, nil)
	body := make([]byte, 128)
	bm.ReportAllocs()
	bm.SetParallelism(128)
	bm.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.Publish("t", body)
		}
	})
	p.Stop()
}
