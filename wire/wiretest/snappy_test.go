package wiretest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/nsqactor/producer/wire/wiretest"
)

// stored is the framed form of snappy as far as it needs no compressing, which a real nsqd reads, and writes for what is as short
// as its answers.
var stored = wiretest.Snappy{
	NewReader: func(r io.Reader) io.Reader { return &storedReader{r: r} },
	NewWriter: func(w io.Writer) wiretest.WriteFlusher { return &storedWriter{w: w} },
}

const streamIdentifier = "\xff\x06\x00\x00sNaPpY"

// checksum is the masked CRC-32C of the framing format.
func checksum(data []byte) uint32 {
	c := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return c>>15 | c<<17 + 0xa282ead8
}

// storedWriter holds all back until Flush.
type storedWriter struct {
	w      io.Writer
	opened bool
	held   []byte
}

func (s *storedWriter) Write(p []byte) (int, error) {
	s.held = append(s.held, p...)
	return len(p), nil
}

func (s *storedWriter) Flush() error {
	var out []byte
	if !s.opened {
		s.opened = true
		out = append(out, streamIdentifier...)
	}
	for len(s.held) > 0 {
		chunk := s.held[:min(len(s.held), 1<<16)]
		s.held = s.held[len(chunk):]
		head := binary.LittleEndian.AppendUint32(nil, uint32(len(chunk)+4)<<8|1)
		out = append(binary.LittleEndian.AppendUint32(append(out, head...), checksum(chunk)), chunk...)
	}
	_, err := s.w.Write(out)
	return err
}

type storedReader struct {
	r    io.Reader
	rest bytes.Reader
}

func (s *storedReader) Read(p []byte) (int, error) {
	for s.rest.Len() == 0 {
		var head [4]byte
		if _, err := io.ReadFull(s.r, head[:]); err != nil {
			return 0, err
		}
		chunk := make([]byte, binary.LittleEndian.Uint32(head[:])>>8)
		if _, err := io.ReadFull(s.r, chunk); err != nil {
			return 0, err
		}
		switch {
		case string(head[:])+string(chunk) == streamIdentifier:
		case head[0] == 1 && checksum(chunk[4:]) == binary.LittleEndian.Uint32(chunk):
			s.rest.Reset(chunk[4:])
		default:
			return 0, errors.New("not snappy, or compressed")
		}
	}
	return s.rest.Read(p)
}
