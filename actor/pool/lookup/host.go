package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/nsqactor/producer/actor/pool"
)

// Host returns a resolver that looks up a name, as of a headless service, and answers with each of its IP addresses, once, with the
// port, sorted as text. hostport is like "nsqd.internal:4150"; its port may be the name of a service. A nil resolver is,
// as package net has it, the default one.
//
// Every address counts as an nsqd of its own. So the name should have one per nsqd, not both an IPv4 and an IPv6 address; and
// its name server should answer with all of them each time: those that it leaves out leave the pool.
//
// Errors of Host: what is wrong with hostport. Of the resolver: what net.Resolver says, which is a *net.DNSError and names the host.
func Host(hostport string, resolver *net.Resolver) (pool.Resolver, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, fmt.Errorf("lookup: %q is not host:port: %w", hostport, err)
	}
	if host == "" {
		return nil, fmt.Errorf("lookup: %q has no host", hostport)
	}
	number, err := net.LookupPort("tcp", port)
	if err == nil && number == 0 {
		err = errors.New("nobody listens on port 0")
	}
	if err != nil {
		return nil, fmt.Errorf("lookup: the port of %q: %w", hostport, err)
	}
	return func(ctx context.Context) ([]string, error) {
		addrs, err := resolver.LookupHost(ctx, host)
		if err != nil {
			return nil, err
		}
		for i, addr := range addrs {
			addrs[i] = net.JoinHostPort(addr, port)
		}
		slices.Sort(addrs)
		return slices.Compact(addrs), nil
	}, nil
}
