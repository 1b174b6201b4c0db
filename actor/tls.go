package actor

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
)

// tlsConfig returns what each connection of a producer begins TLS with, nil for none. It is a copy of the user's, which stays as
// it is.
func tlsConfig(addr string, cfg *Config) (*tls.Config, error) {
	if !cfg.TlsV1 {
		return nil, nil
	}
	own := &tls.Config{}
	if cfg.TlsConfig != nil {
		own = cfg.TlsConfig.Clone()
	}
	if own.ServerName == "" {
		own.ServerName = hostOf(addr)
	}
	if own.ServerName == "" && !own.InsecureSkipVerify {
		return nil, fmt.Errorf("address %q has no host to verify nsqd's certificate by: TlsConfig must have a ServerName", addr)
	}
	if own.ClientSessionCache == nil && own.VerifyPeerCertificate == nil && own.ServerName != "" {
		own.ClientSessionCache = tls.NewLRUClientSessionCache(1) // the producer's connections all go to one server
	}
	own.Renegotiation = tls.RenegotiateNever // nsqd never asks; it would write while the loop does
	return own, nil
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || strings.HasPrefix(addr, "unix:") {
		return ""
	}
	host, _, _ = strings.Cut(host, "%") // an IPv6 zone is this machine's word, and no certificate has it
	return host
}
