package actor

import (
	"bufio"
	"compress/flate"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// seal is what the loop writes through where there is TLS, or compression, or compression within TLS. Plain bytes go in; what
// comes out stays in memory, and is written to the real connection as plain bytes are: by short deadlines, going on where the
// last write ended. A tls.Conn that wrote by itself could not do that: a write that was cut off is its last.
//
// How many plain bytes the kernel has cannot be told from how many sealed ones it has. So as soon as it has one byte of a piece,
// nsqd may have all commands that end in the piece; until then it has none of them, and what follows is not even sealed.
type seal struct {
	edge     *edge
	tls      *tls.Conn     // nil: none
	deflater *flate.Writer // nil: none
	press    WriteFlusher  // the compressor, that one or another; nil: none
	joined   *bufio.Writer // between the compressor and TLS, which makes a record of each write; nil without both
	into     io.Writer     // the outermost layer

	// The loop's, as the outermost layer is from engage on.
	bite   int    // plain bytes that are sealed between two looks at the clock
	piece  int    // plain bytes that are sealed, and not done with
	offset uint64 // stream offset behind them
	buf    []byte // what they have become
	sent   int    // how much of it the kernel has
}

// WriteFlusher is a compressor, as [Config].SnappyWriter returns it. It is used by one goroutine at a time.
type WriteFlusher interface {
	io.Writer
	Flush() error // passes on everything that was written, in a form that the other end can read at once
}

func newSeal(conn net.Conn) *seal {
	e := newEdge(conn)
	return &seal{edge: e, into: e, bite: pieceBytes}
}

// addTLS shakes hands with what src reads, and returns the layer to read from.
func (s *seal) addTLS(ctx context.Context, src io.Reader, cfg *tls.Config) (io.Reader, error) {
	s.edge.src = src
	s.tls = tls.Client(s.edge, cfg)
	s.into = s.tls
	return s.tls, s.tls.HandshakeContext(ctx)
}

// addDeflate returns the layer to read from.
func (s *seal) addDeflate(src io.Reader, level int) (io.Reader, error) {
	if s.tls != nil { // flate writes 240 bytes at a time
		s.joined = bufio.NewWriterSize(s.tls, recordBytes)
		s.into = s.joined
	}
	deflater, err := flate.NewWriter(s.into, level)
	if err != nil {
		return nil, err
	}
	s.deflater, s.press, s.into = deflater, deflater, deflater
	switch { // so that the slowest of bodies takes some milliseconds; see sealAhead
	case level > 6:
		s.bite = 512
	case level > flate.BestSpeed:
		s.bite = 4 << 10
	}
	return flate.NewReader(src), nil
}

// addSnappy returns the layer to read from.
func (s *seal) addSnappy(src io.Reader, cfg *Config) (io.Reader, error) {
	s.press, src = cfg.SnappyWriter(s.into), cfg.SnappyReader(src)
	if s.press == nil || src == nil {
		return nil, errors.New("SnappyReader or SnappyWriter returned nil")
	}
	s.into = s.press
	return src, nil
}

// put seals plain bytes. Only what is flushed is sure to come out.
func (s *seal) put(plain []byte, flush bool) error {
	if _, err := s.into.Write(plain); err != nil {
		return err
	}
	if !flush || s.press == nil {
		return nil
	}
	if err := s.press.Flush(); err != nil || s.joined == nil {
		return err
	}
	return s.joined.Flush()
}

const recordBytes = 16 << 10 // what a record of TLS holds at most

// engage ends the handshake, during which what is put goes to the connection at once.
func (s *seal) engage() { s.edge.keeps = true }

// sealAhead is how long the loop seals at a time, but for the last bite. compress/flate is quick with most bodies, but took 42 ms
// for 64 KiB of random zeros and ones at level 6, and 2 s at level 9 (TestShutdownWhileDeflating).
const sealAhead = 5 * time.Millisecond

// writeSealed writes what is left of the present piece, or seals the next one and writes that. It returns how far it got in
// whatever unit: 0 means not at all. The error is final.
func (c *connection) writeSealed(o *outbox, now int64) (progress int, err error) {
	s := c.seal
	if s.piece == 0 {
		piece, last := o.piece(), false
		for began := time.Now(); s.piece < len(piece) && (s.piece == 0 || time.Since(began) < sealAhead); {
			bite := piece[s.piece:min(s.piece+s.bite, len(piece))]
			last = o.sent+s.piece+len(bite) == o.len()
			if err := s.put(bite, last); err != nil {
				return 0, err
			}
			s.piece += len(bite)
		}
		s.offset += uint64(s.piece)
		s.buf, s.sent = s.edge.take(s.tls != nil && (s.press == nil || s.deflater != nil && last)), 0
	}
	if s.sent < len(s.buf) {
		progress, err = c.write(s.buf[s.sent:], now)
		s.sent += progress
		if progress > 0 {
			c.written = s.offset
		}
		if err != nil || s.sent < len(s.buf) {
			return progress, err
		}
	}
	s.edge.giveBack(s.buf)
	progress = s.piece // also where the compressor has kept all of it
	s.buf, s.sent, s.piece = nil, 0, 0
	o.advance(progress)
	if !o.pending() {
		c.through = s.offset
	}
	return progress, nil
}

// finishSeal ends the stream of each layer, so that nsqd meets no end where it expects more, and reports whether the kernel has
// taken that.
func (c *connection) finishSeal(now int64) bool {
	s := c.seal
	if s == nil {
		return true
	}
	if s.deflater != nil && s.deflater.Close() != nil {
		return false
	}
	if s.joined != nil && s.joined.Flush() != nil {
		return false
	}
	if s.tls != nil && s.tls.CloseWrite() != nil {
		return false
	}
	rest := s.edge.take(false)
	n, err := c.write(rest, now)
	return err == nil && n == len(rest)
}
