package lookup

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// node is what nsqlookupd knows of an nsqd, as far as it matters here (nsqio/nsq v1.3.0, nsqlookupd/http.go, node).
type node struct {
	RemoteAddress    string `json:"remote_address"` // where it connected to nsqlookupd from
	Hostname         string `json:"hostname"`
	BroadcastAddress string `json:"broadcast_address"` // since NSQ 0.2.17
	TCPPort          int    `json:"tcp_port"`          // -broadcast-tcp-port
}

// addresses reads an answer of nsqlookupd to GET /nodes. It comes in two shapes:
//
//	{"producers":[{"broadcast_address":"nsqd1","tcp_port":4150, ...}, ...]}
//	{"status_code":200,"status_txt":"OK","data":{"producers":[...]}}
//
// The envelope of the second is that of versions before 1.0, unless they are asked for "version=1.0", which they know since 0.2.29
// (nsqio/nsq v0.3.8, internal/http_api/api_response.go, NegotiateVersion; v1.3.0, V1).
func addresses(answer []byte) ([]string, error) {
	var reply struct {
		Producers  *[]node `json:"producers"`
		StatusCode int     `json:"status_code"`
		StatusText string  `json:"status_txt"`
		Data       struct {
			Producers *[]node `json:"producers"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return nil, fmt.Errorf("%w: %.*q", err, quotedBytes, answer)
	}
	nodes := reply.Producers
	if nodes == nil {
		nodes = reply.Data.Producers
	}
	switch {
	case reply.StatusCode != 0 && reply.StatusCode != 200:
		return nil, fmt.Errorf("status_code %d: %.*q", reply.StatusCode, quotedBytes, reply.StatusText)
	case nodes == nil:
		return nil, fmt.Errorf("the answer has no producers: %.*q", quotedBytes, answer)
	}
	addrs := make([]string, len(*nodes))
	for i, n := range *nodes {
		if err := n.check(); err != nil {
			return nil, fmt.Errorf("node %q, of hostname %q and remote address %q: %w", n.BroadcastAddress, n.Hostname, n.RemoteAddress, err)
		}
		addrs[i] = net.JoinHostPort(n.BroadcastAddress, strconv.Itoa(n.TCPPort))
	}
	return addrs, nil
}

// check refuses a node that nobody can connect to. nsqlookupd itself wants a broadcast address and a port that is not 0.
func (n *node) check() error {
	if n.BroadcastAddress == "" {
		return errors.New("its broadcast_address is empty")
	}
	if _, err := netip.ParseAddr(n.BroadcastAddress); err != nil && strings.Contains(n.BroadcastAddress, ":") {
		return errors.New("its broadcast_address has a colon, but is no IPv6 address")
	}
	if n.TCPPort < 1 || n.TCPPort > 65535 {
		return fmt.Errorf("its tcp_port is %d, must be from 1 to 65535", n.TCPPort)
	}
	return nil
}
