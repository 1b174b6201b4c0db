//go:build !linux

package link

import "net"

var listening net.ListenConfig
