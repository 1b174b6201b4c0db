package faults

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
)

// complaints is a testing.TB that takes note of failures instead of failing.
type complaints struct {
	testing.TB
	all []string
}

func (c *complaints) Helper() {}

func (c *complaints) Errorf(format string, args ...any) {
	c.all = append(c.all, fmt.Sprintf(format, args...))
}

func TestLedgerFindsEachViolation(t *testing.T) {
	refused, unknown := &actor.Error{Outcome: actor.Refused}, errors.New("whatever")
	for _, c := range []struct {
		name       string
		err        error
		ends       int
		stored     []string
		duplicates bool
		fine       bool
	}{
		{"acked and stored", nil, 1, []string{"a body"}, false, true},
		{"acked and lost", nil, 1, nil, false, false},
		{"acked and stored twice", nil, 1, []string{"a body", "a body"}, false, false},
		{"acked and stored twice, which is allowed", nil, 1, []string{"a body", "a body"}, true, true},
		{"refused", refused, 1, nil, false, true},
		{"refused and stored", refused, 1, []string{"a body"}, true, false},
		{"not sent and stored", actor.ErrStopped, 1, []string{"a body"}, true, false},
		{"unknown and stored", unknown, 1, []string{"a body"}, false, true},
		{"unknown and not stored", unknown, 1, nil, false, true},
		{"unknown and stored twice", unknown, 1, []string{"a", "a"}, false, false},
		{"no end", nil, 0, nil, false, false},
		{"two ends", nil, 2, []string{"a body"}, false, false},
		{"stored and never published", nil, 1, []string{"a body", "b"}, false, false},
	} {
		book, found := newLedger(), &complaints{TB: t}
		book.begin("a", 1)
		for range c.ends {
			book.end("a", c.err)
		}
		book.check(found, c.stored, c.duplicates)
		require.Equal(t, c.fine, len(found.all) == 0, "%s: %q", c.name, found.all)
	}

	book, found := newLedger(), &complaints{TB: t}
	book.begin("batch", 2)
	book.end("batch", nil)
	book.check(found, []string{"batch/0"}, false)
	require.Len(t, found.all, 1, "half of a batch")

	book = newLedger()
	for i, err := range []error{nil, refused, context.DeadlineExceeded, actor.ErrConnectionLost} {
		book.end(fmt.Sprint(i), err)
	}
	require.Equal(t, 1, book.cut())
}
