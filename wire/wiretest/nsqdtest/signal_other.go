//go:build !unix

package nsqdtest

// Pause fails the test: this system cannot stop a process.
func (p *Process) Pause() {
	p.t.Helper()
	p.t.Fatalf("this system cannot pause a process")
}

// Resume does nothing, as there is no Pause.
func (p *Process) Resume() {}
