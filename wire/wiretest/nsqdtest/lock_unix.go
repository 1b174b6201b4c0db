//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package nsqdtest

import (
	"os"
	"syscall"
)

// lockFile waits until this process has the lock and returns what gives it back. The kernel gives it back for a process that
// dies. Where locking does not work, nobody waits.
func lockFile(path string) (unlock func()) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return func() {}
	}
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	return func() { _ = f.Close() }
}
