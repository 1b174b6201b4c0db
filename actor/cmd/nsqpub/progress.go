package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/nsqactor/producer/actor"
)

// progress is a line of a terminal that says how far the program has come.
type progress struct {
	account  *account
	inFlight func() uint64
	size     uint64        // of the input, in bytes; 0: not known
	passed   func() uint64 // how many of them are behind
	began    time.Time
}

// show keeps the line up to date until the function that it returns is called.
func (p progress) show(terminal io.Writer) (end func()) {
	ticker := time.NewTicker(time.Second)
	stop, cleared := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(cleared)
		p.renew(terminal, ticker.C, stop)
	}()
	return func() {
		ticker.Stop()
		close(stop)
		<-cleared
	}
}

// renew writes the line at each tick, until stop is closed; then it clears it.
func (p progress) renew(w io.Writer, ticks <-chan time.Time, stop <-chan struct{}) {
	const clear = "\r\x1b[K"
	then, before := p.began, uint64(0)
	for {
		select {
		case now := <-ticks:
			acked := p.account.count(actor.Acked)
			rate := float64(acked-before) / max(now.Sub(then), 1).Seconds()
			text := fmt.Sprintf("%d acked  %.0f messages/s  %d in flight", acked, rate, p.inFlight())
			if lost := p.account.lost(); lost > 0 {
				text += fmt.Sprintf("  %d not acked", lost)
			}
			fmt.Fprint(w, clear+text+p.left(now))
			then, before = now, acked
		case <-stop:
			fmt.Fprint(w, clear)
			return
		}
	}
}

// left says how much of the input is done and how long the rest takes, if it goes on as it has so far.
func (p progress) left(now time.Time) string {
	if p.size == 0 {
		return ""
	}
	passed := min(p.passed(), p.size) // a file may have grown
	percent := fmt.Sprintf("  %d%%", passed*100/p.size)
	if passed == 0 {
		return percent
	}
	rest := float64(now.Sub(p.began)) * (float64(p.size)/float64(passed) - 1)
	return fmt.Sprintf("%s  %v left", percent, time.Duration(rest).Round(time.Second))
}

// sizeOf returns how many bytes there are to read where that is known, which it is of a regular file; otherwise 0.
func sizeOf(r io.Reader) uint64 {
	file, ok := r.(*os.File)
	if !ok {
		return 0
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	at, err := file.Seek(0, io.SeekCurrent) // somebody may have read some of it
	if err != nil {
		return 0
	}
	return uint64(max(info.Size()-at, 0))
}

// isTerminal reports whether w is a terminal, or another device that takes characters, such as the null device.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
