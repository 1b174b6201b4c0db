package nsqdtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// stopped reports whether all threads of the process are in state T. The first thread's state, /proc/<pid>/stat, alone would
// not do: others may still be on their way.
func stopped(pid int) (bool, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		return false, fmt.Errorf("process %d has ended", pid)
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			return false, nil // this thread ended meanwhile: look again
		}
		// "pid (name) state ...": the name may contain anything, parentheses too.
		_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		switch {
		case len(rest) == 0 || rest[0] == 'Z':
			return false, fmt.Errorf("process %d has ended", pid)
		case rest[0] != 'T':
			return false, nil
		}
	}
	return true, nil
}
