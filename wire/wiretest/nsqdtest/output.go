package nsqdtest

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// printed collects output. It may be read while it grows.
type printed struct {
	mu   sync.Mutex
	text []byte
}

func (b *printed) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	return len(p), nil
}

func (b *printed) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}

type addresses struct{ tcp, http string }

// listeningLine is what nsqd and nsqlookupd log once a port listens. "HTTPS: listening" must not match.
var listeningLine = regexp.MustCompile(`\b(TCP|HTTP): listening on (\S+)`)

// watcher passes on what one process prints and reports, once, where the process listens.
type watcher struct {
	to        *printed
	listening chan addresses // capacity 1

	line  []byte // the unfinished line
	seen  addresses
	found bool
}

func (w *watcher) Write(p []byte) (int, error) {
	_, _ = w.to.Write(p) // cannot fail
	if w.found {
		return len(p), nil
	}
	w.line = append(w.line, p...)
	for !w.found {
		line, rest, whole := bytes.Cut(w.line, []byte("\n"))
		if !whole {
			break
		}
		w.line = rest
		w.look(line)
	}
	return len(p), nil
}

func (w *watcher) look(line []byte) {
	m := listeningLine.FindSubmatch(line)
	if m == nil {
		return
	}
	if string(m[1]) == "TCP" {
		w.seen.tcp = string(m[2])
	} else {
		w.seen.http = string(m[2])
	}
	if w.seen.tcp != "" && w.seen.http != "" {
		w.found = true
		w.listening <- w.seen
	}
}

// lastLines returns at most the last n lines of text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
