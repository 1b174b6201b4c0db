//go:build !linux

package nsqdtest

import "os/exec"

// command is the server's. A server whose test program is gone ends at its next log line, by the broken pipe.
func command(path string, flags []string) *exec.Cmd { return exec.Command(path, flags...) }

// catchesSignals does not know here, and hopes.
func catchesSignals(int) (bool, error) { return true, nil }

// holdPort lets the server choose its port, which is then read from its log. While a killed server is not restarted, its port
// is free for others.
func holdPort() (addr string, release func(), err error) {
	return "127.0.0.1:0", func() {}, nil
}
