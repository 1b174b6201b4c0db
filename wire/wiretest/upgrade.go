package wiretest

import (
	"bufio"
	"compress/flate"
	"crypto/tls"
	"io"
	"time"

	"github.com/nsqactor/producer/wire"
)

// handshakeTimeout is what nsqd gives TLS (nsqd/client_v2.go, UpgradeTLS).
const handshakeTimeout = 5 * time.Second

// maxDeflateLevel is both nsqd's default and, by its -max-deflate-level, the highest that it grants.
const maxDeflateLevel = 6

// WriteFlusher is a writer that may hold back what it is given until Flush.
type WriteFlusher interface {
	io.Writer
	Flush() error
}

// Snappy makes the two ends of a snappy stream, in its framed form. With github.com/golang/snappy:
//
//	wiretest.Snappy{
//		NewReader: func(r io.Reader) io.Reader { return snappy.NewReader(r) },
//		NewWriter: func(w io.Writer) wiretest.WriteFlusher { return snappy.NewBufferedWriter(w) },
//	}
type Snappy struct {
	NewReader func(io.Reader) io.Reader
	NewWriter func(io.Writer) WriteFlusher
}

func (s Snappy) enabled() bool { return s.NewReader != nil && s.NewWriter != nil }

// upgrades is what an IDENTIFY was granted.
type upgrades struct {
	any     bool // so that there is something to do
	tls     bool
	deflate int // its level, 0 for none
	snappy  bool
}

// negotiate says which upgrades the connection gets of those asked for, by nsqd's rules.
func (c *conn) negotiate(asked *request, given *grant) *wire.ReplyError {
	cfg := &c.server.cfg
	given.TLSv1 = asked.TLSv1 && cfg.TLS != nil
	given.Deflate = asked.Deflate && cfg.Deflate
	given.Snappy = asked.Snappy && cfg.Snappy.enabled()
	if given.Deflate && given.Snappy {
		return refusal(wire.CodeIdentifyFailed, "cannot enable both deflate and snappy compression")
	}
	c.granted = upgrades{any: given.TLSv1 || given.Deflate || given.Snappy, tls: given.TLSv1, snappy: given.Snappy}
	if given.Deflate {
		if asked.DeflateLevel > 0 {
			given.DeflateLevel = min(asked.DeflateLevel, maxDeflateLevel)
		}
		c.granted.deflate = given.DeflateLevel
	}
	return nil
}

// upgrade carries out what was granted, in nsqd's order, each part with an OK of its own, and reports whether the connection
// goes on.
func (c *conn) upgrade() bool {
	granted := c.granted
	c.granted = upgrades{}
	if granted.tls {
		if err := c.encrypt(); err != nil {
			if !c.mute {
				c.refuse(refusal(wire.CodeIdentifyFailed, "IDENTIFY failed %v", err), 0)
			}
			return false
		}
		if !c.confirm("TLS") {
			return false
		}
	}
	if granted.deflate > 0 || granted.snappy {
		c.compress(granted)
		if !c.confirm("compression") {
			return false
		}
	}
	return true
}

// confirm answers an upgrade, through it, and reports whether the connection goes on.
func (c *conn) confirm(name string) bool {
	upgrade := &Command{Name: name}
	x := c.consult(atUpgrade, upgrade, false)
	c.out = append(c.out, x.ahead...)
	answer := okFrame
	if x.ignore {
		answer = nil
	}
	return c.conclude(x, answer) && c.follow(c.consult(atUpgrade, upgrade, true))
}

// encrypt does the TLS handshake, behind all that was to be said in clear. Nobody else writes meanwhile, no heartbeat either,
// as with nsqd.
func (c *conn) encrypt() error {
	c.flush()
	c.settle()
	if !c.take() {
		return io.ErrClosedPipe
	}
	defer c.give()
	below := newBeneath(c)
	conn := tls.Server(below, c.server.cfg.TLS)
	c.shaking, c.fresh = true, true
	c.nc.SetWriteDeadline(time.Now().Add(handshakeTimeout))
	err := conn.Handshake()
	c.shaking, c.fresh = false, true
	if err != nil {
		return err
	}
	c.seal = &seal{conn: c, tls: conn}
	c.encrypted = true
	c.readFrom(conn)
	state := conn.ConnectionState()
	c.seen.encrypted(&state)
	return nil
}

// compress puts the compression between the commands and what is below. What was to be said without it and has not been written
// goes out together with its first bytes, unless each answer is to be written by itself.
func (c *conn) compress(granted upgrades) {
	if c.server.cfg.AnswerEach || !c.free(holdAnswers) {
		c.flush()
	}
	c.settle()
	if !c.take() {
		return
	}
	defer c.give()
	s := &seal{conn: c}
	var below io.Reader = gate{c}
	if c.encrypted {
		s.tls = c.seal.tls
		below = s.tls
	}
	below = bufio.NewReaderSize(below, readSize)
	if len(c.out) > 0 {
		s.ahead = append([]byte(nil), c.out...)
		c.out, c.owing = c.out[:0], true
	}
	if granted.snappy {
		s.squash = c.server.cfg.Snappy.NewWriter(&s.packed)
		c.readFrom(c.server.cfg.Snappy.NewReader(below))
	} else {
		s.squash, _ = flate.NewWriter(&s.packed, granted.deflate) // fails only for a level that there is not
		c.readFrom(flate.NewReader(below))
	}
	c.seal = s
	c.seen.compressed(granted)
}

// readFrom makes r the input. As with nsqd, what was read ahead of the upgrade is lost, and so does not count.
func (c *conn) readFrom(r io.Reader) {
	c.input = r
	c.r = bufio.NewReaderSize(source{c}, readSize)
	c.received = c.base
}
