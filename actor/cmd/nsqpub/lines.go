package main

import (
	"bufio"
	"io"
	"sync/atomic"
)

// lines splits an input at a delimiter, and holds no more of a line than a little above limit.
type lines struct {
	r         *bufio.Reader
	delimiter byte
	limit     int

	number uint64
	held   []byte // a line that does not lie in one piece in r's buffer
	within bool   // the last line returned has a rest
	err    error  // why the input has ended
	taken  uint64 // bytes

	passed atomic.Uint64 // bytes of the lines ahead of the one that next returned last; anyone may look
}

// line is one line of the input without its delimiter.
type line struct {
	number uint64 // from 1
	text   []byte // valid until the next call of a method of lines
	long   bool   // text, of more than limit bytes, is only its beginning; lines.rest has what follows
	cut    error  // the input failed before the line's end was read: text may be a part of it
}

func newLines(r io.Reader, delimiter byte, limit int) *lines {
	return &lines{r: bufio.NewReaderSize(r, chunkSize), delimiter: delimiter, limit: limit}
}

// next returns the next line. Its error is io.EOF or why the input could not be read, and comes behind all lines. A rest that
// nobody has asked for is skipped.
func (l *lines) next() (line, error) {
	if l.within {
		l.rest(io.Discard)
	}
	l.passed.Store(l.taken)
	l.held = l.held[:0]
	for l.err == nil {
		piece, err := l.piece()
		if err == nil {
			return l.line(line{text: l.join(piece[:len(piece)-1])}), nil
		}
		l.held = append(l.held, piece...)
		if err != bufio.ErrBufferFull {
			l.err = err
		} else if len(l.held) > l.limit {
			l.within = true
			return l.line(line{text: l.held, long: true}), nil
		}
	}
	if len(l.held) == 0 {
		return line{}, l.err
	}
	last := line{text: l.held}
	if l.err != io.EOF {
		last.cut = l.err
	}
	return l.line(last), nil
}

// piece returns what comes next up to a delimiter, or as much of it as there is room for.
func (l *lines) piece() ([]byte, error) {
	piece, err := l.r.ReadSlice(l.delimiter)
	l.taken += uint64(len(piece))
	return piece, err
}

func (l *lines) line(next line) line {
	l.number++
	next.number = l.number
	return next
}

// join returns the line whose last piece this is.
func (l *lines) join(piece []byte) []byte {
	if len(l.held) == 0 {
		return piece
	}
	l.held = append(l.held, piece...)
	return l.held
}

// rest writes what follows the beginning of a long line to w, up to its delimiter, and returns w's error. The line is passed
// over in any case.
func (l *lines) rest(w io.Writer) (err error) {
	for l.within {
		piece, end := l.piece()
		switch end {
		case nil:
			piece = piece[:len(piece)-1]
			l.within = false
		case bufio.ErrBufferFull:
		default:
			l.err = end
			l.within = false
		}
		if err == nil {
			_, err = w.Write(piece)
		}
	}
	return err
}
