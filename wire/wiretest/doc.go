// Package wiretest provides an nsqd that runs inside a test, as net/http/httptest provides a server for HTTP: it takes a
// producer's commands, answers as nsqd v1.3.0 does, keeps a record of all that it got, and misbehaves on request.
//
//	srv := wiretest.NewServer(wiretest.OnPublish(3).Error(wire.CodePubFailed, "PUB failed exiting"))
//	defer srv.Close()
//	// let the program under test publish to srv.Addr, then look at srv.Messages()
//
// A [Server] listens on a free port of 127.0.0.1. Its [Server.Dial] connects within the process instead, over a connection
// that has bounded buffers, deadlines, partial writes, half-close and resets as TCP has. A server made by [NewInMemory] has
// nothing but that, and is fit for a testing/synctest bubble.
//
// # Faults
//
// A fault says when and what. [OnAccept], [OnIdentify], [OnAuth], [OnPublish], [OnCommand] and [OnByte] say when; further
// methods narrow it down; the last one says what. Without the package's name:
//
//	OnPublish(3).Error(wire.CodeBadTopic, "no")           // the third publish of every connection is refused
//	OnPublish(3).Conn(1).Error(wire.CodeBadTopic, "no")   // only on the first connection
//	OnPublish(3).Overall().Error(wire.CodeBadTopic, "no") // the third of all, on whatever connection
//	OnPublish(Every).Delay(time.Millisecond)              // a slow path
//	OnPublish(5).Stall()                                  // takes everything, answers nothing until Resume
//	OnPublish(5).StopReading()                            // until Resume
//	OnPublish(5).Silence()                                // stored, never answered
//	OnPublish(5).Answered().Reset()                       // five answers, then a TCP reset
//	OnByte(100).Conn(1).Reset()                           // 100 bytes behind IDENTIFY, perhaps within a command
//	OnAccept().Split(1)                                   // answers arrive byte by byte
//	OnIdentify().Answered().Heartbeat()                   // a heartbeat behind the answer to IDENTIFY
//	OnPublish(2).Answered().Send(wire.AppendOK(nil))      // an answer nobody asked for
//	OnPublish(2).Answer(wire.AppendFrame(nil, 0, "NO"))   // NO in place of OK
//	OnIdentify().Error(wire.CodeBadBody, "no")            // IDENTIFY is refused
//	OnIdentify().Close()                                  // closes on IDENTIFY; with Answered, behind its answer
//	OnAccept().Freeze()                                   // accepts and never answers
//	OnIdentify().Answered().Blackhole()                   // never answers the TLS handshake that it granted
//	OnIdentify().Answered().Busy(time.Minute)             // heartbeats in clear before the TLS handshake
//	OnTLS().Silence()                                     // the OK behind the handshake is missing
//	OnCompression().Heartbeat()                           // a heartbeat before the OK of deflate or snappy
//	OnAuth().Error(wire.CodeAuthFailed, "AUTH failed")    // nsqd's auth server is down
//
// Several faults for one moment apply in the order given. The same things can be done to a running server by
// [Server.Stall], [Server.StopReading], [Server.Freeze], [Server.Resume], [Server.Heartbeat], [Server.Send],
// [Server.ResetAll], [Server.CloseAll], [Server.CloseListener], [Server.Listen] and [Server.Add].
//
// # Upgrades and permissions
//
// TLS, deflate and snappy are granted by [Config].TLS, Deflate and Snappy to a client that asks for them, in nsqd's order and
// each with its OK: IDENTIFY's answer in clear ([OnIdentify] with Answered is behind it), the TLS handshake ([OnTLS]), OK, the
// compression ([OnCompression]), OK. A fault can come between any two of these. Bytes that a fault or [Server.Send] sends go
// through the upgrades that are done by then; the bytes that Split cuts are those on their way, and those that [OnByte] counts
// are the commands' own. An upgrade begins when all that was to be said before it has been written: a delayed answer delays it,
// and a stall holds it. A TLS handshake that has begun is not stalled, and no heartbeat comes within it, as with nsqd.
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
// Consumers are not served, and AUTH asks no server but [Config].AuthSecret and Authorize. What a producer can provoke beyond
// that is held against a real nsqd by this package's conformance tests.
package wiretest
