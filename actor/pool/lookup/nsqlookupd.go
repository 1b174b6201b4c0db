package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nsqactor/producer/actor/pool"
)

const (
	askWithin   = 2 * time.Second // given to one nsqlookupd, from the connect to the last byte of its answer
	mostBytes   = 16 << 20        // of one answer
	quotedBytes = 200             // of an answer that is no good, in an error
)

// Nsqlookupd returns a resolver that asks each nsqlookupd for its nodes and answers with the address of every nsqd that any of them
// knows, once, sorted as text. Each nsqd must have them all as its -lookupd-tcp-address, and a -broadcast-address that leads to it
// from here.
//
// An address is nsqlookupd's HTTP address, by default of port 4161, not TCP's 4160: host:port, or a URL of scheme http or https, to
// whose path /nodes is added. A nil client is one that goes through no proxy, as in NSQ's own programs, and keeps no connection.
//
// All are asked at once. One fails that cannot be reached, has not answered in full when 2 s have gone by, the client's Timeout has
// or ctx ends, or answers with anything else than up to 16 MiB of what nsqlookupd answers; so does one that knows a node without a
// broadcast address or with a port that is none. As long as another answers, nobody hears of that: an nsqd that the failing
// one alone knows is not in the answer then, and leaves the pool. When all fail, the error names each, and why.
//
// The answer is no better than what nsqlookupd knows. One that has just started knows an nsqd as soon as that has noticed and
// connected again, which takes up to 30 s: till then it knows none, or a part of them, and a second nsqlookupd is wanted. An nsqd
// that has ended is gone from it at once; one that was lost without a trace, or is stopped, stays for up to
// -inactive-producer-timeout, by default 5 minutes. Tombstones are disregarded: they hide one topic of an nsqd from consumers that
// look for it, and an nsqd that is there at all can be published to.
//
// Errors: no address, and all that is wrong with each.
func Nsqlookupd(addrs []string, client *http.Client) (pool.Resolver, error) {
	if len(addrs) == 0 {
		return nil, errors.New("lookup: no address of an nsqlookupd")
	}
	if client == nil {
		client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	}
	peers := make([]peer, len(addrs))
	var wrong []error
	for i, addr := range addrs {
		endpoint, err := nodesURL(addr)
		wrong = append(wrong, err)
		peers[i] = peer{client, endpoint}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("lookup: %w", err)
	}
	return func(ctx context.Context) ([]string, error) { return union(ctx, peers) }, nil
}

// nodesURL returns where the nsqlookupd at that address lists its nodes. Like go-nsq it wants a port, but for a URL, which has one
// by its scheme.
func nodesURL(addr string) (*url.URL, error) {
	if addr == "" {
		return nil, errors.New("an address is empty, must be host:port or a URL")
	}
	text := addr
	if !strings.Contains(addr, "://") {
		if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
			return nil, fmt.Errorf("address %q is not host:port, such as 127.0.0.1:4161, and no URL", addr)
		}
		text = "http://" + addr
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err // else the address stands there twice
		}
		return nil, fmt.Errorf("address %q: %w", addr, err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("address %q has the scheme %s, must be http or https", u.Redacted(), u.Scheme)
	case u.Hostname() == "":
		return nil, fmt.Errorf("address %q has no host", u.Redacted())
	}
	return u.JoinPath("nodes"), nil
}

// peer is one nsqlookupd.
type peer struct {
	client *http.Client
	nodes  *url.URL
}

// union asks all peers at once, and returns when each has answered or failed.
func union(ctx context.Context, peers []peer) ([]string, error) {
	type answer struct {
		from  int
		addrs []string
		err   error
	}
	answers := make(chan answer)
	for i, p := range peers {
		go func() {
			addrs, err := p.ask(ctx)
			answers <- answer{i, addrs, err}
		}()
	}
	var all []string
	failures := make([]error, len(peers)) // in the order of the peers, not of their failing
	failed := 0
	for range peers {
		a := <-answers
		if a.err != nil {
			failures[a.from] = fmt.Errorf("nsqlookupd %s: %w", peers[a.from].nodes.Redacted(), a.err)
			failed++
		}
		all = append(all, a.addrs...)
	}
	if failed == len(peers) {
		return nil, fmt.Errorf("lookup: %w", errors.Join(failures...))
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// ask returns the addresses of the nsqd that the peer knows.
func (p peer) ask(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.nodes.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/vnd.nsq; version=1.0") // or one before 1.0 would put its answer into an envelope
	response, err := p.client.Do(request)
	if err != nil {
		var get *url.Error
		if errors.As(err, &get) {
			err = get.Err // the caller names the URL
		}
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBytes+1))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %s: %.*q", response.Status, quotedBytes, body)
	case len(body) > mostBytes:
		return nil, fmt.Errorf("the answer is larger than %d bytes", mostBytes)
	}
	return addresses(body)
}
