// Package wire knows the bytes of nsqd's TCP protocol, version V2, as a producer speaks it: the commands that go out, the
// frames that come back, the rules for topics, and what nsqd's error codes say about a message's fate. It starts no goroutine,
// dials nothing and reads no clock.
//
// Encoders append to a slice and return it, like [strconv.AppendInt]. A [Reader] turns a stream into frames without
// allocating. [ReadCommand] is the other direction, for servers in tests.
//
// The facts come from the protocol's description at nsq.io/clients/tcp_protocol_spec and, where the two differ, from nsqd
// itself (nsqio/nsq v1.3.0, directory nsqd). Integers are big-endian throughout.
package wire
