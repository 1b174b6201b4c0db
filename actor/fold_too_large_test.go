package actor_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/internal/leak"
	"github.com/nsqactor/producer/wire"
)

// This file is about folds that are more than nsqd's -max-body-size.

// A fold that is more than nsqd takes at a time goes again in smaller ones until it fits; nobody is refused.
func TestFoldTooLargeForNsqd(t *testing.T) {
	leak.Check(t)
	for _, row := range []struct {
		members, size, maxBodySize int
		conns                      int
		folded                     bool // in the end
	}{
		{64, 50, 4 + 64*54, 1, true}, // exactly
		{64, 50, 4 + 64*54 - 1, 2, true},
		{64, 50, 1000, 3, true},
		{250, 200, 1000, 7, true}, // 51,004; halved six times
		{8, 600, 700, 3, false},
		{4, 900, 700, 3, false}, // which a single message does not have to fit
	} {
		t.Run(fmt.Sprintf("%d of %d above %d", row.members, row.size, row.maxBodySize), func(t *testing.T) {
			srv, gate := stricter(t, 0, row.maxBodySize), newTurnstile()
			p := newFolder(t, srv.Addr, folding(gate, srv))
			all := make([]int, row.members)
			for i := range all {
				all[i] = row.size
			}
			round := func(conns int) {
				t.Helper()
				done := publishSizes(t, p, all)
				connect(t, p, gate, conns)
				requireAcked(t, done, 0, row.members)
			}
			round(row.conns)
			requireCost(t, srv, p, row.conns)
			require.Equal(t, span(0, row.members), numbersStored(srv, "a"))
			require.Equal(t, row.folded, srv.Stats().Publishes < row.members)

			round(0) // the limit is known
			requireCost(t, srv, p, row.conns)

			for range row.conns { // until a connection is lost: what comes then may take more
				receive(t, gate.asked)
			}
			srv.CloseAll()
			receive(t, gate.asked)
			round(row.conns)
			requireCost(t, srv, p, 2*row.conns)
			require.Equal(t, 3*row.members, srv.MessageCount("a"))
		})
	}
}

// Both limits at once: the fold becomes smaller until it fits, and then the guilty one is looked for in one small fold.
func TestFoldTooLargeWithAGuiltyOne(t *testing.T) {
	leak.Check(t)
	srv, gate := stricter(t, 100, 1000), newTurnstile()
	p := newFolder(t, srv.Addr, folding(gate, srv))
	all := make([]int, 64)
	for i := range all {
		all[i] = 50
	}
	all[40] = 101
	done := publishSizes(t, p, all)
	connect(t, p, gate, 5)
	told := results(t, done, len(all))
	requireRefusal(t, told[40], wire.CodeBadMessage)
	delete(told, 40)
	for i, err := range told {
		require.NoError(t, err, i)
	}
	require.Equal(t, append(span(0, 40), span(41, 64)...), numbersStored(srv, "a"))
	requireCost(t, srv, p, 5)
	alone := 0
	for _, command := range commands(srv) {
		if command == "PUB" {
			alone++
		}
	}
	require.LessOrEqual(t, alone, 1000/54, "one fold's, perhaps, and the last of all")
}
