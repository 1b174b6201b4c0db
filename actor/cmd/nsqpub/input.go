package main

import (
	"context"
	"errors"
	"io"
	"time"
)

const chunkSize = 64 << 10

// lastRead is how long a read that is called off is still waited for: it may have its bytes already, and these are in no
// message and in no file if nobody takes them.
const lastRead = 100 * time.Millisecond

// errSignal is why the input ends where a signal cut it short.
var errSignal = errors.New("stopped by a signal")

// input is a reader whose Read can be called off, which no read of a pipe, file or terminal can be: the reads of the
// underlying reader happen on a goroutine of their own, one at a time and only when asked for, so that nothing is taken that
// is not wanted. A read that finds nothing within lastRead of the calling off is left behind.
type input struct {
	ctx    context.Context
	asks   chan struct{} // capacity 1, one at a time; closed when no more are coming
	chunks chan chunk    // capacity 1: an answer to each ask
	left   []byte        // what Read has not returned yet of the last chunk; it is overwritten after the next ask
	err    error         // what Read returns when nothing is left
}

type chunk struct {
	data []byte
	err  error
}

// newInput returns a reader of r that ends with errSignal when ctx ends.
func newInput(ctx context.Context, r io.Reader) *input {
	in := &input{ctx: ctx, asks: make(chan struct{}, 1), chunks: make(chan chunk, 1)}
	go func() {
		buf := make([]byte, chunkSize)
		for range in.asks {
			n, err := r.Read(buf)
			in.chunks <- chunk{buf[:n], err}
		}
	}()
	return in
}

// Read returns what has been read, waits for more, or returns the error that ended the input: from then on always that.
func (in *input) Read(p []byte) (int, error) {
	for len(in.left) == 0 && in.err == nil {
		in.left, in.err = in.more()
		if in.err != nil {
			close(in.asks)
		}
	}
	if len(in.left) == 0 {
		return 0, in.err
	}
	n := copy(p, in.left)
	in.left = in.left[n:]
	return n, nil
}

func (in *input) more() ([]byte, error) {
	if in.ctx.Err() != nil {
		return nil, errSignal
	}
	in.asks <- struct{}{}
	select {
	case c := <-in.chunks:
		return c.data, c.err
	case <-in.ctx.Done():
	}
	select {
	case c := <-in.chunks:
		return c.data, c.err
	case <-time.After(lastRead):
		return nil, errSignal
	}
}
