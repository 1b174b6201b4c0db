//go:build !linux

package actor

import "net"

// boundUnsent does nothing here: how much the kernel takes ahead is the system's affair.
func boundUnsent(net.Conn) {}
