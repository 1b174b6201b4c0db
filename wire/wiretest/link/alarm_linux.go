package link

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// alarm lets one goroutine at a time sleep, to some 20 µs. The runtime's own timers are a millisecond late where nothing else
// goes on, since it waits for them in whole milliseconds; a timer that is a descriptor wakes it by itself.
type alarm struct{ timer *os.File }

const clockMonotonic = 1

func newAlarm() (*alarm, error) {
	fd, _, errno := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("timerfd_create", errno)
	}
	return &alarm{os.NewFile(fd, "timerfd")}, nil
}

// sleep returns after d, or when the alarm is closed.
func (a *alarm) sleep(d time.Duration) {
	conn, err := a.timer.SyscallConn()
	if err != nil {
		return // closed
	}
	once := struct{ interval, value syscall.Timespec }{value: syscall.NsecToTimespec(max(int64(d), 1))} // 0 would be never
	err = conn.Control(func(fd uintptr) {
		syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&once)), 0, 0, 0)
	})
	if err == nil {
		var rings [8]byte
		a.timer.Read(rings[:]) // an error says that it was closed
	}
}

func (a *alarm) close() { a.timer.Close() }
