package actor_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// patience is how long a test waits for what must happen, and which nothing is measured by.
const patience = 20 * time.Second

// newDouble starts a double of nsqd on loopback with these faults, and closes it when the test has ended.
func newDouble(t testing.TB, faults ...wiretest.Fault) *wiretest.Server {
	t.Helper()
	srv := wiretest.NewServer(faults...)
	t.Cleanup(srv.Close)
	return srv
}

// newProducer makes a producer, and shuts it down when the test has ended, giving what is pending next to no time.
func newProducer(t testing.TB, addr string, cfg *actor.Config) *actor.Producer {
	t.Helper()
	p, err := actor.NewProducer(addr, cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		p.Shutdown(ctx)
	})
	return p
}

// testContext ends with the test, or after patience.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// started runs f on a goroutine of its own and returns a channel that has its result when it has returned.
func started[T any](f func() T) <-chan T {
	result := make(chan T, 1)
	go func() { result <- f() }()
	return result
}

// receive returns the next value from a channel. With none within patience the test fails with everybody's stack.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case v := <-from:
		return v
	case <-timeout.C:
		require.FailNow(t, "nothing came", "%s", stacks())
		panic("not reached")
	}
}

// eventually waits until a condition holds that nobody reports. It looks on the test's own goroutine, so that the condition may
// count goroutines.
func eventually(t testing.TB, holds func() bool, what string) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			require.FailNow(t, "not in time: "+what, "%s", stacks())
		}
	}
}

// requireBooks checks the account of a producer at rest.
func requireBooks(t testing.TB, p *actor.Producer) {
	t.Helper()
	s := p.Stats()
	require.Equal(t, s.Submitted, s.Acked+s.Refused+s.NotSent+s.Unknown+s.Pending, "%+v", s)
}

// checkLeaks, called when a test begins, makes it fail if goroutines of this module or descriptors are left when it has
// ended and its later clean-ups have run. Tests that run in parallel must not use it.
func checkLeaks(t testing.TB) {
	t.Helper()
	goroutines, files := moduleGoroutines(), descriptors()
	t.Cleanup(func() {
		if t.Failed() {
			return // what leaks then is no news
		}
		var leaked []string
		for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			leaked = append(newKeys(moduleGoroutines(), goroutines), newKeys(descriptors(), files)...)
			if len(leaked) == 0 {
				return
			}
			if time.Now().After(end) {
				break
			}
		}
		t.Errorf("left behind:\n%s", strings.Join(leaked, "\n\n"))
	})
}

func newKeys(now, before map[string]string) (values []string) {
	for k, v := range now {
		if _, old := before[k]; !old {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return values
}

const modulePath = "github.com/nsqactor/producer/"

var goroutineHead = regexp.MustCompile(`^goroutine (\d+) `)

// moduleGoroutines returns the stacks of all goroutines but the caller's that run code of this module, or were started by it,
// by their numbers.
func moduleGoroutines() map[string]string {
	found := make(map[string]string)
	for i, stack := range strings.Split(stacks(), "\n\n") {
		head := goroutineHead.FindStringSubmatch(stack)
		if i > 0 && head != nil && strings.Contains(stack, modulePath) {
			found[head[1]] = stack
		}
	}
	return found
}

// goroutinesIn counts the goroutines of this module that are in a function of that name, as in "(*Producer).courier".
func goroutinesIn(function string) (n int) {
	for _, stack := range moduleGoroutines() {
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

// stacks returns everybody's stack, the caller's first.
func stacks() string {
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
