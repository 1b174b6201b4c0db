package mutants

// How publishes and producers end: outcomes, couriers, Stop, and what is handed back.
var inEnds = []mutant{
	{
		"the room of the abandoned is given back twice", "actor/end.go",
		"l.p.room.leave(acked, bytes)", "l.p.room.leave(members, bytes)", "TestAbandonedGivesItsRoomBackOnce",
	},
	{
		"what may be stored ends as not sent", "actor/end.go",
		"outcome, cause = Unknown, doubtful(cause)", "cause = doubtful(cause)", "TestRetryUnknownKeepsItsDoubts",
	},
	{
		"an unknown outcome is also one that is certain", "actor/end.go",
		"if OutcomeOf(cause) == NotSent {", "if false {", "TestRetryUnknownKeepsItsDoubts|TestLateSenderInDoubt",
	},
	{
		"a courier is dismissed with results in hand", "actor/courier.go",
		"if l.boxes[b.dest] == b && b.taken.Load() == b.given {", "if l.boxes[b.dest] == b {", "TestCourierThatHasMoreStays",
	},
	{
		"a courier does not say that it is through", "actor/courier.go",
		"\t\tp.ring()\n", "", "TestStopWaitsForReaders",
	},
	{
		"a courier says only once that it is through", "actor/courier.go",
		"\t\t\tb.idle.Clear()\n", "", "TestCourierThatHasMoreStays",
	},
	{
		"a result in a box keeps its place for ever", "actor/courier.go",
		"left int) {\n\tp.unread.leave(1, 0)\n", "left int) {\n", "TestCourierThatHasMoreStays",
	},
	{
		"results change their order in a box", "actor/courier.go",
		"b.in <- append(results, t)", "b.in <- append([]*Transaction{t}, results...)", "TestResultsDoNotOvertakeACourier",
	},
	{
		"what was read counts as undelivered", "actor/courier.go",
		"\tp.counts.boxed.Add(-1)\n", "", "TestStuckChannels",
	},
	{
		"what was dropped is not counted", "actor/courier.go",
		"\t\t\tp.counts.dropped.Add(1)\n", "", "TestShutdownWithAnEndedContext",
	},
	{
		"a courier waits for its reader beyond the bound", "actor/courier.go",
		"\t\tcase <-cut:\n\t\t\tcut = nil\n", "\t\tcase <-cut:\n\t\t\tcut = make(chan struct{})\n",
		"TestShutdownAtOnceReportsWhatCouriersDropped",
	},
	{
		"what lies in the mailbox ends with Stop", "actor/farewell.go",
		"len(l.p.mail) == 0 && ", "", "TestDrained",
	},
	{
		"what is queued ends with Stop", "actor/farewell.go",
		"l.backlog.len() == 0 && ", "", "TestDrained",
	},
	{
		"what nsqd has just said has half a second beyond the bound", "actor/farewell.go",
		"\t\t\t\tc.limit(glance)\n", "\t\t\t\tc.limit(goodbye)\n", "TestShutdownKeepsItsBound|TestShutdownAtOnce",
	},
	{
		"Stop waits for an nsqd that does not close", "actor/farewell.go",
		"goodbye = 500 * time.Millisecond", "goodbye = 500 * time.Second", "TestStopWaitsForNsqdToClose",
	},
	{
		"Stop resets the connection", "actor/farewell.go",
		"\tc.limit(goodbye)\n", "\tc.close()\n", "TestStopWaitsForNsqdToClose",
	},
	{
		"Shutdown does not say that results were dropped", "actor/farewell.go",
		" + l.p.counts.dropped.Load()", "", "TestShutdownAtOnceReportsWhatCouriersDropped",
	},
	{
		"a Flush beside Stop has no end", "actor/farewell.go",
		"\tl.recount = true // what", "\t// what", "TestFarewellEndsFlushes",
	},
	{
		"a Flush beside Stop waits for readers", "actor/farewell.go",
		"\tclose(l.p.settled)\n\tif l.p.returned != nil {\n\t\tclose(l.p.returned)\n\t}\n\tl.dismissCouriers()\n",
		"\tif l.p.returned != nil {\n\t\tclose(l.p.returned)\n\t}\n\tl.dismissCouriers()\n\tclose(l.p.settled)\n",
		"TestFlushDoesNotWaitForReaders",
	},
	{
		"a timer outlives Stop", "actor/farewell.go",
		"\tl.timer.Stop()\n", "", "TestNoTimerOutlivesStop",
	},
	{
		"Stop gives what is pending minutes", "actor/shutdown.go",
		"const stopBound = 5 * time.Second", "const stopBound = 5 * time.Minute", "TestStopInABlackhole",
	},
	{
		"a second bound that is over closes again", "actor/shutdown.go",
		"if p.cutting.Set() {", "if p.cutting.Set(); true {", "TestTwoBoundsThatEndAtOnce",
	},
	{
		"the end of the bound is not heard", "actor/shutdown.go",
		"\t\t\tclose(p.cut)\n\t\t\tp.ring()\n", "\t\t\tclose(p.cut)\n", "TestShutdownKeepsItsBound",
	},
	{
		"the Tally has what ended long before", "actor/shutdown.go",
		"\t\tp.base = p.counts.tally()\n", "", "TestTallyOfEveryOutcome",
	},
	{
		"a publish goes round for ever", "actor/handback.go",
		"own.moves, own.doubt = t.moves, t.doubt", "own.doubt = t.doubt", "TestAdoptedIsACopy",
	},
	{
		"an adopted publish is no longer in doubt", "actor/handback.go",
		"own.moves, own.doubt = t.moves, t.doubt", "own.moves = t.moves", "TestAdoptedIsACopy",
	},
	{
		"an adopted publish keeps the memory of the one before", "actor/handback.go",
		"own.command, own.topic, own.size = append(own.command[:0], t.command...), t.topic, t.size",
		"own.command, own.topic, own.size = t.command, t.topic, t.size", "TestAdoptedIsACopy",
	},
	{
		"what is delivered keeps its places", "actor/handback.go",
		"\tdefer home.leavePlaces(size)\n", "\t_, _ = home, size\n", "TestHandedBackGivesPlacesBack",
	},
	{
		"what is handed back counts as ended too", "actor/handback.go",
		"\t\tp.counts.outcomes[outcome].Add(^uint64(0)) // first", "\t\t// first", "TestBookedOnce",
	},
	{
		"what could not be adopted keeps a reader's place", "actor/handback.go",
		"\t\tp.unread.leave(1, 0)\n\t\treturn p.booked", "\t\treturn p.booked", "TestAdoptionThatIsStopped",
	},
	{
		"what is handed back comes in reverse", "actor/handback.go",
		"l.p.returned <- append(waiting, t)", "l.p.returned <- append([]*Transaction{t}, waiting...)", "TestHandedBackInOrder",
	},
	{
		"a refusal that is the publish's own fault is movable", "actor/handback.go",
		"refusal.Fact().Retry == wire.RetryLater", "refusal != nil", "TestMovable",
	},
	{
		"an error loses its cause", "actor/errors.go",
		"fmt.Errorf(\"%w: %w\", sentinel, cause)", "fmt.Errorf(\"%w: %v\", sentinel, cause)", "TestErrorsAreFound",
	},
	{
		"a full producer leaves the outcome unknown", "actor/errors.go",
		"[]error{ErrStopped, ErrFull, ErrNotConnected}", "[]error{ErrStopped, ErrNotConnected}", "TestOutcomeOf",
	},
}
