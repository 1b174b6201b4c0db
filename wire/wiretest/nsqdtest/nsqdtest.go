// Package nsqdtest runs real nsqd and nsqlookupd processes for tests and benchmarks, on free ports of 127.0.0.1:
//
//	nsqd := nsqdtest.Start(t, "-mem-queue-size=0")
//	conn, err := net.Dial("tcp", nsqd.TCPAddr)
//	...
//	nsqd.Kill()    // as kill -9 would
//	nsqd.Restart() // same ports, same data
//	bodies := nsqd.ReadBack("topic")
//
// The processes end with their test. Where they come from: $PATH, if what is there is version 1.3 or later; otherwise they
// are built once, at the version that this library's repository pins, into the user's cache directory. Where neither
// works, for example outside a checkout, the test is skipped; with CI=true in the environment it fails instead.
//
// What fails, or takes too long, fails the test at once by Fatalf: so the functions return no errors, and belong on the test's own
// goroutine. [Process.Log] and [Process.Pid] may be called from any goroutine, and at once; the rest by one at a time.
package nsqdtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
)

// TB is the part of [testing.TB] that this package needs. *testing.T, *testing.B and *testing.F have it. Fatalf and Skipf must not
// return, as theirs do not.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
	TempDir() string
}

// Nsqd is one nsqd. Its HTTP methods do not work under -tls-required=true, with which nsqd refuses plain HTTP.
type Nsqd struct{ Process }

// Lookupd is one nsqlookupd. Give its TCPAddr to nsqd as -lookupd-tcp-address.
type Lookupd struct{ Process }

// Start starts an nsqd with an empty data path of its own and returns when it accepts connections, within a minute; the first
// of all may have to be built before, within 5 minutes. Flags are nsqd's; they come after this package's own and win over them. A
// -log-level above info would hide the lines that Start waits for.
func Start(t TB, flags ...string) *Nsqd {
	t.Helper()
	n := new(Nsqd)
	n.start(t, nsqdPath, append([]string{
		"-data-path=" + t.TempDir(),
		"-broadcast-address=127.0.0.1",
		"-https-address=127.0.0.1:0", // only used with a certificate; the default is a fixed port
	}, flags...))
	return n
}

// StartLookupd starts an nsqlookupd and returns when it accepts connections, as [Start] does for nsqd.
func StartLookupd(t TB, flags ...string) *Lookupd {
	t.Helper()
	l := new(Lookupd)
	l.start(t, lookupdPath, append([]string{"-broadcast-address=127.0.0.1"}, flags...))
	return l
}

// MessageCount asks nsqd, as [Process.Get] does, and returns how many messages it took for the topic since it started, 0 if there
// is no such topic. A message that was answered OK has been counted. Messages that an earlier process left on disk are not counted.
func (n *Nsqd) MessageCount(topic string) uint64 {
	n.t.Helper()
	status, body := n.Get("/stats?format=json&include_clients=false&topic=" + url.QueryEscape(topic))
	if status != http.StatusOK {
		n.t.Fatalf("nsqd: stats of topic %q: status %d: %s", topic, status, body)
	}
	var stats struct {
		Topics []struct {
			Name         string `json:"topic_name"`
			MessageCount uint64 `json:"message_count"`
		} `json:"topics"`
	}
	if err := json.Unmarshal([]byte(body), &stats); err != nil {
		n.t.Fatalf("nsqd: stats of topic %q: %v: %s", topic, err, body)
	}
	for _, s := range stats.Topics {
		if s.Name == topic {
			return s.MessageCount
		}
	}
	return 0
}

// CreateTopic creates the topic, if it does not exist, and returns when it does.
func (n *Nsqd) CreateTopic(topic string) {
	n.t.Helper()
	n.topic("create", topic)
}

// DeleteTopic deletes the topic with all its messages, and returns when it is gone. A topic that does not exist fails the test.
func (n *Nsqd) DeleteTopic(topic string) {
	n.t.Helper()
	n.topic("delete", topic)
}

func (n *Nsqd) topic(action, topic string) {
	n.t.Helper()
	status, body := n.Post("/topic/"+action+"?topic="+url.QueryEscape(topic), "")
	if status != http.StatusOK {
		n.t.Fatalf("nsqd: %s topic %q: status %d: %s", action, topic, status, body)
	}
}

// unavailable ends the test that cannot have its server.
func unavailable(t TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("no real nsqd, and with CI=true that is a failure: %v", err)
	}
	t.Skipf("no real nsqd: %v", err)
}
