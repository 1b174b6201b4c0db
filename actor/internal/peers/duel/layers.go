package main

import (
	"crypto/tls"
	"strings"
	"time"

	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// layers is what lies between the publishers and the network.
type layers string

const (
	plain      layers = ""
	encrypted  layers = "TLS"
	compressed layers = "deflate"
	both       layers = "TLS+deflate"
)

func (l layers) deflate() bool { return strings.HasSuffix(string(l), string(compressed)) }

// certified returns the flags with which nsqd offers TLS, and what a client needs to believe it.
func (l layers) certified(t nsqdtest.TB) (flags []string, client *tls.Config) {
	if !strings.HasPrefix(string(l), string(encrypted)) {
		return nil, nil
	}
	a := authority.New(t)
	return a.Flags("127.0.0.1", time.Hour), &tls.Config{RootCAs: a.Pool}
}
