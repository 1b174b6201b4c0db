package state

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// operation is a call of one of ClaimCell's methods that is under way. The zero operation is none.
//
// The methods below do one atomic operation of their namesakes in claim.go at each call, and report through with the last; each
// move is the real one. With bounds.whole they are the namesakes themselves, in one step. That the two are the same is seen by
// TestOperationsAreTheMethods, where nobody comes between, and by TestClaimHasOneEnd.
type operation struct {
	chosen bool  // Finish has loaded the claim,
	from   uint8 // which was this
	loaded bool  // the word is loaded,
	word   uint8 // and was this
}

// advance is ClaimCell.Advance.
func (m *model) advance(op *operation, t *transaction, from, to Claim) (did, through bool) {
	switch {
	case m.whole:
		m.lend(t, func(c *ClaimCell) { did = c.Advance(from, to) })
		return did, true
	case !op.loaded:
		op.loaded, op.word = true, t.word
		return false, false
	}
	m.lend(t, func(c *ClaimCell) { did = c.move(uint32(op.word), from, to) })
	*op = operation{}
	return did, true
}

// finish is ClaimCell.Finish.
func (m *model) finish(op *operation, t *transaction) (did, through bool) {
	switch {
	case m.whole:
		m.lend(t, func(c *ClaimCell) { did = c.Finish() })
		return did, true
	case !op.chosen && t.claim() != Queued && t.claim() != Taken:
		return false, true
	case !op.chosen:
		op.chosen, op.from = true, uint8(t.claim())
		return false, false
	}
	return m.advance(op, t, Claim(op.from), Done)
}

// leave is ClaimCell.Leave.
func (m *model) leave(op *operation, t *transaction, turn uint8) (left Claim, won, through bool) {
	switch {
	case m.whole:
		m.lend(t, func(c *ClaimCell) { left, won = c.Leave(Turn(turn)) })
		return left, won, true
	case !op.loaded && (t.word>>claimBits != turn || t.claim() != Queued && t.claim() != Taken):
		return 0, false, true
	case !op.loaded:
		op.loaded, op.word = true, t.word
		return 0, false, false
	}
	from := Claim(op.word & claimMask)
	if left = GivenUp; from == Taken {
		left = Abandoned
	}
	m.lend(t, func(c *ClaimCell) { won = c.move(uint32(op.word), from, left) })
	*op = operation{}
	return left, won, won // or all over again
}

// turn is ClaimCell.Turn.
func (m *model) turn(t *transaction) (turn uint8) {
	m.lend(t, func(c *ClaimCell) { turn = uint8(c.Turn()) })
	return turn
}

// lend gives f the real cell, with the transaction's word in it.
func (m *model) lend(t *transaction, f func(c *ClaimCell)) {
	m.claim.v.Store(uint32(t.word))
	f(&m.claim)
	t.word = uint8(m.claim.v.Load())
}

// advancePhase is PhaseCell.Advance, which is one atomic operation.
func (m *model) advancePhase(w *world, from, to Phase) bool {
	m.phase.v.Store(uint32(w.phase))
	did := m.phase.Advance(from, to)
	w.phase = uint8(m.phase.Load())
	return did
}

// TestOperationsAreTheMethods holds the methods taken apart against the real ones, on every word, undisturbed.
func TestOperationsAreTheMethods(t *testing.T) {
	const turns = 3
	type result struct {
		word uint8
		left Claim
		won  bool
	}
	compare := func(word uint8, method string, step func(*model, *operation, *transaction) (Claim, bool, bool)) {
		var results [2]result
		for i, whole := range []bool{false, true} {
			m, op, tr := &model{bounds: bounds{whole: whole}}, operation{}, transaction{word: word}
			for through, steps := false, 0; !through; steps++ {
				require.Less(t, steps, 3)
				results[i].left, results[i].won, through = step(m, &op, &tr)
			}
			results[i].word = tr.word
		}
		require.Equal(t, results[1], results[0], "%s, of a transaction that is %v", method, Claim(word&claimMask))
	}
	for word := range uint8(turns << claimBits) {
		if Claim(word&claimMask) > Done {
			continue
		}
		compare(word, "Finish", func(m *model, op *operation, t *transaction) (Claim, bool, bool) {
			did, through := m.finish(op, t)
			return 0, did, through
		})
		for turn := range uint8(turns) {
			compare(word, "Leave", func(m *model, op *operation, t *transaction) (Claim, bool, bool) {
				return m.leave(op, t, turn)
			})
		}
		for from := range claimMoves {
			for to := range claimMoves {
				if claimMoves[from]&(1<<to) == 0 {
					continue // TestEveryPair
				}
				compare(word, "Advance", func(m *model, op *operation, t *transaction) (Claim, bool, bool) {
					did, through := m.advance(op, t, Claim(from), Claim(to))
					return 0, did, through
				})
			}
		}
	}
}
