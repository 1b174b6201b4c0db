package actor

import (
	"compress/flate"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"time"

	"github.com/nsqactor/producer/wire"
)

// Config is what a producer can be told. A zero field means its default, so that the zero Config, a nil one and [NewConfig]
// are the same. NewProducer copies the Config; changing it afterwards changes nothing. Durations are from 1 ms to 24 h and numbers
// from 1 to 2,147,483,647, where nothing else is said.
type Config struct {
	// DialTimeout bounds the connect: the lookup of a name, and trying the addresses it has. net.Dialer tries them one by one, those
	// of IPv6 beside those of IPv4, and one that does not even refuse takes its share of the time, but 2 s at least: where one of
	// a name's hosts may be gone without a trace, DialTimeout should be 4 s or more. Default 1 s.
	DialTimeout time.Duration
	// HandshakeTimeout bounds all that follows the connect until nsqd takes publishes. Default 5 s.
	HandshakeTimeout time.Duration
	// ReadTimeout is how long nsqd may be silent, heartbeats included, before the connection counts as dead: HeartbeatInterval at
	// least. Default: two heartbeat intervals; with heartbeats off, for ever.
	ReadTimeout time.Duration
	// WriteTimeout is how long a write may go without progress: without the kernel's taking anything. On Linux it takes at most
	// some 128 KiB ahead, and then in steps of about 64 KiB, so that a path on which one of them takes longer than WriteTimeout
	// (by default one of less than 0.5 Mbit/s) loses its connections to large publishes. Default 1 s.
	WriteTimeout time.Duration
	// ResponseTimeout is how long the oldest unanswered publish may go without an answer to it or to one before it, until the
	// connection is replaced: an nsqd that is slow, but answers, is left to work. Default 5 s.
	ResponseTimeout time.Duration
	// HeartbeatInterval is how often nsqd is asked to show that it lives. Default 30 s, from 1 s to nsqd's maximum (by default
	// 60 s), sent in whole milliseconds; -1 turns heartbeats off, and then a dead peer is noticed while idle by the
	// kernels' keep-alive alone, after minutes.
	HeartbeatInterval time.Duration

	// MaxPending is how many publishes may be accepted and not ended, queued and written together; a MultiPublish counts one.
	// Asynchronous publishes that are pending or have a result for which their channel has no room are as many at most.
	// Default 4,096, at most 16,777,215; each takes 8 bytes from the beginning.
	MaxPending int
	// MaxPendingBytes is how many bytes these may hold: a message's body, a MultiPublish's size as MaxBodySize counts it.
	// Default 32 MiB, at most 1 TiB less a byte. What callers left behind when their contexts ended, written and not answered, does not count;
	// of that there is as much again, and one publish more, at most.
	MaxPendingBytes int
	// MaxMsgSize is the largest message, in bytes. Default 1,048,576, as nsqd's -max-msg-size, which it should equal.
	MaxMsgSize int
	// MaxBodySize is the largest MultiPublish: 4 bytes, and for each message 4 and its body. Default 5,242,880, as nsqd's
	// -max-body-size, which it should equal.
	MaxBodySize int

	// FoldMessages and FoldBytes are the most messages, and the most bytes, of one MPUB into which publishes to one topic are
	// folded; bytes as MaxBodySize counts them, which bounds them too. Each publish keeps its own outcome. A MultiPublish, a
	// DeferredPublish and a publish of 16 KiB or more are not folded. Defaults 256 and 262,144; FoldMessages 1 turns folding off.
	FoldMessages int
	FoldBytes    int

	// BackoffMin and BackoffMax bound the pause behind an attempt to connect that failed, and behind a publish that nsqd could not
	// store. It doubles each time, is drawn at random from its upper half, and starts anew after 1 s of acknowledged work.
	// Behind a connection that was lost or refused a publish there is none; but from ten in a row on there are twenty attempts
	// a second at most. Defaults 50 ms and 5 s; a longer BackoffMin is BackoffMax's default, too.
	BackoffMin time.Duration
	BackoffMax time.Duration
	// MaxAttempts is how many connections may be lost under one publish, without its having been written whole, before it is
	// reported as not sent. Default 3.
	MaxAttempts int

	// RetryUnknown sends again what was written on a connection that was lost, instead of reporting it as unknown at once: a
	// message may then be stored twice. What cannot be sent again, because the producer goes down or stops or MaxAttempts is
	// reached, is reported as unknown. So is E_MPUB_FAILED, which is an answer: the caller may send that batch again. Default off.
	RetryUnknown bool
	// WaitConnected makes synchronous calls with a context that can end wait for a connection until it does, instead of failing at
	// once while the producer is known to be down. Asynchronous publishes never wait for one: their context bounds the wait for room
	// alone, and their result says that there was none. Default off.
	WaitConnected bool

	// HandBack is for who has several producers, as package actor/pool has: how many times an asynchronous publish that is Movable
	// is handed back (see HandedBack) before its failure is delivered to its done channel. Synchronous calls return their failures
	// at once, counted as handed back (see Error.HandedBack). ErrStopped then comes within an *Error. Default 0: never.
	HandBack int

	// ClientID, Hostname and UserAgent are what nsqd shows in its statistics. Defaults: the host's short name, the host's name,
	// and "nsqactor/" with this library's version.
	ClientID  string
	Hostname  string
	UserAgent string

	// LocalAddr is the address to dial from: a *net.TCPAddr, whose port should be 0, since any other is taken for as long as the
	// connection before lingers. It is for TCP, and means nothing to Dial. Default: the system's choice.
	LocalAddr net.Addr
	// Dial replaces net.Dialer, as for a proxy or a listener in memory. It is called on a goroutine of its own, with network "tcp"
	// and NewProducer's address, or with network "unix" and what stands behind "unix:", and must give up when ctx ends, DialTimeout
	// after the call at the latest. The connection must honour write deadlines, report how much of a write went out before one
	// and go on behind it, which a tls.Conn does not, and let Close end a Read. Default: a net.Dialer, of which TCP connections
	// have Go's usual settings: TCP_NODELAY, so that nothing waits for an acknowledgement, and keep-alive from 15 s of idleness
	// on, which finds a dead peer after some 2.5 minutes where no heartbeat did.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	keyFiles keyFiles // Set's alone

	// Logger gets connections made, failed and lost, at the levels Info, Warn and Warn, with the attributes addr and, for the last two,
	// error. It is called on a goroutine of its own: a handler that blocks holds up nothing, and loses records beyond 16, or 256 with a
	// Trace, which Stats.Untold counts. Default nil: silent.
	Logger *slog.Logger
	// Trace hears of more: see there. Default nil, which costs nothing.
	Trace *Trace

	// TlsV1 encrypts the connection, by TLS 1.2 or 1.3, and verifies nsqd's certificate. It is no wish: with an nsqd that does
	// not offer TLS there is no connection, and nothing is sent in clear but the questions to nsqd about it, which hold
	// ClientID, Hostname and UserAgent. Default off.
	TlsV1 bool
	// TlsConfig, which needs TlsV1, says how: RootCAs for a certificate authority of one's own, Certificates for an nsqd that
	// wants to know its clients. It is copied. A ServerName that is empty is the host of NewProducer's address; one that is set
	// stays. Sessions are resumed when the producer connects again, by its ClientSessionCache or by one of the producer's own, but
	// for a VerifyPeerCertificate, which crypto/tls does not ask about a resumed session, only by yours. Callbacks that wait must
	// heed their context, which HandshakeTimeout ends. Default: the system's roots.
	TlsConfig *tls.Config

	// Deflate asks nsqd for compression of both directions, beneath TLS where there is any. An nsqd that has turned it off
	// (-deflate=false) takes the same publishes without. A connection that compresses holds about 1 MB. Default off.
	Deflate bool
	// DeflateLevel is how hard publishes are compressed, from 1, the fastest, to 9. Answers are at most as hard as nsqd's
	// -max-deflate-level. It means nothing without Deflate. Default 6.
	DeflateLevel int
	// Snappy asks for another compression, in Deflate's place. This library has no dependencies, so that it needs to be told how:
	// SnappyReader and SnappyWriter read and write snappy's framed stream format, with github.com/golang/snappy like this:
	//
	//	cfg.SnappyReader = func(r io.Reader) io.Reader { return snappy.NewReader(r) }
	//	cfg.SnappyWriter = func(w io.Writer) actor.WriteFlusher { return snappy.NewBufferedWriter(w) }
	//
	// They are called once for each connection. What SnappyWriter returns is used by the producer's loop: it must not wait for
	// anything but its w, which keeps what is written in memory.
	Snappy       bool
	SnappyReader func(io.Reader) io.Reader
	SnappyWriter func(io.Writer) WriteFlusher

	// AuthSecret is sent to an nsqd that requires AUTH, and to no other. Errors and log records do not show it, even where nsqd
	// repeats it on the connection that brought it, unless it could be a code of nsqd's, such as E_INVALID, or a part of one; a
	// Config that is printed does. Default: none, and an nsqd that requires AUTH cannot be connected to.
	AuthSecret string
	// AuthInClear allows AuthSecret to be sent without TLS over a network. Without it that is done only on a connection whose
	// remote address is a loopback address, a Unix socket's or net.Pipe's; a proxy's or a tunnel's entrance is that,
	// wherever it leads.
	AuthInClear bool
}

const version = "0.1.0"

// NewConfig returns a new Config with every default filled in but ReadTimeout's, which follows HeartbeatInterval.
func NewConfig() *Config {
	c := (&Config{}).withDefaults()
	c.ReadTimeout = 0
	return &c
}

const off = -1 // HeartbeatInterval: none

const soon, ages = time.Millisecond, 24 * time.Hour // the shortest and the longest that anything takes

func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	orElse(&d.DialTimeout, time.Second)
	orElse(&d.HandshakeTimeout, 5*time.Second)
	orElse(&d.WriteTimeout, time.Second)
	orElse(&d.ResponseTimeout, 5*time.Second)
	orElse(&d.HeartbeatInterval, 30*time.Second)
	if d.HeartbeatInterval != off {
		orElse(&d.ReadTimeout, 2*d.HeartbeatInterval)
	}
	orElse(&d.MaxPending, 4096)
	orElse(&d.MaxPendingBytes, 32<<20)
	orElse(&d.MaxMsgSize, wire.DefaultMaxMsgSize)
	orElse(&d.MaxBodySize, wire.DefaultMaxBodySize)
	orElse(&d.FoldMessages, 256)
	orElse(&d.FoldBytes, 256<<10)
	orElse(&d.BackoffMin, 50*time.Millisecond)
	orElse(&d.BackoffMax, max(d.BackoffMin, 5*time.Second))
	orElse(&d.MaxAttempts, 3)
	orElse(&d.DeflateLevel, 6)
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "unknown"
	}
	orElse(&d.Hostname, hostname)
	orElse(&d.ClientID, shortName(d.Hostname))
	orElse(&d.UserAgent, "nsqactor/"+version)
	return d
}

func orElse[T comparable](field *T, value T) {
	var none T
	if *field == none {
		*field = value
	}
}

func shortName(host string) string {
	for i := range len(host) {
		if host[i] == '.' {
			return host[:i]
		}
	}
	return host
}

// Validate reports every field that NewProducer would refuse, each with its value and its range, or nil. A nil Config is
// valid. It waits for nothing.
func (c *Config) Validate() error {
	d := c.withDefaults()
	var wrong []error
	span := func(field string, value, low, high time.Duration) {
		if value < low || value > high {
			wrong = append(wrong, fmt.Errorf("%s is %v, must be from %v to %v", field, value, low, high))
		}
	}
	number := func(field string, value int, low, high int64) {
		if int64(value) < low || int64(value) > high {
			wrong = append(wrong, fmt.Errorf("%s is %d, must be from %d to %d", field, value, low, high))
		}
	}
	refuse := func(so bool, why string) {
		if so {
			wrong = append(wrong, errors.New(why))
		}
	}
	span("DialTimeout", d.DialTimeout, soon, ages)
	span("HandshakeTimeout", d.HandshakeTimeout, soon, ages)
	span("WriteTimeout", d.WriteTimeout, soon, ages)
	span("ResponseTimeout", d.ResponseTimeout, soon, ages)
	if d.HeartbeatInterval != off {
		span("HeartbeatInterval", d.HeartbeatInterval, time.Second, ages)
	}
	if c != nil && c.ReadTimeout != 0 { // else it follows from another field, as BackoffMax below
		span("ReadTimeout", d.ReadTimeout, max(soon, d.HeartbeatInterval), ages)
	}
	number("MaxPending", d.MaxPending, 1, maxGateCount)
	number("MaxPendingBytes", d.MaxPendingBytes, 1, maxGateBytes)
	number("MaxMsgSize", d.MaxMsgSize, 1, math.MaxInt32)
	number("MaxBodySize", d.MaxBodySize, 1, math.MaxInt32)
	number("FoldMessages", d.FoldMessages, 1, math.MaxInt32)
	number("FoldBytes", d.FoldBytes, 1, math.MaxInt32)
	span("BackoffMin", d.BackoffMin, soon, ages)
	if c != nil && c.BackoffMax != 0 {
		span("BackoffMax", d.BackoffMax, d.BackoffMin, ages)
	}
	if _, tcp := d.LocalAddr.(*net.TCPAddr); d.LocalAddr != nil && !tcp && d.Dial == nil {
		wrong = append(wrong, fmt.Errorf("LocalAddr is %v, a %T, must be a *net.TCPAddr", d.LocalAddr, d.LocalAddr))
	}
	wrong = append(wrong, d.keyFiles.check())
	number("MaxAttempts", d.MaxAttempts, 1, math.MaxInt32)
	number("HandBack", d.HandBack, 0, math.MaxInt32)
	number("DeflateLevel", d.DeflateLevel, flate.BestSpeed, flate.BestCompression)
	refuse(d.TlsConfig != nil && !d.TlsV1, "TlsConfig is set, but TlsV1 is not: there would be no TLS")
	refuse(d.Deflate && d.Snappy, "Deflate and Snappy are set, nsqd can do only one of them")
	refuse(d.Snappy && (d.SnappyReader == nil || d.SnappyWriter == nil),
		"Snappy is set, but not SnappyReader and SnappyWriter, which do it")
	return errors.Join(wrong...)
}
