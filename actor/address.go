package actor

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// longestPath is how long a Unix socket's path can be on any system; some take a little less.
const longestPath = 107

// splitAddr returns what a dialer wants to know of NewProducer's address.
func splitAddr(addr string) (network, name string) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "unix", path
	}
	return "tcp", addr
}

// checkAddr reports an address to which no dialling can lead, rather than leave that to every attempt. What a Config.Dial is
// called with is its own affair.
func checkAddr(addr string, cfg *Config) error {
	network, name := splitAddr(addr)
	switch {
	case name == "":
		return errors.New("address is empty, must be host:port or unix:/path")
	case cfg.Dial != nil:
		return nil
	case network == "unix":
		return checkPath(addr, name, cfg.LocalAddr)
	}
	return checkHostPort(addr)
}

func checkPath(addr, path string, local net.Addr) error {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return fmt.Errorf("address %q is not host:port or unix:/path, with one slash before an absolute path", addr)
	}
	if len(path) > longestPath {
		return fmt.Errorf("address %q has a path of %d bytes, a Unix socket's has at most %d", addr, len(path), longestPath)
	}
	if local != nil {
		return fmt.Errorf("LocalAddr is %v, must be nil for a Unix socket such as %q", local, addr)
	}
	return nil
}

func checkHostPort(addr string) error {
	if strings.HasPrefix(addr, "/") {
		return fmt.Errorf("address %q is not host:port or unix:/path; a Unix socket is %q", addr, "unix:"+addr)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address %q is not host:port or unix:/path: %w", addr, err)
	}
	if port == "" {
		return fmt.Errorf("address %q has no port; nsqd's TCP port is by default 4150", addr)
	}
	number, err := net.LookupPort("tcp", port) // a name is looked up in the system's list of services
	if err == nil && number == 0 {
		err = errors.New("nobody listens on port 0")
	}
	if err != nil {
		return fmt.Errorf("address %q is not host:port or unix:/path: %w", addr, err)
	}
	return nil
}
