package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/nsqactor/producer/actor"
)

// rejects writes the lines that were not acked, in the form that the manual describes. Lines that are refused here and those
// that come back meet in it, so it has a lock.
type rejects struct {
	mu  sync.Mutex
	w   io.Writer // nil: nobody wants them
	err error     // the first error of a write
}

// reject is a line of the file.
type reject struct {
	Line    uint64  `json:"line"`
	Outcome string  `json:"outcome"`
	Error   string  `json:"error"`
	Content *string `json:"content,omitempty"`
	Base64  []byte  `json:"content_base64,omitempty"`
}

func (r *rejects) wanted() bool { return r.w != nil }

// write writes a line that lies in memory.
func (r *rejects) write(number uint64, outcome actor.Outcome, cause error, text []byte) {
	if r.w == nil {
		return
	}
	entry := reject{Line: number, Outcome: outcome.String(), Error: cause.Error()}
	if utf8.Valid(text) {
		content := string(text)
		entry.Content = &content
	} else {
		entry.Base64 = text
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.w.Write(entry.encode())
	r.note(err)
}

// stream writes a line of which only the beginning lies in memory; rest writes what follows.
func (r *rejects) stream(number uint64, outcome actor.Outcome, cause error, text []byte, rest func(io.Writer) error) {
	if r.w == nil {
		return
	}
	entry := reject{Line: number, Outcome: outcome.String(), Error: cause.Error()}
	head := bytes.TrimSuffix(entry.encode(), []byte("}\n"))
	head = append(head, `,"content_base64":"`...)
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.w.Write(head)
	r.note(err)
	coded := base64.NewEncoder(base64.StdEncoding, r.w)
	_, err = coded.Write(text)
	r.note(err)
	r.note(rest(coded))
	r.note(coded.Close())
	_, err = r.w.Write([]byte("\"}\n"))
	r.note(err)
}

func (r *rejects) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

// failure returns the first error of a write.
func (r *rejects) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// encode returns the entry as a line of JSON.
func (e *reject) encode() []byte {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(e) // strings, bytes and a number: nothing to fail
	return line.Bytes()
}
