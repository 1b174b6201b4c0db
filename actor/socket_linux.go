package actor

import (
	"net"
	"syscall"
)

const (
	tcpNotsentLowat = 25        // the socket option TCP_NOTSENT_LOWAT, which package syscall does not name
	unsentBytes     = 128 << 10 // two pieces: the kernel has something to send while the loop brings the next
)

// boundUnsent keeps the kernel from taking much more than it can send soon; what is on its way does not count. Left to itself
// it takes megabytes ahead, which on a slow path are under way for longer than ResponseTimeout although they move all the
// time, and which at the end of a connection are unknown instead of not sent. Where it cannot be set, that is how it stays.
func boundUnsent(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // closed
	}
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotsentLowat, unsentBytes)
	})
}
