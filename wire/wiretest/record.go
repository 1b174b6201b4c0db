package wiretest

import (
	"bytes"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// Message is a message that the server took.
type Message struct {
	Topic   string
	Body    []byte
	Delay   time.Duration // of DPUB
	Command string        // what carried it: "PUB", "MPUB" or "DPUB"
	Index   int           // its place within an MPUB, from 0
	Conn    int           // the connection's number, from 1
	Number  int           // the place of its command on the connection, from 1, IDENTIFY and NOP counted
	Read    int           // which read of the connection brought its last byte, from 1; see [ConnStats]
}

// Stats counts what happened since the server started.
type Stats struct {
	Conns      int   // connections accepted
	Open       int   // of these, not yet ended
	Commands   int   // commands read, refused ones and those below included
	Publishes  int   // PUB, MPUB and DPUB that were executed
	Nops       int   // NOP
	Refused    int   // commands answered with an error frame, by script or by nsqd's rules
	Messages   int   // messages taken
	Bytes      int64 // of their bodies
	Heartbeats int   // sent
	Reads      int   // of all connections; see ConnStats
	Struck     int   // how often a fault of the script struck; one that holds up its connection does so by then
}

// ConnStats counts what happened on one connection.
type ConnStats struct {
	Number   int                  // from 1, in the order of acceptance
	Open     bool                 // not yet ended
	Identify []byte               // the body of its last IDENTIFY, nil before
	Auth     []byte               // the secret of its last AUTH, nil before
	TLS      *tls.ConnectionState // nil before a TLS handshake was done; not to be changed
	Deflate  int                  // its level, 0 without
	Snappy   bool
	Commands int
	Nops     int
	Messages int
	Reads    int   // reads of the socket that returned bytes; a write that fits the buffers is taken by one
	Bytes    int64 // that these reads returned: encrypted or compressed ones, where there are upgrades
	Writes   int   // the client's own writes; counted on in-memory connections only, otherwise 0
}

// record is what the server remembers.
type record struct {
	discard bool

	mu       sync.Mutex // guards the rest
	changed  sync.Cond
	changes  uint64 // how often something of it has changed
	waiting  int
	ended    bool
	stats    Stats
	messages []Message
	topics   map[string]int
	conns    []*seen
}

// seen is what is known of one connection. The record's mutex guards it.
type seen struct {
	record *record
	stats  ConnStats
	pipe   *pipeConn // nil for TCP
}

func (r *record) init(discard bool) {
	r.discard = discard
	r.changed.L = &r.mu
	r.topics = make(map[string]int)
}

// Messages returns the messages that were taken so far, in the order of their execution, deferred ones at once; none under
// [Config].Discard. A message is there before it is answered. The caller may keep and change the slice, but not the bodies' bytes.
func (s *Server) Messages() []Message {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return append([]Message(nil), s.record.messages...)
}

// MessageCount returns how many messages the topic has taken, 0 if there is no such topic. It counts under [Config].Discard too.
func (s *Server) MessageCount(topic string) int {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return s.record.topics[topic]
}

// Stats returns the counts as they stand, all of one moment.
func (s *Server) Stats() Stats {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return s.record.stats
}

// Conns returns the counts of each connection so far, ended ones included, by number: the first is number 1. The caller may
// keep and change the slice, but not what Identify, Auth and TLS point to.
func (s *Server) Conns() []ConnStats {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	all := make([]ConnStats, len(s.record.conns))
	for i, c := range s.record.conns {
		all[i] = c.stats
		if c.pipe != nil {
			all[i].Writes = c.pipe.in.written()
		}
	}
	return all
}

func (r *record) conn(nc net.Conn) *seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &seen{record: r, stats: ConnStats{Number: len(r.conns) + 1, Open: true}}
	c.pipe, _ = nc.(*pipeConn)
	r.conns = append(r.conns, c)
	r.stats.Conns++
	r.stats.Open++
	r.tell()
	return c
}

func (c *seen) ended() {
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	c.stats.Open = false
	c.record.stats.Open--
	c.record.tell()
}

func (c *seen) read(n int) {
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	c.stats.Reads++
	c.stats.Bytes += int64(n)
	c.record.stats.Reads++
	c.record.tell()
}

func (c *seen) encrypted(state *tls.ConnectionState) {
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	c.stats.TLS = state
	c.record.tell()
}

func (c *seen) compressed(granted upgrades) {
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	c.stats.Deflate, c.stats.Snappy = granted.deflate, granted.snappy
	c.record.tell()
}

func (c *seen) heartbeat() {
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	c.record.stats.Heartbeats++
	c.record.tell()
}

func (c *seen) struck() {
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	c.record.stats.Struck++
	c.record.tell()
}

func (c *seen) refused() {
	c.record.mu.Lock()
	defer c.record.mu.Unlock()
	c.record.stats.Refused++
	c.record.tell()
}

// command counts a command and returns its place on the connection.
func (c *seen) command(cmd *command) int {
	r := c.record
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Commands++
	c.stats.Commands++
	switch cmd.Name {
	case "NOP":
		r.stats.Nops++
		c.stats.Nops++
	case "IDENTIFY":
		c.stats.Identify = bytes.Clone(cmd.bodies[0])
	case "AUTH":
		c.stats.Auth = bytes.Clone(cmd.bodies[0])
	}
	r.tell()
	return c.stats.Commands
}

// publish keeps what a publishing command brought.
func (c *seen) publish(cmd *command) {
	r := c.record
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Publishes++
	r.stats.Messages += cmd.Messages
	r.stats.Bytes += int64(cmd.Bytes)
	c.stats.Messages += cmd.Messages
	r.topics[cmd.Topic] += cmd.Messages
	if !r.discard {
		for i, body := range cmd.bodies {
			r.messages = append(r.messages, Message{
				Topic: cmd.Topic, Body: bytes.Clone(body), Delay: cmd.Delay, Command: cmd.Name,
				Index: i, Conn: c.stats.Number, Number: c.stats.Commands, Read: c.stats.Reads,
			})
		}
	}
	r.tell()
}
