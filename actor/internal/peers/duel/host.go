package main

import (
	"errors"
	"fmt"
	"os"
)

// host stands in for a test where there is none: package nsqdtest starts nsqd for tests only.
type host struct{ cleanups []func() }

// verdict is what Skipf and Fatalf end a function with.
type verdict struct{ error }

// hosted runs f and then what it left to clean up, and turns the end that a test would have come to into an error.
func hosted(f func(h *host) error) (err error) {
	h := new(host)
	defer func() {
		for i := len(h.cleanups) - 1; i >= 0; i-- {
			h.cleanups[i]()
		}
	}()
	defer func() {
		switch v := recover().(type) {
		case nil:
		case verdict:
			err = v.error
		default:
			panic(v)
		}
	}()
	return f(h)
}

func (h *host) Helper()                           {}
func (h *host) Logf(format string, args ...any)   { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (h *host) Skipf(format string, args ...any)  { h.Fatalf(format, args...) }
func (h *host) Fatalf(format string, args ...any) { panic(verdict{fmt.Errorf(format, args...)}) }
func (h *host) Cleanup(f func())                  { h.cleanups = append(h.cleanups, f) }

func (h *host) TempDir() string {
	dir, err := os.MkdirTemp("", "duel-")
	if err != nil {
		h.Fatalf("%v", err)
	}
	h.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			h.Logf("%v", err)
		}
	})
	return dir
}
