package actor

import (
	"io"
	"net"
	"time"
)

// edge is the connection as the layers of a seal see it: what they write to it is kept in memory, once the handshake is over.
//
// The loop writes through the layers, and so does the connection's goroutine, since TLS may have to say something because of
// what it has read; TLS lets only one of them write at a time, and relies on the order. What the second has written lies there
// until the loop writes something: only then does nsqd depend on it.
type edge struct {
	net.Conn
	src   io.Reader // what TLS reads
	keeps bool      // set while the connection's goroutine is alone with it

	// Each holds one buffer or none. Whoever writes takes the buffer out and puts it back longer, so that there is no moment at
	// which two goroutines have it.
	full  chan []byte
	empty chan []byte
}

func newEdge(conn net.Conn) *edge {
	return &edge{Conn: conn, full: make(chan []byte, 1), empty: make(chan []byte, 1)}
}

func (e *edge) Read(b []byte) (int, error) { return e.src.Read(b) }

func (e *edge) Write(b []byte) (int, error) {
	if !e.keeps {
		return e.Conn.Write(b)
	}
	var buf []byte
	select {
	case buf = <-e.full:
	default:
		select {
		case buf = <-e.empty:
		default:
		}
	}
	e.full <- append(buf, b...)
	return len(b), nil
}

// take returns all that was written since the last take. Where some is sure to be there, it waits for it: another writer may have
// it in hand to put more behind it, and waits for nothing meanwhile.
func (e *edge) take(sure bool) []byte {
	if sure {
		return <-e.full
	}
	select {
	case buf := <-e.full:
		return buf
	default:
		return nil
	}
}

// giveBack lets the memory of what take returned be used again.
func (e *edge) giveBack(buf []byte) {
	if buf == nil {
		return
	}
	select {
	case e.empty <- buf[:0]:
	default:
	}
}

// SetDeadline and SetWriteDeadline do nothing: the deadlines are the loop's, and what TLS sets when it closes its half would
// fail the very write that tells nsqd.
func (e *edge) SetDeadline(time.Time) error      { return nil }
func (e *edge) SetWriteDeadline(time.Time) error { return nil }
