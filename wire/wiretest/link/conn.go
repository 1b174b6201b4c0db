package link

import (
	"net"
	"sync"
	"time"
)

// conn is one client's connection, and the one to the server that belongs to it. The link's mutex guards its fields.
type conn struct {
	link   *Link
	client *net.TCPConn
	server *net.TCPConn // nil until it is there; for ever on a connection that was swallowed before
	ways   [2]way

	stalled   bool // by a limit
	dropping  bool // nothing is forwarded any more
	finishing bool // both ends are told, and closed when both peers have ended too
	shutting  bool // both ends are closed,
	reset     bool // with a reset
	gone      sync.Cond
	running   sync.WaitGroup // the ways' goroutines
}

// Sizes of the sockets' buffers: so that the kernel holds back little, but not so little that a fast path would be slow; and
// the one from which a client's bytes are read under a rate, so that the kernel takes them smoothly.
const (
	buffer     = 64 << 10
	slowBuffer = 16 << 10
)

func newConn(l *Link, client *net.TCPConn) *conn {
	c := &conn{link: l, client: client, dropping: l.swallowing}
	c.gone.L = &l.mu
	for d := range c.ways {
		w := &c.ways[d]
		w.conn, w.direction = c, direction(d)
		w.changed.L = &l.mu
		w.bound(l.limits[d])
	}
	client.SetWriteBuffer(buffer)
	c.sizeIntake()
	return c
}

// sizeIntake sets the size of the buffer from which the client's bytes are read.
func (c *conn) sizeIntake() {
	size := buffer
	if c.link.rate > 0 {
		size = slowBuffer
	}
	c.client.SetReadBuffer(size)
}

// serve runs the connection to its end.
func (c *conn) serve() {
	l := c.link
	defer l.running.Done()
	l.mu.Lock()
	defer l.mu.Unlock()
	c.begin()
	l.mu.Unlock()
	c.running.Wait()
	l.mu.Lock()
	for !c.shutting { // swallowed, and both peers have ended: neither learns of the other's end
		c.gone.Wait()
	}
	delete(l.conns, c)
	l.stats.Open--
	l.tell()
}

// begin connects to the server and starts the ways. The link is locked, except while it connects.
func (c *conn) begin() {
	l := c.link
	if !c.dropping && !c.shutting {
		l.mu.Unlock()
		var dialer net.Dialer
		server, err := dialer.DialContext(l.life, "tcp", l.target)
		l.mu.Lock()
		if err != nil {
			c.shut(true)
		} else {
			c.arrived(server.(*net.TCPConn))
		}
	}
	c.ways[up].from, c.ways[up].to = c.client, c.server
	c.ways[down].from, c.ways[down].to = c.server, c.client
	for d := range c.ways {
		if w := &c.ways[d]; !c.shutting && w.from != nil {
			c.running.Add(2)
			go w.read()
			go w.write()
		} else {
			w.over = true
		}
	}
}

// arrived takes the connection to the server, which shares what has become of the client's meanwhile.
func (c *conn) arrived(server *net.TCPConn) {
	c.server = server
	server.SetReadBuffer(buffer)
	server.SetWriteBuffer(buffer)
	switch {
	case c.shutting:
		closeSocket(server, c.reset)
	case c.finishing:
		server.CloseWrite()
	}
}

// halted reports whether nothing moves.
func (c *conn) halted() bool { return c.link.stalled || c.stalled }

// interrupt ends the reads and writes that are under way, so that what they wait for is looked at again.
func (c *conn) interrupt() {
	past := time.Unix(1, 0)
	for d := range c.ways {
		w := &c.ways[d]
		if w.from != nil {
			w.from.SetReadDeadline(past)
		}
		if w.to != nil {
			w.to.SetWriteDeadline(past)
		}
		w.readCut, w.writeCut = true, true
		w.changed.Broadcast()
	}
}

// swallow drops all from now on. The readers go on, the writers end.
func (c *conn) swallow() {
	c.dropping = true
	c.interrupt()
}

// finish tells both peers that no more will come, and drops what they still say.
func (c *conn) finish() {
	c.swallow()
	c.finishing = true
	c.client.CloseWrite()
	if c.server != nil {
		c.server.CloseWrite()
	}
	c.endIfOver()
}

// endIfOver closes the connection if both peers have ended and both have been told. Before it is begun, it is not over.
func (c *conn) endIfOver() {
	if c.ways[up].over && c.ways[down].over && (c.finishing || c.ways[up].told && c.ways[down].told) {
		c.shut(false)
	}
}

// shut closes both ends, with a reset if so wanted.
func (c *conn) shut(reset bool) {
	if c.shutting {
		return
	}
	c.shutting, c.reset = true, reset
	closeSocket(c.client, reset)
	if c.server != nil {
		closeSocket(c.server, reset)
	}
	for d := range c.ways {
		w := &c.ways[d]
		w.silence()
		w.changed.Broadcast()
	}
	c.gone.Broadcast()
}

func closeSocket(socket *net.TCPConn, reset bool) {
	if reset {
		socket.SetLinger(0)
	}
	socket.Close()
}
