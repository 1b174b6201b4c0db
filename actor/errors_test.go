package actor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
)

func failed(outcome Outcome, cause error) *Error {
	return &Error{Op: "Publish", Topic: "t", Addr: "a:1", Outcome: outcome, Err: cause}
}

func TestOutcomeOf(t *testing.T) {
	refusal := &wire.ReplyError{Code: wire.CodeBadTopic, Text: "no"}
	for _, c := range []struct {
		name string
		err  error
		want Outcome
	}{
		{"nil", nil, Acked},
		{"stopped", ErrStopped, NotSent},
		{"full", ErrFull, NotSent},
		{"not connected", ErrNotConnected, NotSent},
		{"connection lost", ErrConnectionLost, Unknown},
		{"stopped, wrapped", fmt.Errorf("shop: %w", ErrStopped), NotSent},
		{"not connected, with a cause", because(ErrNotConnected, io.EOF), NotSent},
		{"connection lost, with a cause", because(ErrConnectionLost, io.EOF), Unknown},
		{"refused", failed(Refused, refusal), Refused},
		{"not sent", failed(NotSent, wire.ErrTopic), NotSent},
		{"unknown", failed(Unknown, context.Canceled), Unknown},
		{"wrapped", fmt.Errorf("shop: %w", failed(Refused, refusal)), Refused},
		{"joined", errors.Join(errors.New("shop"), failed(NotSent, io.EOF)), NotSent},
		{"its own word counts, not the cause's", failed(Unknown, because(ErrConnectionLost, ErrNotConnected)), Unknown},
		{"a context's, not through us", context.Canceled, Unknown},
		{"nsqd's, not through us", refusal, Unknown},
		{"somebody else's", errors.New("foreign"), Unknown},
		{"a stranger with our words", errors.New(ErrStopped.Error()), Unknown},
	} {
		require.Equal(t, c.want, OutcomeOf(c.err), c.name)
	}
}

func TestErrorsAreFound(t *testing.T) {
	refusal := &wire.ReplyError{Code: wire.CodeBadTopic, Text: "no"}
	err := fmt.Errorf("shop: %w", failed(Refused, refusal))
	var ours *Error
	require.ErrorAs(t, err, &ours)
	require.Equal(t, "t", ours.Topic)
	var theirs *wire.ReplyError
	require.ErrorAs(t, err, &theirs)
	require.Same(t, refusal, theirs)

	cause := &net.OpError{Op: "dial", Net: "tcp", Err: io.ErrUnexpectedEOF}
	err = failed(NotSent, because(ErrNotConnected, cause))
	require.ErrorIs(t, err, ErrNotConnected)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotErrorIs(t, err, ErrConnectionLost)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Same(t, cause, op)
	require.ErrorIs(t, failed(Unknown, context.DeadlineExceeded), context.DeadlineExceeded)

	sentinels := []error{ErrStopped, ErrFull, ErrNotConnected, ErrConnectionLost}
	for i, one := range sentinels {
		for j, other := range sentinels {
			require.Equal(t, i == j, errors.Is(one, other))
		}
	}
}

func TestErrorTexts(t *testing.T) {
	refusal := &wire.ReplyError{Code: wire.CodeBadTopic, Text: "PUB topic name \"x\" is not valid"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{failed(Refused, refusal), `Publish to "t" at a:1: refused: ` + refusal.Error()},
		{failed(NotSent, because(ErrNotConnected, io.EOF)), `Publish to "t" at a:1: not sent: not connected: EOF`},
		{failed(Unknown, because(ErrConnectionLost, io.EOF)), `Publish to "t" at a:1: unknown: connection lost: EOF`},
		{&Error{Op: "Publish", Topic: "a\nb", Addr: "a:1", Outcome: NotSent, Err: wire.ErrTopic}, `Publish to "a\nb" at a:1: not sent: invalid topic`},
		{&Error{Op: "Ping", Addr: "a:1", Outcome: NotSent, Err: context.Canceled}, "Ping at a:1: context canceled"},
		{ErrStopped, "producer is stopped"},
		{ErrFull, "producer is full"},
	} {
		require.EqualError(t, c.err, c.want)
	}
}

func TestOutcomeNames(t *testing.T) {
	names := map[Outcome]string{
		Acked: "acked", Refused: "refused", NotSent: "not sent", Unknown: "unknown", 0: "Outcome(0)", 5: "Outcome(5)", 255: "Outcome(255)",
	}
	for o, want := range names {
		require.Equal(t, want, o.String())
		require.Equal(t, want, fmt.Sprint(o))
	}
}

// TestCallsKeepBareErrorsBare: == must find them, and the topic's memory must not be kept.
func TestCallsKeepBareErrorsBare(t *testing.T) {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	for _, bare := range []error{ErrStopped, ErrFull} {
		require.True(t, p.fail(publish, "t", NotSent, bare) == bare)
	}
	for k, op := range map[kind]string{
		publish: "Publish", multiPublish: "MultiPublish", deferredPublish: "DeferredPublish", ping: "Ping", flush: "Flush",
	} {
		require.Equal(t, &Error{Op: op, Topic: "t", Addr: "a:1", Outcome: NotSent, Err: io.EOF}, p.fail(k, "t", NotSent, io.EOF))
	}
}

// ended runs a publish through the function that ends them all, and returns its error.
func ended(t *testing.T, inDoubt bool, outcome Outcome, cause error) error {
	p, err := NewProducer("a:1", nil)
	require.NoError(t, err)
	r := request{kind: publish, topic: "some-topic", body: []byte("x")}
	require.True(t, p.room.tryEnter(1))
	tr, err := p.admit(&r, 1)
	require.NoError(t, err)
	tr.dest = tr.done
	require.True(t, tr.claim.Advance(state.Free, state.Queued))
	tr.doubt = inDoubt
	newLoop(p).end(tr, outcome, cause)
	require.Same(t, tr, next(t, tr.done))
	require.EqualValues(t, 1, p.counts.outcomes[OutcomeOf(tr.Error)].Load(), "counted as it is reported")
	return tr.Error
}

// TestSentinelsImplyTheirOutcome, as their documentation says: a caller may decide by errors.Is alone, and one that finds
// ErrNotConnected or ErrStopped may publish again without duplicating. That must hold, too, for what was written on a lost
// connection and waited to go again under RetryUnknown.
func TestSentinelsImplyTheirOutcome(t *testing.T) {
	implied := map[error]Outcome{ErrStopped: NotSent, ErrFull: NotSent, ErrNotConnected: NotSent, ErrConnectionLost: Unknown}
	for _, inDoubt := range []bool{false, true} {
		for _, cause := range []error{ErrStopped, because(ErrNotConnected, io.EOF)} {
			err := ended(t, inDoubt, NotSent, cause)
			want := NotSent
			if inDoubt {
				want = Unknown
			}
			require.Equal(t, want, OutcomeOf(err), "%v", err)
			for sentinel, outcome := range implied {
				if errors.Is(err, sentinel) {
					require.Equal(t, outcome, OutcomeOf(err), "is %q, in doubt %v: %v", sentinel, inDoubt, err)
				}
			}
		}
	}
}
