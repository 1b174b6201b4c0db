package link

import (
	"net"
	"syscall"
)

// ethernet is the size of the largest segments that clients send, as on an Ethernet. Those of the loopback device are so
// large beside a small receive buffer that a slow path would come to a standstill for a second at a time.
const ethernet = 1448

var listening = net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, ethernet)
	})
	if err != nil {
		return err
	}
	return failed
}}
