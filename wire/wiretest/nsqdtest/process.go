package nsqdtest

import (
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second // from exec to both ports listening
	exitTimeout  = 15 * time.Second // from SIGTERM to the end
	stopTimeout  = 5 * time.Second  // from SIGSTOP to the last thread standing still
)

// Process is what Nsqd and Lookupd have in common.
type Process struct {
	TCPAddr  string // host:port for clients; the same after Restart
	HTTPAddr string // host:port of the HTTP interface; the same after Restart

	t       TB
	path    string
	flags   []string
	printed printed
	pid     atomic.Int64
	cmd     *exec.Cmd
	ended   chan struct{} // closed when cmd has ended and has been waited for
}

// start finds the program and starts it. What it registers with Cleanup runs before the removal of a t.TempDir that was made
// earlier.
func (p *Process) start(t TB, find func() (string, error), flags []string) {
	t.Helper()
	path, err := find()
	if err != nil {
		unavailable(t, err)
		return
	}
	p.t, p.path, p.flags = t, path, flags

	var release [2]func()
	for i, addr := range []*string{&p.TCPAddr, &p.HTTPAddr} {
		if *addr, release[i], err = holdPort(); err != nil {
			t.Fatalf("a free port for %s: %v", path, err)
		}
	}
	t.Cleanup(func() {
		p.Kill()
		release[0]()
		release[1]()
		if f, ok := t.(interface{ Failed() bool }); ok && f.Failed() && p.Log() != "" {
			t.Logf("the last lines of %s:\n%s", path, lastLines(p.Log(), 20))
		}
	})
	p.run()
}

// run starts one process and returns when both its ports listen and signals reach it as they should: a SIGTERM that came
// before nsqd asked to be told would end it as SIGKILL does, and nsqd listens first.
func (p *Process) run() {
	p.t.Helper()
	out := &watcher{to: &p.printed, listening: make(chan addresses, 1)}
	flags := append([]string{"-tcp-address=" + p.TCPAddr, "-http-address=" + p.HTTPAddr}, p.flags...)
	cmd := command(p.path, flags)
	cmd.Stdout, cmd.Stderr = out, out // one pipe, as they are equal
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.path, err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	p.pid.Store(int64(cmd.Process.Pid))
	go func() {
		_ = cmd.Wait() // how it ended is seen in its log
		close(ended)
	}()

	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case on := <-out.listening:
		p.TCPAddr, p.HTTPAddr = on.tcp, on.http
		if err := within(startTimeout, func() (bool, error) { return catchesSignals(p.Pid()) }); err != nil {
			p.t.Fatalf("%s catches no signals: %v:\n%s", p.path, err, lastLines(p.Log(), 20))
		}
	case <-ended:
		p.t.Fatalf("%s %s ended at once:\n%s", p.path, strings.Join(flags, " "), lastLines(p.Log(), 20))
	case <-timeout.C:
		p.t.Fatalf("%s did not listen within %v:\n%s", p.path, startTimeout, lastLines(p.Log(), 20))
	}
}

// Pid returns the process id; after Restart it is a new one.
func (p *Process) Pid() int { return int(p.pid.Load()) }

// Log returns all that the process printed so far, with what it printed before a Restart.
func (p *Process) Log() string { return p.printed.String() }

// Kill ends the process with SIGKILL, also when it is paused, and returns when it is gone. What it had in memory is lost, and
// so is a topic that is only some milliseconds old: nsqd writes its list of topics behind the answer. The ports stay reserved
// for Restart; until then connecting to them is refused. Killing what has ended does nothing.
func (p *Process) Kill() {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	if p.running() {
		_ = p.cmd.Process.Kill() // fails only if it ended meanwhile
	}
	<-p.ended
}

// Terminate ends the process with SIGTERM and returns when it is gone. nsqd writes its queues to disk before. A process
// that does not end within 15 s, as a paused one does not, fails the test. Terminating what has ended does nothing.
func (p *Process) Terminate() {
	p.t.Helper()
	if !p.running() {
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && p.running() {
		p.t.Fatalf("terminate %s: %v", p.path, err)
	}
	timeout := time.NewTimer(exitTimeout)
	defer timeout.Stop()
	select {
	case <-p.ended:
	case <-timeout.C:
		p.Kill()
		p.t.Fatalf("%s did not end within %v of SIGTERM", p.path, exitTimeout)
	}
}

// Restart starts a new process on the same ports and data path with the same flags, and returns when it accepts connections, as
// [Start] does. A process that still runs is terminated before.
func (p *Process) Restart() {
	p.t.Helper()
	p.Terminate()
	p.run()
}

func (p *Process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// within polls the condition every millisecond until it holds, fails or takes too long.
func within(limit time.Duration, condition func() (bool, error)) error {
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		ok, err := condition()
		if ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %v", limit)
		}
	}
}
