//go:build !linux

package link

import "time"

// alarm lets one goroutine at a time sleep, as exactly as the runtime's timers are.
type alarm struct{ closed chan struct{} }

func newAlarm() (*alarm, error) { return &alarm{make(chan struct{})}, nil }

// sleep returns after d, or when the alarm is closed.
func (a *alarm) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.closed:
	}
}

func (a *alarm) close() { close(a.closed) }
