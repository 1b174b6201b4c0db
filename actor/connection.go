package actor

import (
	"context"
	"net"
	"time"
)

// connection is one attempt to reach nsqd, and, if it succeeds, what comes of it: one goroutine dials, shakes hands, and then
// reads. To the loop it is the channel replies.
type connection struct {
	replies chan reply         // from this connection alone, so that a late answer cannot pop the next one's ring
	close   context.CancelFunc // ends the attempt, or the connection, at once; the goroutine's last reply follows

	// The rest is the loop's, from the reply that says the connection is up.
	conn     net.Conn
	seal     *seal  // TLS or compression, or both; nil for neither
	opened   int64  // when it came up
	encoded  uint64 // stream offset behind the last byte encoded
	written  uint64 // stream offset behind the last byte that the kernel has; on a sealed connection, that it may have
	through  uint64 // stream offset behind the last byte that the kernel has for certain, with all before it
	heard    int64  // when nsqd last said anything
	answered int64  // when nsqd last acknowledged a command
	stuck    int64  // since when writes have made no progress; 0: they do
	whole    int64  // when the kernel got the rest of the command that was the oldest unanswered one then
	deadline int64  // the write deadline that is set
	nop      bool   // a heartbeat is to be answered
	late     bool   // fire has come late, and waits for what was said meanwhile
	window   window
	broken   error // why nothing more is written; what nsqd has said by now is still read
}

// How a write is kept from holding up the loop: it is given until a deadline writeAhead from now, set anew only when less than
// writeRefresh of it is left, since each setting costs about as much as a small write's share of the work. So the loop sleeps
// in a write for writeAhead at most, and for writeRefresh at least unless it succeeds.
const (
	writeAhead   = 12 * time.Millisecond
	writeRefresh = 6 * time.Millisecond
)

// write writes one piece. The error is final; a deadline that passed is none.
func (c *connection) write(piece []byte, now int64) (int, error) {
	if c.deadline-now < int64(writeRefresh) {
		if err := c.conn.SetWriteDeadline(time.Now().Add(writeAhead)); err != nil {
			return 0, err
		}
		c.deadline = now + int64(writeAhead)
	}
	n, err := c.conn.Write(piece)
	if isTimeout(err) {
		c.deadline = 0
		return n, nil
	}
	return n, err
}

// limit gives the connection so long until it is closed. A timer does it, not a read deadline, which a connection made by
// Config.Dial need not honour.
func (c *connection) limit(d time.Duration) { time.AfterFunc(d, c.close) }

// halfCloser is what a connection offers that can say "no more from here" and still be read, as TCP can.
type halfCloser interface{ CloseWrite() error }
