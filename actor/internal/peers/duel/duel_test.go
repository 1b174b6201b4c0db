package main

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// One row of each kind runs, with nsqd's counts checked after every turn, and table and chart are written.
func TestQuick(t *testing.T) {
	rows := []string{
		"closed/callers=256/topics=1/body=128B", "closed/callers=1/topics=1/body=128B/procs=1",
		"closed/callers=16/topics=4/body=16B",
		"async/outstanding=1024/topics=4/body=1024B", "async/outstanding=1024/topics=1/body=65536B",
		"open/rate=30000/callers=64/topics=4/body=128B", "collecting/rate=30000/callers=64/topics=1/body=128B", "idle", "full",
	}
	svg := filepath.Join(t.TempDir(), "duel.svg")
	var out strings.Builder
	pattern := "^(" + strings.Join(rows, "|") + ")$"
	require.NoError(t, run(context.Background(), []string{"-quick", "-rows", pattern, "-svg", svg}, &out, io.Discard))

	chosen, err := choose(pattern)
	require.NoError(t, err)
	require.Len(t, chosen, len(rows))
	for _, r := range chosen {
		for _, show := range r.shows {
			var cells []string
			for _, line := range strings.Split(out.String(), "\n") {
				if strings.HasPrefix(line, "| "+r.label()+" | "+string(show.metric)+" |") {
					cells = strings.Split(line, " | ")
				}
			}
			if assert.NotEmpty(t, cells, "%s, %s in:\n%s", r.name(), show.metric, &out) {
				assert.NotEqual(t, "–", cells[2], "go-nsq's figure, %s", r.name())
				assert.NotEqual(t, "–", cells[3], "our figure, %s", r.name())
			}
			assert.NotContains(t, out.String(), "NaN")
			assert.NotContains(t, out.String(), "Inf")
		}
	}
	assert.Contains(t, out.String(), "cores, ")
	assert.Contains(t, out.String(), "nsqd 1.")
	drawn, err := os.ReadFile(svg)
	require.NoError(t, err)
	assert.Contains(t, string(drawn), chosen[0].label())
}

// Windows and topics that do not divide evenly: the raw loop's pieces go round the topics all the same.
func TestOddNumbers(t *testing.T) {
	r := row{load: closed, callers: 7, topics: 5, body: 3, shows: []shown{against(duration, "")}}
	lines, _, err := fight(context.Background(), t, r, quick, contestants)
	require.NoError(t, err)
	assert.Positive(t, lines[0].by[rawPub])
}

// liar is a client whose word about acks is wrong.
type liar struct {
	client
	lie func(c client, topic string, body []byte) error
}

func (l liar) publish(topic string, body []byte) error { return l.lie(l.client, topic, body) }

func TestLiarsAreCaught(t *testing.T) {
	calls := 0
	for name, lie := range map[string]func(c client, topic string, body []byte) error{
		"acks what it did not send": func(client, string, []byte) error { return nil },
		"loses one in a turn": func(c client, topic string, body []byte) error {
			if calls++; calls == 2 {
				return nil
			}
			return c.publish(topic, body)
		},
		"sends twice": func(c client, topic string, body []byte) error {
			if err := c.publish(topic, body); err != nil {
				return err
			}
			return c.publish(topic, body)
		},
		"sends elsewhere": func(c client, _ string, body []byte) error { return c.publish("elsewhere", body) },
		"mixes up topics": func(c client, _ string, body []byte) error { return c.publish("duel1", body) },
	} {
		t.Run(name, func(t *testing.T) {
			calls = 0
			pretender := contestant{"pretender", func(addr string, tls *tls.Config, deflate bool) (client, error) {
				honest, err := contestants[1].open(addr, tls, deflate)
				return liar{honest, lie}, err
			}}
			r := row{load: closed, callers: 1, topics: 2, body: 16, shows: []shown{alone(duration, "")}}
			_, _, err := fight(context.Background(), t, r, quick, []contestant{pretender})
			require.ErrorContains(t, err, "messages were acked, nsqd counted")
			assert.ErrorContains(t, err, "pretender")
		})
	}
}

// What goes to nsqd's disk would measure the disk.
func TestDiskIsNoticed(t *testing.T) {
	s := &server{Nsqd: nsqdtest.Start(t, "-mem-queue-size=10"), topics: topicNames(1), counted: map[string]uint64{}}
	for _, messages := range []int{10, 11} {
		for range messages {
			status, _ := s.Post("/pub?topic="+s.topics[0], "x")
			require.Equal(t, http.StatusOK, status)
		}
		err := s.settle([]uint64{uint64(messages)})
		if messages == 10 {
			require.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, "to its disk")
		}
	}
}

// An end that was asked for comes between two turns.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := row{load: closed, callers: 1, topics: 1, body: 16, shows: []shown{alone(duration, "")}}
	_, _, err := fight(ctx, t, r, quick, contestants)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestHost(t *testing.T) {
	var order []string
	err := hosted(func(h *host) error {
		dir := h.TempDir()
		require.DirExists(t, dir)
		h.Cleanup(func() {
			assert.DirExists(t, dir, "the last first")
			order = append(order, dir)
		})
		h.Fatalf("no %s", "good")
		return nil
	})
	assert.EqualError(t, err, "no good")
	require.Len(t, order, 1)
	assert.NoDirExists(t, order[0])
	assert.NoError(t, hosted(func(*host) error { return nil }))
	assert.Panics(t, func() { _ = hosted(func(*host) error { panic("a bug") }) })
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-turn", "0s"}, {"-open", "-1s"}, {"rounds"}, {"-rows", "("}, {"-no-such-flag"}} {
		assert.Error(t, run(context.Background(), args, io.Discard, io.Discard), args)
	}
	var out strings.Builder
	require.NoError(t, run(context.Background(), []string{"-list"}, &out, io.Discard))
	assert.Equal(t, len(catalogue()), strings.Count(out.String(), "\n"))
}
