// Package link provides a TCP path between a client and a server in a test, whose faults the test controls: the path is long,
// or slow, it stalls, it breaks, or the peer behind it vanishes. The server may be a real nsqd or the double in package
// wiretest; nothing here knows NSQ.
//
//	path := link.New(nsqd.TCPAddr)
//	defer path.Close()
//	// let the program under test connect to path.Addr, then make it hard:
//	path.RoundTrip(5 * time.Millisecond)
//	path.Rate(125_000)
//	path.LimitUp(100, link.Reset.Once())
//
// A [Link] listens on a free port of 127.0.0.1 and opens a connection to the server for each that it accepts. Up is the way
// from client to server, down the way back. With no fault set, bytes pass as they come. What ends a connection passes too,
// behind all bytes that came before it: a half-close, which leaves the other way open, as well as a reset. A client whose
// server cannot be reached is reset.
//
// # Faults
//
// Each can be set at any time, and concerns the connections that are open as well as those to come:
//
//	RoundTrip(d)       a long path: full throughput, and each byte is under way for half of d
//	Rate(n)            a slow path: n bytes a second on each connection, up
//	Stall()            nothing moves, and nothing more is read, until Resume
//	Swallow()          the peer has vanished: all is taken and nothing comes, not even an end
//	LimitUp(n, then)   n bytes pass up on each connection, and then the connection is reset, stalled or swallowed
//	LimitDown(n, then) likewise, down
//	ResetAll()         ends the open connections with a TCP reset at both ends
//	CloseAll()         ends them with a FIN at both ends
//	Resume()           ends Stall, Swallow and the limits
//
// # What differs from a network
//
// The link's sockets acknowledge what they have room for, though their buffers are small; a client's own send buffer takes what
// it takes. Connecting takes no time whatever RoundTrip says, and what the link is given in several pieces may leave in one.
// On Linux clients send segments as small as on an Ethernet, so that a slow path takes them smoothly; elsewhere it takes them
// as large as loopback's, in jerks. RoundTrip is kept to some 100 µs on Linux, to 2 ms or what the timers do elsewhere.
package link
