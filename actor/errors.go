package actor

import (
	"errors"
	"fmt"
)

// Outcome says what is known about a publish that has ended. The zero Outcome is none.
type Outcome uint8

const (
	// Acked: nsqd answered OK, and has the message: in its memory or in the kernel's page cache, which is no promise of durability.
	Acked Outcome = iota + 1
	// Refused: nsqd answered with an error frame and stored nothing. errors.As finds the *wire.ReplyError, as it does in some
	// errors of publishes that were not sent because nsqd refused the connection.
	Refused
	// NotSent: certainly not stored. To publish again cannot duplicate.
	NotSent
	// Unknown: the message was written, or may have been, and no answer came. To publish again may duplicate.
	Unknown
)

// String returns the outcome in lower case, as in "not sent".
func (o Outcome) String() string {
	switch o {
	case Acked:
		return "acked"
	case Refused:
		return "refused"
	case NotSent:
		return "not sent"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

var (
	// ErrStopped means that Stop or Shutdown came first. It implies NotSent, and is returned bare.
	ErrStopped = errors.New("producer is stopped")

	// ErrFull means that TryPublishAsync found no room within the bounds, or TryAdopt. It implies NotSent, and is returned bare.
	ErrFull = errors.New("producer is full")

	// ErrNotConnected means that no connection to nsqd could be had, or that MaxAttempts were lost before the message was written
	// whole. It implies NotSent; the cause stands beside it.
	ErrNotConnected = errors.New("not connected")

	// ErrConnectionLost means that the connection ended before nsqd answered, Shutdown's bound being one way. It implies Unknown;
	// the cause stands beside it.
	ErrConnectionLost = errors.New("connection lost")

	// errUnasked is what a server's answer to no command comes to.
	errUnasked = errors.New("the server answered a command that was not sent")
)

// Error is how a call failed, and what is known of its message. Nobody changes one, so that several goroutines may read it at once.
type Error struct {
	Op      string  // the method's name without Try, Context and Async, as in "Publish"; "Ping" for Connect
	Topic   string  // empty for Ping, Connect and Flush
	Addr    string  // nsqd's address, as NewProducer got it; a pool's Flush may have all of them, by commas
	Outcome Outcome // NotSent for Ping and Connect; for Flush Unknown, since publishes may be pending
	Err     error   // the cause: one of the sentinels, a context's error, a *wire.ReplyError, or what was wrong with the input

	booked booking
}

// booking says, under Config.HandBack, where a producer's account has the publish.
type booking uint8

const (
	unbooked     booking = iota // it was not accepted
	byOutcome                   // it was accepted, and has its outcome
	asHandedBack                // it was accepted, and ended without one
)

// Accepted reports, under Config.HandBack, whether the producer's account has the publish.
func (e *Error) Accepted() bool { return e.booked != unbooked }

// HandedBack reports, under Config.HandBack, whether the account has it as handed back: its outcome is the affair of whoever reads
// this.
func (e *Error) HandedBack() bool { return e.booked == asHandedBack }

// Error returns all that is known, in one line.
func (e *Error) Error() string {
	if e.Topic == "" {
		return fmt.Sprintf("%s at %s: %v", e.Op, e.Addr, e.Err)
	}
	return fmt.Sprintf("%s to %q at %s: %v: %v", e.Op, e.Topic, e.Addr, e.Outcome, e.Err)
}

// Unwrap returns the cause, Err.
func (e *Error) Unwrap() error { return e.Err }

// OutcomeOf returns what err says of the message: Acked for nil, and Unknown for an error that is not this package's. It looks for an
// [*Error] and the sentinels as errors.As and errors.Is do, so that err may wrap one.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Acked
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Outcome
	}
	for _, certain := range []error{ErrStopped, ErrFull, ErrNotConnected} {
		if errors.Is(err, certain) {
			return NotSent
		}
	}
	return Unknown
}

// because joins a sentinel and its cause, so that errors.Is and errors.As find both.
func because(sentinel, cause error) error { return fmt.Errorf("%w: %w", sentinel, cause) }
