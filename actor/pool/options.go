package pool

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Option changes what a pool does by default. [New] returns what is wrong with one.
type Option func(*options) error

type options struct {
	mode        Mode
	connections int
	resolver    Resolver
	every       time.Duration
}

// Mode is how a pool chooses the nsqd of a publish.
type Mode uint8

const (
	// LeastPending takes two at random and of them the one with fewer publishes pending: a slow nsqd, or one that has stopped, gets
	// no more of them than the others have. It is the default.
	LeastPending Mode = iota
	// Primary takes the first address that can be had, in the order in which they were given, or the resolver gives them.
	Primary
)

// String returns the mode's name, as [ParseMode] reads it.
func (m Mode) String() string {
	switch m {
	case LeastPending:
		return "least-pending"
	case Primary:
		return "primary"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// ParseMode returns the mode of that name, least-pending or primary; of any other name an error that says so.
func ParseMode(name string) (Mode, error) {
	for _, m := range []Mode{LeastPending, Primary} {
		if m.String() == name {
			return m, nil
		}
	}
	return 0, fmt.Errorf("mode %q is neither least-pending nor primary", name)
}

// WithMode sets how an nsqd is chosen for publishes without a key; see [Pool.ForKey] for those with one.
func WithMode(m Mode) Option {
	return func(o *options) error {
		if m > Primary {
			return fmt.Errorf("%v is no mode", m)
		}
		o.mode = m
		return nil
	}
}

// WithConnections makes n connections to each nsqd, from 1 to 64; each is a member of the pool, with a Producer of its own. One is
// the default, and enough for most: nsqd works on each connection with one goroutine, so that more of them help where nsqd has
// processors to spare. The publishes of one goroutine keep their order on one connection, not across several.
func WithConnections(n int) Option {
	return func(o *options) error {
		if n < 1 || n > mostConnections {
			return fmt.Errorf("%d connections to each nsqd, must be from 1 to %d", n, mostConnections)
		}
		o.connections = n
		return nil
	}
}

const mostConnections = 64

// Resolver returns the addresses of all nsqd that there are, 1,024 at most. A pool calls it on one goroutine at a time; it may take
// its time, and must give up when ctx ends. Package actor/pool/lookup has two.
type Resolver func(ctx context.Context) ([]string, error)

// WithResolver asks r for the addresses again and again, from the first use on: after a pause drawn anew each time from every/2 to
// every, which must be from 10 ms to 24 h. Addresses that are new join the pool, others leave it: they get nothing new, and end
// what they have. The order, which Primary heeds, is that of the answer. Where that is an error, empty,
// or holds an address that is none or comes twice, the pool stays as it is, and Config.Logger hears of it; so it stays while r takes
// its time, every or 5 s, whichever is longer, at most.
func WithResolver(r Resolver, every time.Duration) Option {
	return func(o *options) error {
		if r == nil {
			return errors.New("the resolver is nil")
		}
		if every < leastEvery || every > mostEvery {
			return fmt.Errorf("the resolver is to be asked every %v, must be from %v to %v", every, leastEvery, mostEvery)
		}
		o.resolver, o.every = r, every
		return nil
	}
}

const leastEvery, mostEvery = 10 * time.Millisecond, 24 * time.Hour

// collect applies the options to the defaults, and reports all that is wrong.
func collect(opts []Option) (options, error) {
	o := options{connections: 1}
	var wrong []error
	for _, option := range opts {
		if option == nil {
			wrong = append(wrong, errors.New("an option is nil"))
			continue
		}
		wrong = append(wrong, option(&o))
	}
	return o, errors.Join(wrong...)
}
