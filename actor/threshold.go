package actor

import (
	"bytes"
	"fmt"
	"io"

	"github.com/nsqactor/producer/wire"
)

// threshold is what a layer reads at its beginning: bytes that the layer below has read ahead already, and before them, since
// nsqd may send a heartbeat until the very moment at which it puts the layer on, perhaps frames that do not belong to it.
//
// A frame begins with its size, whose upper half is 0, and its type, whose upper half is 0. A TLS record begins with its type and
// a snappy stream with 255. A deflated one may begin with 0, a block that is stored: that begins with its length, and, if that
// is 0, as when nsqd flushes what is empty, the complement, which is not 0.
type threshold struct {
	src   io.Reader
	ahead []byte
	beat  *bool // set by a heartbeat
	past  bool  // the layer has begun
	read  bool  // src has been read since the handshake ended
}

func (t *threshold) Read(b []byte) (int, error) {
	if !t.past {
		if err := t.cross(); err != nil {
			return 0, err
		}
		t.past = true
	}
	if len(t.ahead) > 0 {
		n := copy(b, t.ahead)
		t.ahead = t.ahead[n:]
		return n, nil
	}
	t.read = true
	return t.src.Read(b)
}

// cross takes the frames before the layer.
func (t *threshold) cross() error {
	for {
		framed, err := t.framed()
		if err != nil || !framed {
			return err
		}
		ahead := bytes.NewReader(t.ahead)
		frames := wire.NewReader(io.MultiReader(ahead, t.src))
		frame, err := frames.Next()
		switch {
		case err != nil:
			return err
		case frame.Type == wire.FrameError:
			return wire.ParseError(frame.Data)
		case !frame.IsHeartbeat():
			return fmt.Errorf("%w: a %v frame", errUnasked, frame.Type)
		}
		*t.beat = true
		t.ahead = append(frames.Rest(), t.ahead[len(t.ahead)-ahead.Len():]...)
	}
}

// framed reports whether a frame comes next.
func (t *threshold) framed() (bool, error) {
	for i := range 5 {
		if len(t.ahead) == i {
			var next [1]byte
			if _, err := io.ReadFull(t.src, next[:]); err != nil {
				return false, err
			}
			t.ahead = append(t.ahead, next[0])
		}
		if t.ahead[i] != 0 && i != 2 && i != 3 {
			return false, nil
		}
	}
	return true, nil
}
