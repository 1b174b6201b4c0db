package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
)

func TestSummaryJSON(t *testing.T) {
	var a account
	a.read.Store(6)
	for range 3 {
		a.acked(40 * time.Nanosecond) // below 64 ns the histogram is exact
	}
	a.failed(3, actor.NotSent, errors.New("down"))
	a.failed(4, actor.Refused, errors.New("no"))
	a.failed(5, actor.Unknown, errors.New("lost"))
	var got strings.Builder
	require.NoError(t, a.summarizeJSON(&got, 2*time.Second, pool.Stats{}, false))
	assert.Equal(t, `{"read":6,"acked":3,"refused":1,"not_sent":1,"unknown":1,`+
		`"seconds":2,"messages_per_second":1.5,"p50_ms":0.00004,"p99_ms":0.00004}`+"\n", got.String())

	got.Reset()
	require.NoError(t, new(account).summarizeJSON(&got, 0, pool.Stats{}, false))
	assert.Equal(t, `{"read":0,"acked":0,"refused":0,"not_sent":0,"unknown":0,`+
		`"seconds":0,"messages_per_second":0,"p50_ms":null,"p99_ms":null}`+"\n", got.String())
}

// One of several nsqd has its address and what it left to others; those that have left stand together, if they had anything.
func TestSummaryJSONOfSeveral(t *testing.T) {
	one := pool.Node{Addr: "a:1", Stats: actor.Stats{Submitted: 10, Acked: 4, Refused: 3, NotSent: 2, Unknown: 1, HandedBack: 7}}
	for _, c := range []struct {
		gone actor.Stats
		want string
	}{
		{actor.Stats{}, ``},
		{actor.Stats{Submitted: 1, Acked: 1}, `,"nsqd_gone":{"acked":1,"refused":0,"not_sent":0,"unknown":0,"moved_on":0}`},
	} {
		var got strings.Builder
		require.NoError(t, new(account).summarizeJSON(&got, 0, pool.Stats{Nodes: []pool.Node{one}, Gone: c.gone}, false))
		_, nodes, _ := strings.Cut(got.String(), `"p99_ms":null`)
		assert.Equal(t, `,"nsqd":[{"address":"a:1","acked":4,"refused":3,"not_sent":2,"unknown":1,"moved_on":7}]`+c.want+"}\n", nodes)
	}
}

// json reads the summary that a run left on standard output, and asserts that it says what the one for people does.
func (e ending) json(t *testing.T) (s summary) {
	t.Helper()
	require.Equal(t, 1, strings.Count(e.stdout, "\n"), e.stdout)
	in := json.NewDecoder(strings.NewReader(e.stdout))
	in.DisallowUnknownFields()
	require.NoError(t, in.Decode(&s), e.stdout)
	assert.Equal(t, []uint64{uint64(e.read), uint64(e.acked), uint64(e.refused), uint64(e.notSent), uint64(e.unknown)},
		[]uint64{s.Read, s.Acked, s.Refused, s.NotSent, s.Unknown}, e.stderr)
	return s
}

func TestJSON(t *testing.T) {
	_, text := numbers(1, 5000)
	e := publish(t, patience(t), strings.NewReader(text+"\n"), "--nsqd-tcp-address", double(t).Addr, "--json")
	assert.Equal(t, exitLost, e.status, e.stderr)
	s := e.json(t)
	assert.EqualValues(t, 5000, s.Acked)
	assert.EqualValues(t, 1, s.NotSent)
	assert.Positive(t, s.Seconds)
	assert.LessOrEqual(t, s.Seconds, e.took.Seconds())
	assert.InEpsilon(t, 5000/s.Seconds, s.Rate, 1e-9)
	require.NotNil(t, s.P50)
	assert.Positive(t, *s.P50)
	assert.LessOrEqual(t, *s.P50, *s.P99)
	assert.Nil(t, s.Nsqd)
	assert.False(t, s.Double)
}

// A script that forgot the address does not take it for success.
func TestJSONOfTheDouble(t *testing.T) {
	e := publish(t, patience(t), strings.NewReader("a\n"), "--json")
	assert.Equal(t, exitOK, e.status, e.stderr)
	assert.True(t, e.json(t).Double, e.stdout)
}

func TestJSONOfSeveral(t *testing.T) {
	a, nobody := double(t), closedAddr(t)
	_, text := numbers(1, 5000)
	e := publish(t, patience(t), strings.NewReader(text), append(to(a.Addr, nobody), "--json")...)
	assert.Equal(t, exitOK, e.status, e.stderr)
	s := e.json(t)
	require.Len(t, s.Nsqd, 2)
	shares := e.shares(t)
	for _, n := range s.Nsqd {
		require.Contains(t, shares, n.Address)
		assert.Equal(t, shares[n.Address], share{int(n.Acked), int(n.Refused), int(n.NotSent), int(n.Unknown), int(n.MovedOn)})
	}
	assert.True(t, slices.ContainsFunc(s.Nsqd, func(n node) bool { return n.Address == a.Addr && n.Acked == 5000 }), e.stdout)
}

// Whoever relies on the object learns that it is not there.
func TestJSONCannotBeWritten(t *testing.T) {
	var stderr bytes.Buffer
	args := []string{"--topic", "lines", "--nsqd-tcp-address", double(t).Addr, "--json"}
	status := run(patience(t), args, strings.NewReader("a\n"), failingWriter{errors.New("disk full")}, &stderr)
	assert.Equal(t, exitLost, status)
	assert.Contains(t, stderr.String(), "the summary could not be written as JSON: disk full")
}

// The manual's example has the fields that are written, no more and no fewer.
func TestManualJSON(t *testing.T) {
	_, example, found := strings.Cut(manual(), "\t{\"read\":")
	require.True(t, found)
	example, _, _ = strings.Cut(`{"read":`+example, "\n\n")
	in := json.NewDecoder(strings.NewReader(example))
	in.DisallowUnknownFields()
	var s summary
	require.NoError(t, in.Decode(&s))
	again, err := json.Marshal(s)
	require.NoError(t, err)
	assert.JSONEq(t, example, string(again))
	assert.Equal(t, s.Read, s.Acked+s.Refused+s.NotSent+s.Unknown)
	assert.Equal(t, s.Acked, s.Nsqd[0].Acked+s.Nsqd[1].Acked)
}
