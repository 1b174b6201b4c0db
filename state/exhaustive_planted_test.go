package state

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// mistake is one in a step of the model.
type mistake uint8

const (
	noMistake mistake = iota
	looksOnce
	looksAtTurnLate
	waitsForRoomAlone
	leavesAnyTurn
	leavesOnlyQueued
	leavesAsNotSent
	leavesInSilence
	givesUpInSilence
	clearsUnclaimed
	forgetsDoubt
	saysStopped
	contextWins
	recyclesAbandoned
	encodesUnclaimed
	goesAgainUnclaimed
	goesAgainInDoubt
	sendsBeforeFinish
	countsBeforeFinish
	neverRecycles
	recyclesUnclaimed
	recyclesTwice
	forgetsGivenUp
	sleepsUnheard
	watchesNothing
	closesAfterCollect
	collectsNoMore
	ringsBeforeClosing
	mistakes
)

// TestExhaustiveFindsPlantedMistakes makes one mistake at a time, in the smallest world in which it matters.
func TestExhaustiveFindsPlantedMistakes(t *testing.T) {
	one := func(c call) bounds { return bounds{calls: []call{c}, mailbox: 1, inFlight: 1} }
	lossy := bounds{calls: []call{withContext}, mailbox: 1, inFlight: 1, faults: 1}
	doubtful := bounds{calls: []call{withContext}, mailbox: 1, inFlight: 1, faults: 2, retryUnknown: true}
	waiting := bounds{calls: []call{forgetting, withContext, forgetting}, mailbox: 1, inFlight: 2, windowed: true, whole: true}
	two := func(c ...call) bounds { return bounds{calls: c, mailbox: 1, inFlight: 1} }
	rows := []struct {
		mistake mistake
		does    string
		bounds  bounds
		found   string
	}{
		{looksOnce, "a sender does not look at the phase again", one(publishing), "caller 0 waits for ever"},
		{looksOnce, "likewise, asynchronous", one(asynchronous), "caller 0's publish has no outcome"},
		{looksAtTurnLate, "a sender notes the turn behind the send", two(forgetting, publishing), "takes back the publish of another"},
		{waitsForRoomAlone, "a sender who waits for room does not see the stop", two(publishing, publishing), "waits for ever"},
		{leavesAnyTurn, "Leave does not compare the turn", two(forgetting, publishing), "takes back the publish of another"},
		{leavesOnlyQueued, "Leave fails on what is taken", one(withContext), "touched without its claim: it is taken"},
		{leavesAsNotSent, "what is left taken is counted as not sent", one(withContext), "is not sent, and may be stored"},
		{leavesInSilence, "who leaves does not ring", one(withContext), "Shutdown waits for its bound"},
		{givesUpInSilence, "who gives up what lies in the mailbox does not ring", waiting, "caller 2 waits for ever"},
		{clearsUnclaimed, "who cannot leave clears the command too", one(withContext), "touched without its claim: it is done"},
		{forgetsDoubt, "who gives up does not look at doubt", doubtful, "is not sent, and may be stored"},
		{saysStopped, "a late sender says not sent, in doubt too", doubtful, "is counted as unknown, and told as not sent"},
		{contextWins, "the context wins over a result", one(withContext), "told as unknown"},
		{recyclesAbandoned, "who abandons recycles", two(withContext, publishing), "touched that caller 0's publish has left"},
		{encodesUnclaimed, "what was given up is encoded", one(withContext), "touched without its claim: it is given up"},
		{goesAgainUnclaimed, "what was abandoned goes again", lossy, "is lost to the pool: it is abandoned"},
		{goesAgainInDoubt, "what may be stored goes again", lossy, "may be stored twice"},
		{sendsBeforeFinish, "the result is sent before Finish", one(withContext), "touched without its claim: it is taken"},
		{countsBeforeFinish, "the outcome is counted before Finish", one(withContext), "ends twice"},
		{neverRecycles, "what was abandoned is not recycled", one(withContext), "is lost to the pool: it is free"},
		{recyclesUnclaimed, "what cannot be forgotten is recycled", one(withContext), "touched without its claim"},
		{recyclesTwice, "what was abandoned is recycled twice", one(withContext), "recycled twice"},
		{forgetsGivenUp, "what was given up is forgotten like what was abandoned", one(withContext), "illegal move"},
		{sleepsUnheard, "the loop sleeps on what ended in its hands", one(withContext), "Shutdown waits for its bound"},
		{watchesNothing, "the loop does not watch", one(withContext), "Shutdown waits for its bound"},
		{closesAfterCollect, "Closed is stored behind the last collect", one(publishing), "caller 0 waits for ever"},
		{collectsNoMore, "there is no last collect", one(publishing), "caller 0 waits for ever"},
		{ringsBeforeClosing, "Shutdown rings before it closes stopping", one(publishing), "Shutdown waits for its bound"},
	}
	made := map[mistake]bool{}
	for _, row := range rows {
		t.Run(row.does, func(t *testing.T) {
			for _, whole := range []bool{false, true} {
				if row.bounds.whole && !whole {
					continue // there are too many
				}
				m := &model{bounds: row.bounds}
				m.whole = whole
				require.Nil(t, m.check(), "without the mistake")
				m = &model{bounds: m.bounds, planted: row.mistake}
				found := m.check()
				require.NotNil(t, found)
				require.Contains(t, found.what, row.found, "%v", found)
			}
		})
		made[row.mistake] = true
	}
	for m := noMistake + 1; m < mistakes; m++ {
		require.True(t, made[m], "%d", m)
	}
}
