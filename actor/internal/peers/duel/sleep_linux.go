package main

import (
	"syscall"
	"time"
)

// sleep is finer than time.Sleep, which in an otherwise idle process waits in epoll for whole milliseconds.
func sleep(d time.Duration) {
	wait := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&wait, nil) // cut short by a signal, the caller is early by less than a message's latency
}
