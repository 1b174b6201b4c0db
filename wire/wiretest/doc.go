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
//
// Several faults for one moment apply in the order given. The same things can be done to a running server by
// [Server.Stall], [Server.StopReading], [Server.Freeze], [Server.Resume], [Server.Heartbeat], [Server.Send],
// [Server.ResetAll], [Server.CloseAll], [Server.CloseListener], [Server.Listen] and [Server.Add].
//
// # What differs from nsqd
//
// Answers to commands that came in one read go out in one write, where nsqd writes each by itself; [Config].AnswerEach makes
// it do likewise. Upgrades (TLS, deflate, snappy) are never granted, consumers are not served, and AUTH asks no server: it
// compares with [Config].AuthSecret. What a producer can provoke beyond that is held against a real nsqd by this package's
// conformance tests.
package wiretest
