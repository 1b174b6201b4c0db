// Package leak tells tests what they left behind: goroutines of this module, and open descriptors.
package leak

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// TB is the part of testing.TB that this package needs.
type TB interface {
	Helper()
	Cleanup(func())
	Failed() bool
	Errorf(format string, args ...any)
}

const modulePath = "github.com/nsqactor/producer/"

var checking sync.Map // of the TB that have called Check, and have not ended

// Check, called when a test begins, makes it fail if goroutines of this module or descriptors are left when it has ended and
// its later clean-ups have run. Called again in the same test it does nothing: what that test has begun may still be starting.
// Tests that run in parallel must not use it.
func Check(t TB) {
	t.Helper()
	if _, again := checking.LoadOrStore(t, nil); again {
		return
	}
	goroutines, files := Goroutines(), descriptors()
	t.Cleanup(func() {
		checking.Delete(t)
		if t.Failed() {
			return // what leaks then is no news
		}
		var left []string
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			left = append(added(Goroutines(), goroutines), added(descriptors(), files)...)
			if len(left) == 0 {
				return
			}
			if time.Now().After(end) {
				break
			}
		}
		t.Errorf("left behind:\n%s", strings.Join(left, "\n\n"))
	})
}

func added(now, before map[string]string) (values []string) {
	for k, v := range now {
		if _, old := before[k]; !old {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return values
}

var head = regexp.MustCompile(`^goroutine (\d+) `)

// Goroutines returns the stacks of all goroutines but the caller's that run code of this module, or were started by it, by
// their numbers.
func Goroutines() map[string]string {
	found := make(map[string]string)
	for i, stack := range strings.Split(Stacks(), "\n\n") {
		number := head.FindStringSubmatch(stack)
		if i > 0 && number != nil && strings.Contains(stack, modulePath) {
			found[number[1]] = stack
		}
	}
	return found
}

// GoroutinesIn counts the goroutines of this module that are in a function of that name, as in "(*Producer).courier".
func GoroutinesIn(function string) (n int) {
	for _, stack := range Goroutines() {
		frames, _, _ := strings.Cut(stack, "\ncreated by ")
		for _, line := range strings.Split(frames, "\n") {
			if !strings.HasPrefix(line, "\t") && strings.Contains(line, function) {
				n++
				break
			}
		}
	}
	return n
}

// Stacks returns everybody's stack, the caller's first.
func Stacks() string {
	for size := 1 << 20; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return string(buf[:n])
		}
	}
}

// descriptors returns what is open, where the system tells. The runtime's own, opened when first needed, do not count.
func descriptors() map[string]string {
	found := make(map[string]string)
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range names {
		target, err := os.Readlink(name)
		if err == nil && target != "anon_inode:[eventpoll]" && target != "anon_inode:[eventfd]" && !strings.HasPrefix(target, "/dev/") {
			found[name+" "+target] = "descriptor " + name + " of " + target
		}
	}
	return found
}
