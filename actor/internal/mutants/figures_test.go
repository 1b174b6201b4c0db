package mutants

// What is told of a producer: Stats, gauges, the histogram, log and trace.
var inFigures = []mutant{
	{
		"what was handed back is pending", "actor/stats.go",
		"- ends.Unknown - back,", "- ends.Unknown,", "TestHandedBackGivesPlacesBack|TestHandedBackAndAdopted",
	},
	{
		"the Tally has unknown ones from before", "actor/stats.go",
		"Unknown:     t.Unknown - base.Unknown,", "Unknown:     t.Unknown,", "TestTallyIsOfWhatCameSince",
	},
	{
		"Pending returns bytes", "actor/stats.go",
		"count, _ := p.room.inside()", "_, count := p.room.inside()", "TestGauges",
	},
	{
		"the oldest answer outstanding has been so since 1970", "actor/gauges.go",
		"time.Since(p.made)-time.Duration(oldest)", "time.Duration(oldest)", "TestGauges",
	},
	{
		"what lies in an ended producer's mailbox is queued", "actor/gauges.go",
		"if s.Phase != state.Closed {", "if s.Phase != state.Closed || true {", "TestLateSenderInDoubt",
	},
	{
		"a closed connection keeps its window in Stats", "actor/gauges.go",
		"\tif l.conn != nil {\n", "\tif window = g.window.Load(); l.conn != nil {\n", "TestGauges",
	},
	{
		"the slowest share has no bound", "actor/histogram.go",
		"min(uint64(q*float64(all)), all-1)", "uint64(q*float64(all))", "TestHistogram",
	},
	{
		"a quarter of an octave lies elsewhere", "actor/histogram.go",
		"int(ns>>(power-2)&3)", "int(ns>>(power-3)&3)", "TestAckBuckets",
	},
	{
		"the longest times have no bucket", "actor/histogram.go",
		"case power >= ackHighest:", "case power > ackHighest:", "TestAckBuckets",
	},
	{
		"what was not told is not counted", "actor/events.go",
		"\t\tp.counts.untold.Add(1)\n", "", "TestTraceThatBlocks|TestBlockedLog",
	},
	{
		"a handler gets what it has turned off", "actor/log.go",
		" || !handler.Enabled(ctx, e.level) {", " {", "TestLogAsksWhatIsEnabled",
	},
	{
		"the link moves backwards in the trace", "actor/trace.go",
		"t.LinkMoved(r.at, r.from, r.to)", "t.LinkMoved(r.at, r.to, r.from)", "TestTrace",
	},
	{
		"Connect does not wait for nsqd", "actor/producer.go",
		"return p.ask(ctx, ping, true)", "return p.ask(ctx, ping, p.cfg.WaitConnected)", "TestConnect",
	},
}
