// Package wire knows the bytes of nsqd's TCP protocol, version V2, as a producer speaks it: the commands that go out, the
// frames that come back, the rules for topics, and what nsqd's error codes say about a message's fate. It starts no goroutine,
// dials nothing and reads no clock.
//
// Encoders append to a slice and return it, like [strconv.AppendInt]. A [Reader] turns a stream into frames without
// allocating. [ReadCommand] is the other direction, for servers in tests. These two wait as long as what they read from does, nothing
// else here waits; and but for a Reader everything may be used by any number of goroutines at once, each with a slice of its own to
// append to.
//
// The facts come from the protocol's description at nsq.io/clients/tcp_protocol_spec and, where the two differ, from nsqd
// itself (nsqio/nsq v1.3.0, directory nsqd). Integers are big-endian throughout.
package wire
