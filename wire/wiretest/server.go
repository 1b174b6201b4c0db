package wiretest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nsqactor/producer/wire"
)

// Config holds a server's settings. The zero Config is an nsqd v1.3.0 with its defaults, compression aside, on a port of
// 127.0.0.1.
type Config struct {
	MaxMsgSize  int           // as nsqd's -max-msg-size; 0 means 1,048,576
	MaxBodySize int           // as nsqd's -max-body-size; 0 means 5,242,880
	MaxDelay    time.Duration // as nsqd's -max-req-timeout, DPUB's limit; 0 means an hour

	// TLS, if not nil, is granted to whoever asks for it, as by an nsqd with a certificate. The server uses this Config itself,
	// for all connections, so that sessions can be resumed. nsqd's own has a certificate and, by its options, ClientAuth,
	// ClientCAs and MinVersion.
	TLS *tls.Config

	// TLSRequired refuses every command but IDENTIFY before TLS, as nsqd's -tls-required. It needs TLS.
	TLSRequired bool

	// Deflate is granted if set, up to level 6, as by nsqd's default; Snappy if it has both its functions. nsqd grants only one
	// of them on a connection.
	Deflate bool
	Snappy  Snappy

	// AuthSecret, if not empty, makes AUTH with this secret a condition of publishing: nsqd's auth server has no permission for
	// any other.
	AuthSecret string

	// Authorize, if not nil, makes AUTH a condition of publishing too, and says for each PUB, MPUB and DPUB whether who gave this
	// secret may publish to the topic. It may change its mind, as an auth server may when nsqd asks it again. It is called by the
	// server's goroutines, by those of several connections at once.
	Authorize func(secret, topic string) bool

	// AnswerEach gives each answer a write of its own, as nsqd does. Otherwise answers to commands that came in one read
	// leave together, which takes far less of the processor's time.
	AnswerEach bool

	// Discard keeps counts but no messages, so that a long benchmark does not hoard memory. Messages is empty then.
	Discard bool

	// InMemory leaves out the TCP listener; Dial is the only way in.
	InMemory bool

	// Buffer bounds, in bytes, what each direction of an in-memory connection holds; 0 means 65,536. A TCP connection has the
	// system's buffers, which take some megabytes before a write blocks.
	Buffer int

	Faults []Fault // the script; as by NewServer and Add
}

// Server is an nsqd inside the process. All its methods may be called from any goroutine, and at once. None blocks but
// [Server.Close], [Server.Wait] and its siblings, and [Server.StopReading] for as long as it takes to interrupt a read.
type Server struct {
	// Addr is the address that the server listens on, such as "127.0.0.1:40123". It stays the same for the server's life.
	// Of an in-memory server it is a name such as "nsqd-1.invalid:4150", which no other server of the process has and to which
	// nothing can connect but Dial.
	Addr string

	cfg    Config
	limits wire.Limits
	record record

	mu        sync.Mutex // guards the rest
	listener  net.Listener
	port      net.Conn // see holdPort; nil in memory
	listening bool
	accepting int // how often a listener was opened
	closed    bool
	conns     map[*conn]struct{}
	accepted  int
	held      hold
	script    []*scripted
	running   sync.WaitGroup
}

// lastName numbers the servers without a listener.
var lastName atomic.Int64

// nextName returns the Addr of a server without a listener. Names below invalid are reserved: they resolve nowhere.
func nextName() string { return fmt.Sprintf("nsqd-%d.invalid:4150", lastName.Add(1)) }

// NewServer starts a server on a free port of 127.0.0.1, with these faults and nsqd's settings, and returns when it can be
// connected to. It panics if it cannot listen there, like httptest.NewServer. The caller closes it.
func NewServer(faults ...Fault) *Server {
	return Config{Faults: faults}.NewServer()
}

// NewInMemory returns a server without a socket, which only [Server.Dial] reaches, with these faults and nsqd's settings. The
// caller closes it.
func NewInMemory(faults ...Fault) *Server {
	return Config{InMemory: true, Faults: faults}.NewServer()
}

// NewServer starts a server with these settings, and returns when it can be connected to. It panics if it cannot listen, or if
// TLS is required but not to be had. The caller closes it.
func (c Config) NewServer() *Server {
	if c.TLSRequired && c.TLS == nil {
		panic("wiretest: TLS is required but not configured")
	}
	s := &Server{
		cfg:    c,
		limits: wire.Limits{MaxMsgSize: c.MaxMsgSize, MaxBodySize: c.MaxBodySize, MaxDelay: c.MaxDelay},
		conns:  make(map[*conn]struct{}),
	}
	if s.limits.MaxMsgSize == 0 {
		s.limits.MaxMsgSize = wire.DefaultMaxMsgSize
	}
	if s.limits.MaxBodySize == 0 {
		s.limits.MaxBodySize = wire.DefaultMaxBodySize
	}
	if s.limits.MaxDelay == 0 {
		s.limits.MaxDelay = wire.MaxDelay
	}
	s.record.init(c.Discard)
	s.Add(c.Faults...)
	if c.InMemory {
		s.Addr = nextName()
	} else {
		s.Addr = "127.0.0.1:0"
	}
	if err := s.Listen(); err != nil {
		panic(fmt.Sprintf("wiretest: %v", err))
	}
	return s
}

// Listen makes the server reachable again after [Server.CloseListener], on the same address. It returns [net.ErrClosed] if the
// server is closed, or the system's error if that lets it not listen; on a server that is listening it does nothing.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if s.listening {
		return nil
	}
	if !s.cfg.InMemory {
		l, err := net.Listen("tcp", s.Addr)
		if err != nil {
			return err
		}
		if s.accepting == 0 {
			s.Addr = l.Addr().String() // written once, before anybody else knows the server
			if s.port, err = holdPort(l); err != nil {
				l.Close()
				return err
			}
		}
		s.listener = l
		s.accepting++
		s.running.Add(1)
		go s.accept(l)
	}
	s.listening = true
	return nil
}

// holdPort returns a connection that l has accepted and nobody serves. While it is open, the system gives l's port to no program
// that asks for a free one, although l may be closed: otherwise clients of this server could come to talk to another one.
func holdPort(l net.Listener) (net.Conn, error) {
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, err
	}
	defer near.Close()
	for {
		far, err := l.Accept()
		if err != nil || far.RemoteAddr().String() == near.LocalAddr().String() {
			return far, err
		}
		far.Close() // a stranger's
	}
}

// CloseListener makes the server refuse new connections, those by Dial too. Open ones live on. The port stays the server's.
func (s *Server) CloseListener() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listening = false
	if s.listener != nil {
		s.listener.Close()
		s.listener = nil
	}
}

// Dial connects to the server within the process, without a socket; it fits a dial hook, and works for servers with a listener
// too. It ignores network and addr, and does not block. It returns ctx's error if ctx is over, and while the server is not
// listening, or is closed, a *net.OpError with ECONNREFUSED, as for TCP.
func (s *Server) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	near, far := newPipe(s.cfg.Buffer)
	if !s.serve(far, far.reset) {
		refused := os.NewSyscallError("connect", syscall.ECONNREFUSED)
		return nil, &net.OpError{Op: "dial", Net: pipeAddr("").Network(), Addr: pipeAddr(addr), Err: refused}
	}
	return near, nil
}

// Close stops listening, closes every connection and waits until all of the server's goroutines have ended, and so until each
// function of the script's or of [Config]'s has returned. Whoever is in [Server.Wait] gets [ErrEnded]. The record stays readable,
// and a producer finds the address refused. A second Close does nothing.
func (s *Server) Close() {
	s.CloseListener()
	s.mu.Lock()
	s.closed = true
	if s.port != nil {
		s.port.Close()
	}
	s.mu.Unlock()
	s.each(func(c *conn) { c.shut(closed) })
	s.running.Wait()
	s.record.end()
}

func (s *Server) accept(l net.Listener) {
	defer s.running.Done()
	for {
		nc, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond) // out of descriptors, most likely
			continue
		}
		tcp := nc.(*net.TCPConn)
		s.serve(tcp, func() {
			tcp.SetLinger(0)
			tcp.Close()
		})
	}
}

// serve starts serving nc, and reports false, leaving nc alone, if the server takes no connections.
func (s *Server) serve(nc net.Conn, reset func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, inMemory := nc.(*pipeConn)
	if s.closed || inMemory && !s.listening {
		if !inMemory {
			nc.Close()
		}
		return false
	}
	s.accepted++
	c := &conn{
		server: s,
		number: s.accepted,
		nc:     nc,
		reset:  reset,
		seen:   s.record.conn(nc),
		turn:   make(chan struct{}, 1),
		wake:   make(chan struct{}, 1),
		beats:  make(chan time.Duration, 1),
		done:   make(chan struct{}),
		held:   s.held,
		strict: s.cfg.TLSRequired || s.cfg.authEnabled(),
	}
	c.changed.L = &c.mu
	c.interval.Store(int64(defaultInterval))
	c.readFrom(gate{c})
	for _, f := range s.script {
		c.arm(f)
	}
	s.conns[c] = struct{}{}
	s.running.Add(2)
	go c.serve()
	go c.pump()
	return true
}

// each calls f for every open connection, the oldest last or first: in no order.
func (s *Server) each(f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		f(c)
	}
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
