//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package nsqdtest

// lockFile does nothing here: two test processes may build nsqd at once, and one of the results is kept.
func lockFile(string) (unlock func()) { return func() {} }
