package wiretest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
)

// seal turns the bytes of the protocol into those of the connection, behind an upgrade.
type seal struct {
	conn   *conn
	tls    *tls.Conn    // nil without TLS
	squash WriteFlusher // writes to packed; nil without compression
	packed bytes.Buffer
	ahead  []byte // of the time before the compression, for its first write to take along
}

// write seals and writes data, flushed once, so that the client can read all of it.
func (s *seal) write(data []byte) error {
	if s.squash != nil {
		s.packed.Reset()
		s.packed.Write(s.ahead)
		s.ahead = nil
		if len(data) > 0 {
			if _, err := s.squash.Write(data); err != nil {
				return err
			}
			if err := s.squash.Flush(); err != nil {
				return err
			}
		}
		data = s.packed.Bytes()
	}
	if s.tls == nil {
		return s.conn.put(data)
	}
	_, err := s.tls.Write(data)
	return err
}

// beneath is the connection as TLS sees it. Its writes are split as all are; the deadlines are set elsewhere.
type beneath struct {
	net.Conn
	conn *conn
	r    *bufio.Reader
}

// newBeneath reads the connection through a buffer, so that ConnStats.Reads does not tell how TLS reads.
func newBeneath(c *conn) *beneath {
	return &beneath{Conn: c.nc, conn: c, r: bufio.NewReaderSize(gate{c}, readSize)}
}

func (b *beneath) Read(p []byte) (int, error) { return b.r.Read(p) }

func (b *beneath) Write(p []byte) (int, error) {
	if err := b.conn.put(p); err != nil {
		return 0, err // how much was written does not matter: TLS goes no further
	}
	return len(p), nil
}
