package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nsqactor/producer/actor"
)

// ledger notes how each publish ended. A publish has a name, which is the first word of its body; that of the messages of a
// batch of several is the batch's, with a number behind it.
type ledger struct {
	mu    sync.Mutex
	begun map[string]int // how many messages the publish has
	ends  map[string]actor.Outcome
	cuts  int // how many are unknown since a connection ended; the callers of the other unknown ones left
	wrong []string
}

func newLedger() *ledger {
	return &ledger{begun: map[string]int{}, ends: map[string]actor.Outcome{}}
}

// begin notes a publish of one message, or a batch of several, before it is called.
func (l *ledger) begin(name string, messages int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun[name] = messages
}

func (l *ledger) end(name string, err error) {
	outcome := actor.OutcomeOf(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if earlier, ended := l.ends[name]; ended {
		l.wrong = append(l.wrong, fmt.Sprintf("%s ended twice, as %v and as %v", name, earlier, outcome))
	}
	l.ends[name] = outcome
	if outcome == actor.Unknown && !errors.Is(err, context.DeadlineExceeded) {
		l.cuts++
	}
}

// counts returns how many publishes ended in each way.
func (l *ledger) counts() map[actor.Outcome]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := map[actor.Outcome]int{}
	for _, outcome := range l.ends {
		counts[outcome]++
	}
	return counts
}

// cut returns how many publishes are unknown since a connection ended, and not since their callers' contexts did.
func (l *ledger) cut() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cuts
}

// messageName returns the name of message i of a publish of that many.
func messageName(publish string, i, messages int) string {
	if messages == 1 {
		return publish
	}
	return fmt.Sprintf("%s/%d", publish, i)
}

// check holds the accounts against the bodies that nsqd has stored, when everything has ended. With duplicates, as after
// RetryUnknown, what is acked or unknown may be stored more than once.
func (l *ledger) check(t testing.TB, stored []string, duplicates bool) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	times := map[string]int{}
	for _, body := range stored {
		name, _, _ := strings.Cut(body, " ")
		times[name]++
	}
	wrong := l.wrong
	expected := 0 // of the names stored, those that were published
	for name, messages := range l.begun {
		outcome, ended := l.ends[name]
		if !ended {
			wrong = append(wrong, name+" has not ended")
		}
		for i := range messages {
			message := messageName(name, i, messages)
			n := times[message]
			if n > 0 {
				expected++
			}
			switch {
			case outcome == actor.Acked && n == 0:
				wrong = append(wrong, message+" was acked and is not stored")
			case (outcome == actor.NotSent || outcome == actor.Refused) && n > 0:
				wrong = append(wrong, fmt.Sprintf("%s was %v and is stored", message, outcome))
			case n > 1 && !duplicates:
				wrong = append(wrong, fmt.Sprintf("%s was %v and is stored %d times", message, outcome, n))
			}
		}
	}
	if len(l.ends) != len(l.begun) {
		wrong = append(wrong, fmt.Sprintf("%d publishes, %d ends", len(l.begun), len(l.ends)))
	}
	if expected != len(times) {
		wrong = append(wrong, fmt.Sprintf("%d of %d stored messages were never published", len(times)-expected, len(times)))
	}
	assert.Empty(t, wrong[:min(len(wrong), 20)], "%d violations", len(wrong))
}
