package mutants

// What is accepted, and how much of it: ring, gate, pools, requests and the callers' side of the mailbox.
var inBounds = []mutant{
	{
		"a full ring overwrites its oldest", "actor/ring.go",
		"return r.n == len(r.items)", "return r.n >= 16 && r.n > len(r.items) || len(r.items) == 0", "TestRingAgainstSlice",
	},
	{
		"what has wrapped around is lost when the ring grows", "actor/ring.go",
		"copy(grown[n:], r.items[:r.head])", "_ = n", "TestRingAgainstSlice",
	},
	{
		"what was popped is kept alive", "actor/ring.go",
		"*r.front() = none", "_ = none", "TestRingKeepsNothingAlive",
	},
	{
		"a lone waiter is not woken", "actor/gate.go",
		"if g.waiting.Load() > 0 {", "if g.waiting.Load() > 1 {", "TestGateWakesALoneWaiter",
	},
	{
		"a small one overtakes those who wait", "actor/gate.go",
		"return g.waiting.Load() == 0 && g.take(bytes)", "return g.take(bytes)", "TestGateLargeIsNotStarved",
	},
	{
		"one more than the bound is let in", "actor/gate.go",
		"count > g.maxCount ||", "count > g.maxCount+1 ||", "TestGateBounds",
	},
	{
		"what just fits is kept out", "actor/gate.go",
		"inside > g.maxBytes {", "inside >= g.maxBytes {", "TestGateHoldsTheLargest",
	},
	{
		"who gives up waiting takes the turn with him", "actor/gate.go",
		"defer func() { g.turn <- struct{}{} }()", "defer func() {}()", "TestGateWaitEnds",
	},
	{
		"who gives up waiting counts on", "actor/gate.go",
		"\tdefer g.waiting.Add(-1)\n", "", "TestGateWaitEnds",
	},
	{
		"what is forced in counts its bytes alone", "actor/gate.go",
		"g.used.Add(1<<byteBits | uint64(bytes))", "g.used.Add(uint64(bytes))", "TestAdoptedAtHome",
	},
	{
		"the memory of the largest is kept in the pool", "actor/pools.go",
		"\tif c == classes {\n\t\tt.command = nil\n\t}\n\tp[c].Put(t)", "\tp[c].Put(t)", "TestPendingMemoryFollowsTheSize",
	},
	{
		"undelivered results keep their bodies", "actor/pools.go",
		"if cap(t.command) > smallBytes {", "if cap(t.command) > 1<<30 {", "TestUndeliveredResultsHoldNoBodies",
	},
	{
		"a transaction takes its losses along", "actor/transaction.go",
		"t.losses, t.moves, t.alone, t.doubt = 0, 0, false, false", "t.moves, t.alone, t.doubt = 0, false, false",
		"TestRecycledIsFresh",
	},
	{
		"a transaction takes its doubt along", "actor/transaction.go",
		"t.losses, t.moves, t.alone, t.doubt = 0, 0, false, false", "t.losses, t.moves, t.alone = 0, 0, false",
		"TestRecycledIsFresh",
	},
	{
		"args are kept alive by the pool", "actor/transaction.go",
		"\tclear(t.Args)\n", "", "TestRecycledIsFresh",
	},
	{
		"a second Release frees what is another's", "actor/transaction.go",
		"if t.claim.Advance(state.Done, state.Free) {", "if t.claim.Advance(state.Done, state.Free); true {", "TestReleaseTwice",
	},
	{
		"an error shows the topic's memory", "actor/transaction.go",
		"Topic: strings.Clone(topic), Addr", "Topic: strings.Clone(\"\") + topic, Addr", "TestTopicAndBodyMayBeReused",
	},
	{
		"a message of just MaxMsgSize is refused", "actor/request.go",
		"if len(r.body) > cfg.MaxMsgSize {", "if len(r.body) >= cfg.MaxMsgSize {", "TestDefaultLimits",
	},
	{
		"a batch's messages may be of any size", "actor/request.go",
		"if len(body) > cfg.MaxMsgSize {", "if len(body) > cfg.MaxBodySize {", "TestBadInputIsRefusedBeforeAByteIsWritten",
	},
	{
		"a batch may be as large as a message", "actor/request.go",
		"size > cfg.MaxBodySize {", "size > cfg.MaxMsgSize {", "TestDefaultLimits",
	},
	{
		"a batch counts its bodies, not their bytes", "actor/request.go",
		"wire.MPubSize(r.bodies), wire.Check", "len(r.bodies), wire.Check", "TestBadInputIsRefusedBeforeAByteIsWritten",
	},
	{
		"a delay is forgotten", "actor/request.go",
		"wire.AppendDPub(t.command, r.topic, r.delay, r.body)", "wire.AppendDPub(t.command, r.topic, 0, r.body)",
		"TestEveryFormArrivesByteForByte",
	},
	{
		"a context that is over sends all the same", "actor/call.go",
		"\t\terr = ctx.Err()\n", "", "TestEndedContextSendsNothing",
	},
	{
		"a publish is accepted while it stops", "actor/call.go",
		"return p.phase.Load() == state.Live", "return p.phase.Load() != state.Closed", "TestLeavingEndsTheWaitOfShutdown",
	},
	{
		"a question behind a full mailbox is not heard", "actor/call.go",
		"\t\tp.ring() // the loop does not empty", "\t\t// the loop does not empty", "TestPingBehindAFullMailbox",
	},
	{
		"a question is not heard while nsqd owes an answer", "actor/call.go",
		"\tp.ring()\n\treturn p.await", "\treturn p.await", "TestMailWhileNsqdDoesNotAnswer",
	},
	{
		"a late sender in doubt says that nothing was sent", "actor/call.go",
		"if s.kind.publishes() && outcome == Unknown {", "if false {", "TestLateSenderInDoubt",
	},
	{
		"the room of a publish that changes under the call is lost", "actor/call.go",
		"\t\tp.room.leave(1, size)\n\t\tt.recycle()\n", "\t\tt.recycle()\n", "TestRoomOfWhatChangesUnderTheCall",
	},
	{
		"who gives up does not tell the loop", "actor/call.go",
		"if claim == state.GivenUp || p.watched.IsSet() {", "if p.watched.IsSet() {", "TestMailWhileNsqdDoesNotAnswer",
	},
	{
		"who leaves an answer does not tell whoever waits for it", "actor/call.go",
		"if claim == state.GivenUp || p.watched.IsSet() {", "if claim == state.GivenUp {", "TestLeavingEndsTheWaitOfShutdown",
	},
	{
		"what was given up keeps its memory", "actor/call.go",
		"\t\ts.t.command = nil\n", "", "TestMemoryOfTheGivenUpGoes",
	},
	{
		"the next publish inherits the wait for a connection", "actor/async.go",
		"\tt.waits = false\n", "", "TestWaitingIsNotInherited",
	},
	{
		"args are not copied", "actor/async.go",
		"t.Args = append(t.Args, args...)", "t.Args = args", "TestAsyncMemoryIsTheCallers",
	},
	{
		"an asynchronous publish does not look at its context first", "actor/async.go",
		"\t\terr = ctx.Err()\n", "", "TestPublishAsyncContext",
	},
	{
		"twice as many results wait unread", "actor/producer.go",
		"p.unread.init(p.cfg.MaxPending, 0)", "p.unread.init(2*p.cfg.MaxPending, 0)", "TestUnreadIsBounded",
	},
}
