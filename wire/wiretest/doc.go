// Package wiretest provides an nsqd that runs inside a test, as net/http/httptest provides a server for HTTP: it takes a
// producer's commands, answers as nsqd v1.3.0 does, keeps a record of all that it got, and misbehaves on request.
//
// # A test
//
// Start a server, let the service under test publish to its address, look at what came:
//
//	nsqd := wiretest.NewServer()
//	defer nsqd.Close()
//	shop := newShop(nsqd.Addr) // the service, whose producer this address is for
//	shop.Order("apples")
//	for _, m := range nsqd.Messages() {
//		// m.Topic, m.Body, m.Delay, m.Command
//	}
//
// A [Server] listens on a free port of 127.0.0.1. [Server.Messages] has what was stored, in its order, and
// [Server.MessageCount] how much of it is of one topic; [Server.Stats] counts what happened, and [Server.Conns] has each client's
// IDENTIFY, what it was granted, and how it used its connection. A server is not stopped and started again but unreachable for a
// while: [Server.CloseListener], [Server.CloseAll] and later [Server.Listen], which keep the address and the record.
//
// # Faults
//
// A fault is one line: when, and what. These ten are what a network and an nsqd may do to a service; the functions that are named
// here have an example each, with what a producer tells of the publish. Without the package's name:
//
//	OnPublish(2).Error(wire.CodePubFailed, "disk full")    // refused: an error answer in place of storing
//	OnPublish(Every).Delay(20 * time.Millisecond)          // acked, later
//	OnPublish(2).Stall()                                   // unknown, when the caller gives up: stored, and no answer until Resume
//	OnPublish(1).StopReading()                             // what does not fit into the buffers is not stored, until Resume
//	OnAccept().Split(1)                                    // acked: the answers come byte by byte
//	OnCommand(3).Reset()                                   // unknown: a TCP reset on the third command, IDENTIFY counted
//	OnByte(100_000).Reset()                                // not sent, if the message has not left whole by then
//	OnPublish(1).Heartbeat()                               // acked: a heartbeat before the answer
//	OnPublish(1).Answered().Send(wire.AppendOK(nil))       // acked once: an answer that nobody asked for
//	OnIdentify().Error(wire.CodeBadBody, "no")             // not sent: IDENTIFY is refused
//
// [OnAccept], [OnIdentify], [OnTLS], [OnCompression], [OnAuth], [OnPublish], [OnCommand] and [OnByte] say when. They count on each
// connection by itself, unless narrowed down:
//
//	OnPublish(3).Conn(1).Close()                           // only on the first connection
//	OnPublish(3).Overall().Close()                         // the third of all, on whatever connection
//	OnPublish(3).Through(5).Silence()                      // the third, fourth and fifth
//	OnPublish(3).Topic("orders").Silence()                 // the third to this topic
//	OnPublish(Every).If(isLarge).Silence()                 // each of which this function says so
//	OnPublish(5).Answered().Reset()                        // behind the answer, not in its place
//
// The last method says what. The rest of them:
//
//	OnPublish(5).Silence()                                 // stored, never answered
//	OnPublish(5).Ignore()                                  // neither
//	OnPublish(5).Answer(wire.AppendFrame(nil, 0, "NO"))    // stored, with these bytes for its answer
//	OnPublish(5).Busy(time.Second)                         // nothing happens on the connection for so long
//	OnAccept().Freeze()                                    // nothing at all, heartbeats included, until Resume
//	OnIdentify().Blackhole()                               // all is read and dropped, for ever
//	OnIdentify().Close()                                   // the connection is closed
//	OnPublish(5).Do(func() { close(fifth) })               // tells the test
//
// Several faults for one moment apply in the order given. A running server gets more of them by [Server.Add], and does the same
// things at once, on all connections, by [Server.Stall], [Server.StopReading], [Server.Freeze], [Server.Resume],
// [Server.Heartbeat], [Server.Send], [Server.ResetAll] and [Server.CloseAll].
//
// # Waiting
//
// A service that publishes in the background is waited for, without sleeping and asking again: [Server.WaitMessages],
// [Server.WaitCommands] and [Server.WaitConns] wait for a number, [Server.Wait] for whatever the server can tell. Their errors say
// what was waited for and what there was instead.
//
//	nsqd.WaitMessages(ctx, 3)                                                          // of whatever topic
//	nsqd.Wait(ctx, func(Stats) bool { return nsqd.MessageCount("audit") == 1 })        // of this one
//	nsqd.Wait(ctx, func(s Stats) bool { return s.Conns == 1 && s.Open == 0 })          // the client has gone
//	nsqd.Wait(ctx, func(s Stats) bool { return s.Nops == 1 })                          // it has answered a heartbeat
//	nsqd.Wait(ctx, func(s Stats) bool { return s.Struck == 1 })                        // a fault is in force
//
// # In memory
//
// A server made by [NewInMemory] has no socket. [Server.Dial], which fits a client's dial hook, is the way in:
//
//	nsqd := wiretest.NewInMemory()
//	p, err := actor.NewProducer(nsqd.Addr, &actor.Config{Dial: nsqd.Dial})
//
// Its connections have bounded buffers ([Config].Buffer), deadlines, partial writes, half-close and resets as TCP has, and wait
// in a way that lets the clock of a testing/synctest bubble move on. Its Addr is a name that no other server of the process has,
// so that several can stand in one pool, whose hook finds the server by the address: [Server.Dial] has an example. Dial itself
// looks at no address. So a program with one nsqd may be given any name, for instance the one in a certificate, or one that stays
// the same in an example's output.
//
// # Upgrades and permissions
//
// TLS, deflate and snappy are granted by [Config].TLS, Deflate and Snappy to a client that asks for them, in nsqd's order and
// each with its OK: IDENTIFY's answer in clear ([OnIdentify] with Answered is behind it), the TLS handshake ([OnTLS]), OK, the
// compression ([OnCompression]), OK. A fault can come between any two of these:
//
//	OnIdentify().Answered().Blackhole()                    // never answers the TLS handshake that it granted
//	OnIdentify().Answered().Busy(time.Minute)              // heartbeats in clear before the TLS handshake
//	OnTLS().Silence()                                      // the OK behind the handshake is missing
//	OnCompression().Heartbeat()                            // a heartbeat before the OK of deflate or snappy
//	OnAuth().Error(wire.CodeAuthFailed, "AUTH failed")     // nsqd's auth server is down
//
// Bytes that a fault or [Server.Send] sends go through the upgrades that are done by then; the bytes that Split cuts are those on
// their way, and those that [OnByte] counts are the commands' own. An upgrade begins when all that was to be said before it has
// been written: a delayed answer delays it, and a stall holds it. A TLS handshake that has begun is not stalled, and no heartbeat
// comes within it, as with nsqd.
//
// A client may find the first bytes of a compression behind IDENTIFY's answer in one read. Here that is the rule, as the two
// leave in one write, unless [Config].AnswerEach is set. A failed TLS handshake is answered in clear, with E_IDENTIFY_FAILED.
//
// [Config].AuthSecret and Authorize ask for AUTH, and refuse topics. [Server.Conns] tells what each client was granted and the
// secret that it gave.
//
// # What differs from nsqd
//
// Answers to commands that came in one read go out in one write, where nsqd writes each by itself; [Config].AnswerEach makes
// it do likewise. Compression, which nsqd grants by default, is off unless [Config] turns it on, and for snappy brings the code.
// Consumers are not served, and AUTH asks no server but [Config].AuthSecret and Authorize. Messages are kept until the server is
// garbage, unless [Config].Discard is set, and deferred ones at once. What a producer can provoke beyond that is held against a
// real nsqd by this package's conformance tests.
package wiretest
