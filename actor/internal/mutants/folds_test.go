package mutants

// Folds, what is in flight, and what is learned of refusals.
var inFolds = []mutant{
	{
		"a member in flight leads on to the next", "actor/flight.go",
		"\t\tt.next = nil\n", "", "TestFoldKeepsNothingAlive|TestFoldGroups|TestFoldLosesAndReordersNothing",
	},
	{
		"Stop waits for answers that nobody waits for", "actor/flight.go",
		".claim.Load() == state.Taken {", ".claim.Load() != state.Free {", "TestDrained",
	},
	{
		"a write has no end", "actor/fold.go",
		"\tf.bytes += len(t.command)\n", "", "TestFoldEndsItsWrite",
	},
	{
		"a fold keeps alive what it held", "actor/fold.go",
		"\tclear(f.groups)\n", "", "TestFoldKeepsNothingAlive",
	},
	{
		"a write of more topics than there are slots", "actor/fold.go",
		"f.bytes >= batchBytes || n == mostGroups ||", "f.bytes >= batchBytes ||", "TestFoldEndsItsWrite",
	},
	{
		"what is large is folded", "actor/fold.go",
		" && len(t.command) < largeBytes", "", "TestFoldLimits|TestFoldGroups",
	},
	{
		"a slot of an earlier write is believed", "actor/fold.go",
		" || f.groups[hint].slot != slot {", " {", "TestFoldGroups|TestFoldLosesAndReordersNothing",
	},
	{
		"FoldBytes may exceed MaxBodySize", "actor/refusal.go",
		"min(l.p.cfg.FoldBytes, l.p.cfg.MaxBodySize)", "l.p.cfg.FoldBytes", "TestFoldsAreNoLargerThanABody",
	},
	{
		"a topic is barred for ever", "actor/refusal.go",
		"found && now < b.until {", "found {", "TestTopicIsBarredForAWhile",
	},
	{
		"any number of topics is barred", "actor/refusal.go",
		"if len(s.barred) < mostBarred {", "if true {", "TestOnlySoManyTopicsAreBarred",
	},
	{
		"old bars keep new topics out", "actor/refusal.go",
		"return now >= b.until })", "return false })", "TestOnlySoManyTopicsAreBarred",
	},
	{
		"a batch is refused for the size of one message", "actor/refusal.go",
		"t.size >= s.tooLarge && t.kind != multiPublish {", "t.size >= s.tooLarge {", "TestLessonsAndBatches",
	},
	{
		"a larger body unlearns a smaller one", "actor/refusal.go",
		"known := l.lessons.tooLarge > 0 && l.lessons.tooLarge <= t.size", "known := false", "TestSmallestRefusedCounts",
	},
	{
		"what may be stored is called refused", "actor/refusal.go",
		"l.end(t, Unknown, refusal)", "l.end(t, Refused, refusal)", "TestFailedBatchIsUnknown",
	},
}
