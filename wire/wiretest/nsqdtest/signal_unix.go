//go:build unix

package nsqdtest

import "syscall"

// Pause stops the process with SIGSTOP and returns when it stands still: its connections stay open, and the kernel goes on
// accepting connections and bytes for it until its buffers are full, but nothing is read or answered. It waits
// for 5 s at most.
func (p *Process) Pause() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		p.t.Fatalf("pause %s: %v", p.path, err)
	}
	if err := within(stopTimeout, func() (bool, error) { return stopped(p.Pid()) }); err != nil {
		p.t.Fatalf("pause %s: %v", p.path, err)
	}
}

// Resume lets a paused process go on, with SIGCONT.
func (p *Process) Resume() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		p.t.Fatalf("resume %s: %v", p.path, err)
	}
}
