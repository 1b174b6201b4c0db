package mutants

// The loop's turns, what it may take, and what it writes.
var inLoop = []mutant{
	{
		"a publish waits, although nsqd is known to be down", "actor/loop.go",
		"case up == state.Down && !t.waits:", "case false:", "TestBackoff",
	},
	{
		"a Ping passes on a connection that is broken", "actor/loop.go",
		"case t.kind == ping && up == state.Up && l.conn.broken == nil:", "case t.kind == ping && up == state.Up:",
		"TestPingOnAConnectionThatIsGivenUp",
	},
	{
		"what was given up takes a place", "actor/loop.go",
		"\t\t\tl.sweep()\n\t\t}\n\t\tl.backlog.pushBack", "\t\t}\n\t\tl.backlog.pushBack", "TestWhatIsGivenUpTakesNoPlace",
	},
	{
		"who leaves while it stops is not noticed", "actor/loop.go",
		"\t\tl.p.watched.Set()\n", "", "TestLeavingEndsTheWaitOfShutdown",
	},
	{
		"a Ping that waits for a connection holds up Stop", "actor/loop.go",
		"\t\tl.sweep()\n\t}\n\tif l.due", "\t}\n\tif l.due", "TestStopEndsConnect",
	},
	{
		"the batch that is being encoded does not count against MaxPending", "actor/loop.go",
		"l.flight.members.len()+l.fold.members < l.p.cfg.MaxPending", "l.flight.members.len() < l.p.cfg.MaxPending",
		"TestTakenIsBounded",
	},
	{
		"what is left unanswered is not bounded in bytes", "actor/loop.go",
		"l.unanswered() < l.p.cfg.MaxPendingBytes && ", "", "TestWhatIsLeftUnansweredIsBoundedInBytes",
	},
	{
		"one more than is safe goes again alone", "actor/loop.go",
		"l.flight.len()+len(l.fold.groups) >= mostAlone", "l.flight.len()+len(l.fold.groups) > mostAlone",
		"TestAloneAreFewAtATime",
	},
	{
		"what was given up is sent", "actor/loop.go",
		"if !t.claim.Advance(state.Queued, state.Taken) {", "if t.claim.Advance(state.Queued, state.Taken); false {",
		"TestFoldWithoutWhatWasGivenUp",
	},
	{
		"no alarm is set for an answer", "actor/loop.go",
		"\tl.wakeBy(now + int64(l.p.cfg.ResponseTimeout))\n", "", "TestResponseTimeout",
	},
	{
		"the window never closes", "actor/loop.go",
		"\t\tc.window.unanswered++\n", "", "TestGauges",
	},
	{
		"a large write closes the window", "actor/loop.go",
		"if l.out.tail == nil {", "if true {", "TestWindowDoesNotCountLargeWrites",
	},
	{
		"all that is encoded counts as written", "actor/loop.go",
		"c.written += uint64(n)", "c.written = c.encoded", "TestLossSendsThePartlyWrittenAgain",
	},
	{
		"a slow write counts as a stuck one", "actor/loop.go",
		"\t\tc.stuck = 0\n", "", "TestSlowWriteIsNoStuckWrite",
	},
	{
		"a stuck write has ResponseTimeout", "actor/loop.go",
		"now-c.stuck >= int64(l.p.cfg.WriteTimeout)", "now-c.stuck >= int64(l.p.cfg.ResponseTimeout)",
		"TestWriteTimeoutDespiteAnswers",
	},
	{
		"a heartbeat is answered over and over", "actor/loop.go",
		"\t\tc.nop = false\n", "", "TestHeartbeatIsAnsweredOnce",
	},
	{
		"a heartbeat is not answered until there is something to send", "actor/loop.go",
		"l.out.pending() || c.nop || l.mayTake()", "l.out.pending() || l.mayTake()", "TestHeartbeatsAreAnswered",
	},
	{
		"the answer to a heartbeat is not part of the stream", "actor/loop.go",
		"\t\tc.encoded += uint64(len(nop))\n", "", "TestHalfWrittenBehindHeartbeats",
	},
	{
		"an answer is looked at after the next command is encoded", "actor/loop.go",
		"heard = l.listen() || heard", "heard = heard || l.listen()", "TestSurplusAnswerBeforeTheNextPublish",
	},
	{
		"the loop sleeps on what was the end", "actor/loop.go",
		"case !heard: // what", "default: // what", "TestDrainedLoopDoesNotSleep",
	},
	{
		"the trace hears commands for publishes", "actor/loop.go",
		"Batch{l.fold.members, len(l.fold.groups), l.out.len()}", "Batch{len(l.fold.groups), l.fold.members, l.out.len()}",
		"TestTraceOfAFold",
	},
	{
		"a Flush forgets what is queued", "actor/flush.go",
		"claim != state.Queued && claim != state.Taken", "claim != state.Taken", "TestFlushCountsWhatIsBeforeIt",
	},
	{
		"a Flush does not hear of those who leave", "actor/flush.go",
		"\tl.p.watched.Set()\n", "", "TestFlushAndThoseWhoLeave",
	},
	{
		"a Flush ends one publish too early", "actor/flush.go",
		"l.flushes.front().left == 0", "l.flushes.front().left <= 1", "TestFlushCountsWhatIsBeforeIt",
	},
	{
		"a Flush that ends beside Stop makes it deaf", "actor/flush.go",
		"if l.flushes.len() == 0 && !l.draining {", "if l.flushes.len() == 0 {", "TestFlushLeavesItsWatchToShutdown",
	},
	{
		"Flushes whose callers have left pile up", "actor/flush.go",
		"if l.flushes.full() {", "if false {", "TestWhatIsGivenUpTakesNoPlace",
	},
	{
		"a tail is written in one piece, however large", "actor/outbox.go",
		"return rest[:min(len(rest), pieceBytes)]", "return rest", "TestOutboxKeepsTheStream|TestOutboxEveryCut",
	},
	{
		"what is large is copied", "actor/outbox.go",
		"if len(command) >= largeBytes {", "if len(command) > batchBytes {", "TestOutboxCopiesOnlyWhatIsSmall",
	},
	{
		"the narrowest window is open for three", "actor/window.go",
		"windowBase   = 2", "windowBase   = 3", "TestGauges",
	},
	{
		"the largest round trip stands for the path", "actor/window.go",
		"trip < w.recent[0]", "trip > w.recent[0]", "TestWindowFollowsThePath",
	},
	{
		"the path of an earlier period is forgotten at once", "actor/window.go",
		"w.recent[1], w.recent[0], w.began = w.recent[0], 0, now", "w.recent[1], w.recent[0], w.began = 0, 0, now",
		"TestWindowFollowsThePath",
	},
}
