package pool

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/state"
)

// Pool publishes to several nsqd. Its methods may be called by any number of goroutines at once.
type Pool struct {
	cfg      actor.Config // of the members
	options  options
	waits    bool // Config.WaitConnected, which is the pool's affair
	attempts int  // at how many members a publish is tried, at most; see tries

	phase   state.PhaseCell
	members atomic.Pointer[membership] // replaced by the keeper alone
	better  atomic.Pointer[span]       // ended, and replaced, by the keeper when a member can be used again
	counts  counters
	began   time.Time // zero of the pool's clock

	stopping chan struct{} // closed when Shutdown begins
	base     actor.Stats   // the account at that moment; written before stopping is closed
	cutting  state.Flag    // set by whoever ends bound
	bound    *span         // until Shutdown's is over
	cutErr   error         // why; written before bound ends
	severed  bool          // whether the cut ended anything; written before ended is closed
	tally    actor.Tally   // likewise
	ended    chan struct{} // closed by the keeper as its last act
	answers  chan resolved // capacity 1, from the one resolver's goroutine there is
	logging  state.Flag    // a record is being written
	retired  chan *member  // from those who shut members down
}

// New returns a pool of producers for the nsqd at these addresses, each as [actor.NewProducer] wants it. cfg, nil for the
// defaults, is that of every member, so that its bounds are each member's: MaxPending, MaxPendingBytes. WaitConnected,
// RetryUnknown and MaxAttempts are the pool's; see the package's documentation. HandBack is not for a pool's Config.
//
// It does not dial: the first publish or Ping does. With [WithResolver] addrs may be empty: then New asks the resolver, and waits for
// its answer, for 5 s at most; else it waits for nothing. Errors name what is wrong: with cfg, all fields; no address, or more than
// 1,024; an address that is none; one that comes twice; all options that are; the resolver's error, or what was wrong with its answer.
func New(addrs []string, cfg *actor.Config, opts ...Option) (*Pool, error) {
	o, err := collect(opts)
	if err != nil {
		return nil, fmt.Errorf("nsq pool: %w", err)
	}
	p := &Pool{options: o, attempts: defaultAttempts, began: time.Now()}
	if cfg != nil {
		p.cfg = *cfg
	}
	if p.cfg.HandBack != 0 {
		return nil, errors.New("nsq pool: HandBack is set, which is the pool's own")
	}
	if p.cfg.MaxAttempts > 0 {
		p.attempts = p.cfg.MaxAttempts
	}
	p.waits = p.cfg.WaitConnected
	p.cfg.HandBack = p.attempts
	if p.cfg.MaxAttempts >= 0 { // else it is wrong, and each member says so
		p.cfg.MaxAttempts = 1
	}
	p.cfg.WaitConnected = false
	asked := len(addrs) == 0 && o.resolver != nil
	if asked {
		ctx, cancel := context.WithTimeout(context.Background(), firstAnswer)
		defer cancel()
		if addrs, err = o.resolver(ctx); err != nil {
			return nil, fmt.Errorf("nsq pool: resolver: %w", err)
		}
	}
	if err := check(addrs); err != nil && asked {
		return nil, fmt.Errorf("nsq pool: resolver: %w", err)
	} else if err != nil {
		return nil, fmt.Errorf("nsq pool: %w", err)
	}
	first := &membership{}
	for _, addr := range addrs {
		first, err = p.join(first, addr)
		if err != nil {
			return nil, err
		}
	}
	p.members.Store(first)
	p.better.Store(newSpan())
	p.bound = newSpan()
	p.stopping = make(chan struct{})
	p.ended = make(chan struct{})
	p.answers = make(chan resolved, 1)
	p.retired = make(chan *member, 1)
	return p, nil
}

const (
	defaultAttempts = 3 // as Config.MaxAttempts has it
	firstAnswer     = 5 * time.Second
)

const mostAddrs = 1024

// check refuses an empty list, one that is too long, and one with an address twice.
func check(addrs []string) error {
	if len(addrs) == 0 {
		return errors.New("no address of an nsqd")
	}
	if len(addrs) > mostAddrs {
		return fmt.Errorf("%d addresses, must be at most %d", len(addrs), mostAddrs)
	}
	seen := make(map[string]bool, len(addrs))
	for _, addr := range addrs {
		if seen[addr] {
			return fmt.Errorf("the address %q comes twice: for several connections to one nsqd see WithConnections", addr)
		}
		seen[addr] = true
	}
	return nil
}

// live starts the keeper if nobody has, and reports whether the pool takes requests.
func (p *Pool) live() bool {
	if p.phase.Load() == state.Idle && p.phase.Advance(state.Idle, state.Live) {
		go newKeeper(p).run()
	}
	return p.phase.Load() == state.Live
}

// clock returns the time since the pool was made, in nanoseconds.
func (p *Pool) clock() int64 { return int64(time.Since(p.began)) }

// String returns the addresses of the pool's nsqd, by commas.
func (p *Pool) String() string { return p.members.Load().String() }

var _ actor.Publisher = (*Pool)(nil)
