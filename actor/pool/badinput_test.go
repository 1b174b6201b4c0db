package pool_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
)

func TestNewRefuses(t *testing.T) {
	answer := func(addrs []string, err error) pool.Option {
		return pool.WithResolver(func(context.Context) ([]string, error) { return addrs, err }, time.Second)
	}
	one := []string{"127.0.0.1:4150"}
	for name, c := range map[string]struct {
		addrs []string
		cfg   *actor.Config
		opts  []pool.Option
		want  []string
	}{
		"no address":              {nil, nil, nil, []string{"no address"}},
		"an empty address":        {[]string{""}, nil, nil, []string{"address is empty"}},
		"no port":                 {[]string{"127.0.0.1:4150", "127.0.0.2"}, nil, nil, []string{"127.0.0.2", "port"}},
		"one twice":               {append(one, one...), nil, nil, []string{"127.0.0.1:4150", "twice", "WithConnections"}},
		"a wrong Config":          {one, &actor.Config{MaxPending: -1, MaxAttempts: -2}, nil, []string{"MaxPending is -1", "MaxAttempts is -2"}},
		"HandBack":                {one, &actor.Config{HandBack: 1}, nil, []string{"HandBack"}},
		"an unknown mode":         {one, nil, []pool.Option{pool.WithMode(7)}, []string{"Mode(7)"}},
		"no connections":          {one, nil, []pool.Option{pool.WithConnections(0)}, []string{"0 connections"}},
		"too many":                {one, nil, []pool.Option{pool.WithConnections(65)}, []string{"65 connections", "64"}},
		"a nil resolver":          {one, nil, []pool.Option{pool.WithResolver(nil, time.Second)}, []string{"resolver is nil"}},
		"two things at once":      {one, nil, []pool.Option{pool.WithResolver(nil, time.Second), pool.WithMode(9)}, []string{"resolver is nil", "Mode(9)"}},
		"a nil option":            {one, nil, []pool.Option{nil}, []string{"option is nil"}},
		"a resolver that fails":   {nil, nil, []pool.Option{answer(nil, errors.New("no such thing"))}, []string{"resolver", "no such thing"}},
		"one that finds nothing":  {nil, nil, []pool.Option{answer(nil, nil)}, []string{"no address"}},
		"one that talks nonsense": {nil, nil, []pool.Option{answer([]string{"nonsense"}, nil)}, []string{"nonsense"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := pool.New(c.addrs, c.cfg, c.opts...)
			require.Error(t, err)
			require.Nil(t, p)
			for _, want := range c.want {
				assert.Contains(t, err.Error(), want)
			}
		})
	}
	for _, every := range []time.Duration{-1, 0, 9 * time.Millisecond, 25 * time.Hour} {
		_, err := pool.New(one, nil, pool.WithResolver(func(context.Context) ([]string, error) { return one, nil }, every))
		require.ErrorContains(t, err, every.String())
	}
}

func TestModes(t *testing.T) {
	for _, m := range []pool.Mode{pool.LeastPending, pool.Primary} {
		parsed, err := pool.ParseMode(m.String())
		require.NoError(t, err)
		require.Equal(t, m, parsed)
	}
	_, err := pool.ParseMode("fastest")
	require.ErrorContains(t, err, `"fastest"`)
}

// What is wrong with a publish is told at once, by no nsqd, and breaks nothing.
func TestBadPublishes(t *testing.T) {
	c := newCrew(t, 2, &actor.Config{MaxMsgSize: 100}, nil)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for what, err := range map[string]error{
		"topic":   c.Publish("no topic", []byte("x")),
		"body":    c.Publish("t", make([]byte, 101)),
		"empty":   c.MultiPublish("t", nil),
		"delay":   c.DeferredPublish("t", -1, []byte("x")),
		"context": c.PublishContext(ended, "t", []byte("x")),
		"async":   c.PublishAsync("no topic", []byte("x"), nil),
		"try":     c.TryPublishAsync("t", nil, nil),
		"key":     c.ForKey("k").Publish("no topic", []byte("x")),
	} {
		assert.Error(t, err, what)
		assert.Equal(t, actor.NotSent, actor.OutcomeOf(err), what)
	}
	require.ErrorIs(t, c.PublishContext(ended, "t", []byte("x")), context.Canceled)
	require.NoError(t, c.Publish("t", []byte("x")))
	require.Zero(t, c.Stats().Moved)
	require.EqualValues(t, 1, c.Stats().Submitted)
	requireAddsUp(t, c.Stats())
}
