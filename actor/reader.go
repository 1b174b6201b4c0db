package actor

import (
	"bytes"
	"fmt"
	"runtime"

	"github.com/nsqactor/producer/wire"
)

// reply is what the loop learns of a connection since it last looked. Several are merged into one.
type reply struct {
	up   *handshaken // the connection may be used from now on
	oks  int         // acknowledgements, each of the oldest unanswered command
	beat bool        // nsqd asks for a sign of life
	end  error       // the connection has ended; nothing follows
}

// merge returns both, r being the older, which is not the end: nothing follows that.
func (r reply) merge(next reply) reply {
	if r.up == nil {
		r.up = next.up
	}
	r.oks += next.oks
	r.beat = r.beat || next.beat
	r.end = next.end
	return r
}

// post puts a reply where the loop finds it, merged with what the loop has not taken yet.
//
// Invariant: replies has capacity 1 and one sender. It takes back what is unread before it sends, so that it never waits, and
// always drains the socket whatever the loop does. If it could wait, nsqd, reader and loop could wait for each other in a
// circle; and memory stays at one reply.
func post(replies chan reply, next reply) {
	select {
	case unread := <-replies:
		next = unread.merge(next)
	default:
	}
	replies <- next
}

// read turns a connection's frames into replies until it ends, and returns the last reply, which says so. Acknowledgements that
// came together are one reply. ground is where the innermost layer reads, nil without layers; secret is not to be repeated.
func read(frames *wire.Reader, ground *threshold, secret string, replies chan reply) reply {
	for {
		var r reply
		for {
			frame, err := frames.Next()
			r.take(frame, err, secret)
			if r.oks > 0 && ground != nil && !ground.read { // it lay within a layer before anything was sent
				r.oks, r.end = 0, errUnasked
			}
			if r.end != nil || !frames.Ready() {
				break
			}
		}
		if r.end != nil {
			return r
		}
		post(replies, r)
		runtime.Gosched() // the callers first: the next read will most likely find nothing yet (BenchmarkLoneCaller)
	}
}

// take adds a frame, or the error that came instead of one. Only a response that is exactly OK is an acknowledgement.
func (r *reply) take(frame wire.Frame, err error, secret string) {
	switch {
	case err != nil:
		r.end = err
	case frame.IsOK():
		r.oks++
	case frame.IsHeartbeat():
		r.beat = true
	case frame.Type == wire.FrameError:
		r.end = wire.ParseError(discreet(frame.Data, secret))
	default:
		r.end = fmt.Errorf("%w: a %v frame with data %.40q", errUnasked, frame.Type, discreet(frame.Data, secret))
	}
}

// discreet returns a frame's data as errors may show it: without AuthSecret, should nsqd repeat it. But a code like nsqd's own
// stays, since outcomes are judged by it.
func discreet(data []byte, secret string) []byte {
	if secret == "" {
		return data
	}
	kept := 0
	if code, _, _ := bytes.Cut(data, []byte(" ")); bytes.HasPrefix(code, []byte("E_")) && len(bytes.Trim(code, codeLetters)) == 0 {
		kept = len(code)
	}
	return append(data[:kept:kept], bytes.ReplaceAll(data[kept:], []byte(secret), []byte("***"))...)
}

const codeLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
