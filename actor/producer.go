package actor

import (
	"context"
	"crypto/tls"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/nsqactor/producer/state"
)

// Producer publishes to one nsqd over one connection. Its methods may be called by any number of goroutines at once.
type Producer struct {
	addr string
	cfg  Config      // complete and valid, never written again
	tls  *tls.Config // nil: none
	seed maphash.Seed
	made time.Time // zero of the loop's clock

	phase state.PhaseCell
	link  state.LinkCell // moved by the loop alone

	mail   chan *Transaction // callers to loop; capacity MaxPending
	bell   chan struct{}     // capacity 1: something for the loop lies elsewhere, see ring
	room   gate              // publishes accepted and not ended
	unread gate              // asynchronous publishes whose result has not been delivered
	pools  pools             // of *Transaction; a field, so that no transaction serves two producers
	counts counters
	gauges gauges
	acks   acks

	returned chan []*Transaction // capacity 1: what is handed back; nil without Config.HandBack

	watched  state.Flag  // set by the loop while a Flush or Shutdown waits: who leaves a transaction then rings the bell
	heard    uint8       // which events there is somebody for
	records  chan record // events for the scribe
	scribing state.Flag  // there is a scribe

	stopping chan struct{} // closed when Shutdown begins
	base     Tally         // the counts at that moment; written before stopping is closed, read after ended is
	cutting  state.Flag    // set by whoever closes cut
	cut      chan struct{} // closed when Shutdown's bound is over
	cutErr   error         // why; written before cut is closed
	severed  bool          // whether the cut ended anything; written by the loop before ended is closed
	settled  chan struct{} // closed by the loop when every publish has its outcome
	ended    chan struct{} // closed by the loop as its last act
}

// NewProducer returns a producer for the nsqd at addr: "host:port" of its TCP port (by default 4150, not the HTTP port 4151),
// "[::1]:port" for an IPv6 address, or "unix:/path" for a Unix socket, written so, with an absolute path. A name is looked up at
// each attempt to connect; of several addresses the first that takes the connection is used, IPv6 and IPv4 at nearly
// the same time.
//
// It does not dial, and waits for nothing: the first publish or Ping dials. A nil cfg means the defaults. Errors: every wrong field
// of cfg, each by its name, as from [Config.Validate]; an addr that is none; TlsV1 where neither addr nor TlsConfig has a name to
// verify nsqd's certificate by.
func NewProducer(addr string, cfg *Config) (*Producer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("nsq producer's config: %w", err)
	}
	p := &Producer{addr: addr, cfg: cfg.withDefaults(), seed: maphash.MakeSeed(), made: time.Now()}
	if err := checkAddr(addr, &p.cfg); err != nil {
		return nil, fmt.Errorf("nsq producer: %w", err)
	}
	var err error
	if p.tls, err = tlsConfig(addr, &p.cfg); err != nil {
		return nil, fmt.Errorf("nsq producer: %w", err)
	}
	p.mail = make(chan *Transaction, p.cfg.MaxPending)
	p.bell = make(chan struct{}, 1)
	p.room.init(p.cfg.MaxPending, p.cfg.MaxPendingBytes)
	p.unread.init(p.cfg.MaxPending, 0)
	p.stopping = make(chan struct{})
	p.cut = make(chan struct{})
	p.settled = make(chan struct{})
	p.ended = make(chan struct{})
	p.heard = p.cfg.audience()
	if p.cfg.Trace != nil {
		p.records = make(chan record, untraced)
	} else if p.cfg.Logger != nil {
		p.records = make(chan record, unlogged)
	}
	if p.cfg.HandBack > 0 {
		p.returned = make(chan []*Transaction, 1)
	}
	return p, nil
}

// String returns the address of the producer's nsqd.
func (p *Producer) String() string { return p.addr }

// Publish publishes body to topic and waits until nsqd has answered or the outcome is certain otherwise. It is
// PublishContext without a context; the package's documentation states how long it can take.
func (p *Producer) Publish(topic string, body []byte) error {
	return p.PublishContext(context.Background(), topic, body)
}

// PublishContext publishes body to topic and waits until nsqd has answered, or until ctx ends: then it returns at once with
// ctx's error in an [*Error], as not sent if no byte of the message can have reached nsqd and as unknown otherwise. A result
// that is there wins over ctx, and a ctx that has ended before the call sends nothing.
//
// Topic and body may be reused as soon as it returns. nil means that nsqd has the message. The errors, all but the first within an
// [*Error], which unwraps to them:
//
//   - [ErrStopped], bare: Stop or Shutdown came first. Not sent.
//   - [wire.ErrTopic], [wire.ErrEmpty] for a body without bytes, [wire.ErrSize] for one of more than MaxMsgSize or MaxPendingBytes:
//     within an error that says what is wrong. Not sent.
//   - ctx's error, such as [context.DeadlineExceeded]. Not sent, or unknown.
//   - [ErrNotConnected], beside the cause: what dialling or the handshake came to, or how the last connection was lost. Where nsqd
//     refused the connection, errors.As finds its [*wire.ReplyError]. Not sent.
//   - [ErrConnectionLost], beside the cause. Unknown.
//   - [*wire.ReplyError], nsqd's answer. Refused, or, for E_MPUB_FAILED, which a fold can meet, unknown.
func (p *Producer) PublishContext(ctx context.Context, topic string, body []byte) error {
	return p.publish(ctx, request{kind: publish, topic: topic, body: body})
}

// MultiPublish publishes the bodies to topic as one MPUB: nsqd stores all of them or, unless its disk fails, none. It is
// MultiPublishContext without a context.
func (p *Producer) MultiPublish(topic string, bodies [][]byte) error {
	return p.MultiPublishContext(context.Background(), topic, bodies)
}

// MultiPublishContext is PublishContext for several bodies in one command with one outcome. [wire.ErrEmpty] means no bodies, or one
// without bytes, and [wire.ErrSize] also more than MaxBodySize in all; the error names the body by its index.
func (p *Producer) MultiPublishContext(ctx context.Context, topic string, bodies [][]byte) error {
	return p.publish(ctx, request{kind: multiPublish, topic: topic, bodies: bodies})
}

// DeferredPublish publishes body to topic for delivery after delay, from 0 to 1 h, sent in whole milliseconds, rounded up.
// nsqd keeps the delay in memory alone: one that was stopped delivers at once when it is back. It is DeferredPublishContext
// without a context.
func (p *Producer) DeferredPublish(topic string, delay time.Duration, body []byte) error {
	return p.DeferredPublishContext(context.Background(), topic, delay, body)
}

// DeferredPublishContext is PublishContext for a message that nsqd holds back for delay. A delay that is negative or longer than 1 h
// is [wire.ErrDelay].
func (p *Producer) DeferredPublishContext(ctx context.Context, topic string, delay time.Duration, body []byte) error {
	return p.publish(ctx, request{kind: deferredPublish, topic: topic, delay: delay, body: body})
}

// Ping returns nil when the producer is connected and through the handshake, and connects it at its first use. It is PingContext
// without a context.
func (p *Producer) Ping() error { return p.PingContext(context.Background()) }

// PingContext returns nil when the producer is connected and through the handshake, now or after the attempt that it waits
// for. While the producer is known to be down it fails at once, as a publish does. It asks nsqd nothing: the protocol's NOP has
// no answer and would prove nothing, so that a connection whose other end has just died, or stands still, passes: Stats.Oldest
// tells of that, where there are publishes. Errors: [ErrStopped], bare, or an [*Error], not sent, with [ErrNotConnected] or ctx's
// error.
func (p *Producer) PingContext(ctx context.Context) error {
	return p.ask(ctx, ping, p.cfg.WaitConnected && ctx.Done() != nil)
}

// Connect waits until the producer is connected and through the handshake, over as many attempts as that takes, until ctx ends: it
// is PingContext as WaitConnected makes it, for a service that becomes ready with its nsqd. A Shutdown ends it at once. Errors:
// [ErrStopped], bare, or an [*Error], not sent, with ctx's error.
func (p *Producer) Connect(ctx context.Context) error { return p.ask(ctx, ping, true) }

// Flush waits until every publish accepted before it has its outcome; it sends nothing by itself, since nothing is held back.
// With nothing pending it returns nil, also on a producer that was never used or is stopped. When ctx ends first, or has ended
// before the call, it returns an [*Error] with ctx's error, its outcome Unknown, and the publishes go on. It has no other error, and
// does not wait for results to be read.
func (p *Producer) Flush(ctx context.Context) error {
	if p.phase.Load() == state.Idle {
		return nil
	}
	err := p.ask(ctx, flush, false)
	if err != ErrStopped {
		return err
	}
	select { // the loop takes no more questions, and is about to end what is left
	case <-p.settled:
		return nil
	case <-ctx.Done():
		return p.fail(flush, "", Unknown, ctx.Err())
	}
}
