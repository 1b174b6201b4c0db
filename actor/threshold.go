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
// They can be told apart by two bytes. A frame begins with its size, whose upper half is 0; a TLS record begins with its type,
// which is not 0, and snappy with 255. A deflated stream begins with 0 only if it begins with a stored block, whose length
// follows: that of nsqd's first words, which is not a multiple of 256.
type threshold struct {
	src   io.Reader
	ahead []byte
	beat  *bool // set by a heartbeat
	past  bool  // the layer has begun
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
	return t.src.Read(b)
}

// cross takes the frames before the layer.
func (t *threshold) cross() error {
	for {
		var head [2]byte
		if _, err := io.ReadFull(io.MultiReader(bytes.NewReader(t.ahead), t.src), head[:]); err != nil {
			return err
		}
		if len(t.ahead) < len(head) {
			t.ahead = head[:]
		}
		if head != [2]byte{} {
			return nil
		}
		frames := wire.NewReader(io.MultiReader(bytes.NewReader(t.ahead), t.src))
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
		t.ahead = frames.Rest()
	}
}
