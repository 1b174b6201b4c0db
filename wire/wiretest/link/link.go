package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Link is a path to one server. All its methods may be called from any goroutine, and at once. None blocks but [Link.Close] and
// [Link.Wait].
type Link struct {
	// Addr is the address that the link listens on, such as "127.0.0.1:40123".
	Addr string

	target   string
	listener net.Listener
	life     context.Context // ends with the link
	end      context.CancelFunc
	running  sync.WaitGroup

	mu         sync.Mutex // guards the rest, and the connections
	closed     bool
	conns      map[*conn]struct{}
	oneWay     time.Duration
	rate       int // bytes a second, up; 0: no limit
	stalled    bool
	swallowing bool
	limits     [2]*limit // by direction; nil: none
	stats      Stats
	changed    chan struct{} // closed when stats change; nil while nobody waits
}

// Stats is what a link has done so far.
type Stats struct {
	Conns  int   // connections accepted
	Open   int   // those of them that have not ended
	Up     int64 // bytes written to the server
	Down   int64 // bytes written to clients
	Struck int   // limits that were reached, counted on each connection
}

// New returns a link to the server at target, host:port, and listens for clients. It does not connect before a client does. It
// panics if it cannot listen on 127.0.0.1, like httptest.NewServer. The caller closes it.
func New(target string) *Link {
	listener, err := listening.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("link: %v", err))
	}
	l := &Link{Addr: listener.Addr().String(), target: target, listener: listener, conns: make(map[*conn]struct{})}
	l.life, l.end = context.WithCancel(context.Background())
	l.running.Add(1)
	go l.accept()
	return l
}

// Close stops listening, closes every connection at both ends and waits until all of the link's goroutines have ended. Bytes
// that are under way are lost. A second Close does nothing.
func (l *Link) Close() {
	l.listener.Close()
	l.end()
	l.mu.Lock()
	l.closed = true
	for c := range l.conns {
		c.shut(false)
	}
	l.mu.Unlock()
	l.running.Wait()
}

func (l *Link) accept() {
	defer l.running.Done()
	for {
		client, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond) // out of descriptors, most likely
			continue
		}
		l.open(client.(*net.TCPConn))
	}
}

func (l *Link) open(client *net.TCPConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		client.Close()
		return
	}
	c := newConn(l, client)
	l.conns[c] = struct{}{}
	l.stats.Conns++
	l.stats.Open++
	l.tell()
	l.running.Add(1)
	go c.serve()
}

// Stats returns the present figures, all of one moment; those of a closed link are its last.
func (l *Link) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Wait waits until holds reports true of the figures, and returns nil then, also where that is so at once. When ctx ends before,
// the error wraps ctx's and has the figures as they were; there is no other. holds is called at first and then whenever a
// figure has changed, on the caller's goroutine; it may call the link's methods.
func (l *Link) Wait(ctx context.Context, holds func(Stats) bool) error {
	for {
		stats, changed := l.watch()
		if holds(stats) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("link: %w, at %+v", ctx.Err(), stats)
		}
	}
}

// watch returns the present figures and a channel that is closed when they have changed.
func (l *Link) watch() (Stats, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.stats, l.changed
}

// tell wakes those in Wait. The link is locked.
func (l *Link) tell() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}
