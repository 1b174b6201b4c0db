package link_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest/link"
)

// Close leaves no goroutine and no descriptor, in whatever state it finds the connections.
func TestCloseLeavesNothing(t *testing.T) {
	t.Run("warm up", func(t *testing.T) { newServer(t).connect() }) // what the runtime opens once and keeps
	goroutines, descriptors := runtime.NumGoroutine(), countDescriptors(t)
	for name, fault := range map[string]func(*link.Link){
		"none":        func(*link.Link) {},
		"long path":   func(l *link.Link) { l.RoundTrip(time.Hour) },
		"slow path":   func(l *link.Link) { l.Rate(1) },
		"stall":       (*link.Link).Stall,
		"swallow":     (*link.Link).Swallow,
		"reset":       (*link.Link).ResetAll,
		"close":       (*link.Link).CloseAll,
		"limit up":    func(l *link.Link) { l.LimitUp(10, link.Stall) },
		"limit down":  func(l *link.Link) { l.LimitDown(10, link.Swallow) },
		"limit once":  func(l *link.Link) { l.LimitUp(10, link.Reset.Once()) },
		"limit of 0":  func(l *link.Link) { l.LimitUp(0, link.Reset) },
		"unreachable": func(*link.Link) {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			client, served := s.connect()
			half, _ := s.connect()
			require.NoError(t, half.CloseWrite())
			fault(s.path)
			if name == "unreachable" {
				require.NoError(t, s.listener.Close())
			}
			background(t, func() { client.Write(make([]byte, 64<<20)) })
			background(t, func() { served.Write(make([]byte, 64<<20)) })
			if name != "limit of 0" && name != "unreachable" {
				s.dial().Write(make([]byte, 100))
			}
			time.Sleep(10 * time.Millisecond) // for the state to be one of work
			s.path.Close()
			s.path.Close()
			require.Zero(t, s.path.Stats().Open)
		})
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) { // goroutines that were woken need a moment to go
		if runtime.NumGoroutine() <= goroutines && countDescriptors(t) <= descriptors {
			return
		}
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines and %d descriptors more than before:\n%s", runtime.NumGoroutine()-goroutines,
				countDescriptors(t)-descriptors, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func countDescriptors(t *testing.T) int {
	if runtime.GOOS != "linux" {
		return 0
	}
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}
