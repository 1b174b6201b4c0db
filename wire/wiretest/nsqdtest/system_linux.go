package nsqdtest

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// command starts the server by way of a shell that ignores SIGINT and then becomes the server: Go programs leave an ignored
// SIGINT alone until they ask for it, so that catchesSignals can see when that is.
//
// The kernel kills the server when this test program ends without its clean-ups, as after a test timeout. (Strictly, when the
// thread ends that started the server; Go keeps its threads, unless a goroutine locked to one returns.)
func command(path string, flags []string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", append([]string{"-c", `trap "" INT; exec "$0" "$@"`, path}, flags...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// catchesSignals reports whether the process has asked for SIGINT, as nsqd and nsqlookupd do together with SIGTERM.
func catchesSignals(pid int) (bool, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false, err
	}
	_, rest, _ := strings.Cut(string(status), "\nSigCgt:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	caught, err := strconv.ParseUint(mask, 16, 64)
	return caught&(1<<(syscall.SIGINT-1)) != 0, err
}

// holdPort reserves a free port of 127.0.0.1 until release is called. Its socket is bound, but does not listen, and has
// SO_REUSEADDR: a server with the same option, as Go's are, can listen on the port, and do so again after a kill, while the
// kernel gives the port to nobody else meanwhile. Without this, an outgoing connection of any process could take the port of a
// server that is to be restarted.
func holdPort() (addr string, release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	release = func() { _ = syscall.Close(fd) }
	fail := func(call string, err error) (string, func(), error) {
		release()
		return "", nil, os.NewSyscallError(call, err)
	}
	loopback := [4]byte{127, 0, 0, 1}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return fail("setsockopt", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: loopback}); err != nil {
		return fail("bind", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return fail("getsockname", err)
	}
	port := name.(*syscall.SockaddrInet4).Port
	return netip.AddrPortFrom(netip.AddrFrom4(loopback), uint16(port)).String(), release, nil
}
