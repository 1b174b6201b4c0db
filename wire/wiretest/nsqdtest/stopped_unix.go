//go:build unix && !linux

package nsqdtest

import (
	"os/exec"
	"strconv"
	"strings"
)

// stopped reports whether ps says that the process is stopped.
func stopped(pid int) (bool, error) {
	out, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	return strings.HasPrefix(strings.TrimSpace(string(out)), "T"), err
}
