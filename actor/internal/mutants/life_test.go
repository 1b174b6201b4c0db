package mutants

// A connection's life as the loop knows it: what its replies mean, how it ends, and what follows.
var inLife = []mutant{
	{
		"a second reply takes back the heartbeat of the first", "actor/life.go",
		"c.nop = c.nop || r.beat", "c.nop = r.beat", "TestHeartbeatIsAnsweredOnce",
	},
	{
		"a heartbeat in the handshake is not answered", "actor/life.go",
		"h.conn, h.seal, h.beat, c.heard", "h.conn, h.seal, false, c.heard", "TestHeartbeatIsAnsweredOnce",
	},
	{
		"a connection that is silent from its beginning is kept", "actor/life.go",
		"\t\tl.wakeBy(c.heard + int64(l.p.cfg.ReadTimeout))\n", "", "TestSilence",
	},
	{
		"silence is looked for once", "actor/life.go",
		"\t\tl.wakeBy(c.heard + silence)\n", "", "TestSilence",
	},
	{
		"an answer that came too early is an ack", "actor/life.go",
		"l.flight.len() == 0 || l.flight.commands.front().end > l.conn.written {", "l.flight.len() == 0 {", "TestUnaskedAnswer",
	},
	{
		"the window never opens again", "actor/life.go",
		"if c.last {", "if false {", "TestGauges",
	},
	{
		"an nsqd that is slow, but answers, is given up", "actor/life.go",
		"\t\tl.conn.answered = l.conn.heard\n", "", "TestResponseTimeout",
	},
	{
		"work that went well does not end the backoff", "actor/life.go",
		"\t\tl.retry.acked(l.conn.heard - l.conn.opened)\n", "", "TestBackoffStartsAnew",
	},
	{
		"a fold's acknowledgement takes the time of one", "actor/life.go",
		"l.p.acks.add(l.conn.heard-c.at, c.members)", "l.p.acks.add(l.conn.heard-c.at, 1)", "TestGauges",
	},
	{
		"what is said behind a surplus answer counts", "actor/life.go",
		"framed && c.broken != errUnasked {", "framed {", "TestUnaskedAnswer",
	},
	{
		"an error frame refuses what was never written", "actor/life.go",
		"l.flight.commands.front().begin >= c.written {", "l.flight.commands.front().begin > c.written {",
		"TestErrorBeforeTheFirstByte",
	},
	{
		"a second loss without a byte takes back the doubt", "actor/life.go",
		"t.doubt = t.doubt || mayBeStored", "t.doubt = mayBeStored", "TestRetryUnknownKeepsItsDoubts",
	},
	{
		"one connection too many is lost under a publish", "actor/life.go",
		"t.losses < l.p.cfg.MaxAttempts {", "t.losses <= l.p.cfg.MaxAttempts {", "TestAttemptsAreCounted",
	},
	{
		"who waits for a connection is worn out by losses", "actor/life.go",
		"if t.waits || t.losses", "if t.losses", "TestWaitConnectedOutlivesLosses",
	},
	{
		"the innocent are worn out by others' error frames", "actor/life.go",
		"\tif !answered {", "\tif !answered || true {", "TestTheInnocentOutliveManyFrames",
	},
	{
		"the latest alarm counts", "actor/life.go",
		"if l.due == 0 || at < l.due {", "if l.due == 0 || at > l.due {", "TestResponseTimeout",
	},
	{
		"a process that was stopped blames nsqd", "actor/life.go",
		"if late && !c.late {", "if late && false {", "TestTimersThatAreLateWait",
	},
	{
		"a timer judges before it has listened", "actor/life.go",
		"\tcase r := <-l.replies:\n\t\tl.reply(r)\n\tdefault:\n\t}\n\tnow := l.clock()", "\tdefault:\n\t}\n\tnow := l.clock()",
		"TestTimersListenFirst",
	},
	{
		"a command that is still being written is overdue", "actor/life.go",
		"now >= by && l.flight.commands.front().end <= c.through {", "now >= by {", "TestSlowWriteIsNoStuckWrite",
	},
	{
		"nsqd's time begins before it has the command", "actor/life.go",
		"max(l.flight.commands.front().at, c.whole, c.answered)", "max(l.flight.commands.front().at, c.answered)",
		"TestSlowWriteIsNoStuckWrite",
	},
	{
		"the next attempt begins before its pause is over", "actor/life.go",
		"if now >= l.retry.at {", "if true {", "TestBackoff",
	},
	{
		"a connection is read to its end for ever", "actor/life.go",
		"const lastWords = 100 * time.Millisecond", "const lastWords = 100 * time.Minute", "TestSilence",
	},
	{
		"a bare acknowledgement ends the backoff", "actor/retry.go",
		"if age >= provenAfter {", "if age >= 0 {", "TestBackoffStartsAnew",
	},
	{
		"the backoff does not double", "actor/retry.go",
		"\tr.step++\n", "", "TestBackoffDoubles",
	},
	{
		"the backoff has no ceiling", "actor/retry.go",
		"\tceiling = min(ceiling, highest)\n", "", "TestBackoffStaysWithinItsBounds",
	},
	{
		"all producers come back at once", "actor/retry.go",
		"int64(floor + rand.N(ceiling-floor+1))", "int64(floor + rand.N[time.Duration](1))", "TestBackoffSpreads",
	},
	{
		"a full disk does not make the producer go down", "actor/retry.go",
		"if l.retry.step > 0 {", "if l.retry.step > 9 {", "TestWhatFollowsAnEnd",
	},
	{
		"a storm of connections is not damped", "actor/retry.go",
		"patientRow   = 10 ", "patientRow   = 100 ", "TestStormsAreDamped",
	},
	{
		"a storm is damped by nanoseconds", "actor/retry.go",
		"patientPause = int64(50 * time.Millisecond)", "patientPause = int64(50 * time.Nanosecond)", "TestStormsAreDamped",
	},
	{
		"nobody is told that the producer is down", "actor/retry.go",
		"\tl.moveLink(state.Down)\n", "", "TestDown",
	},
	{
		"Stats do not know why an attempt failed", "actor/retry.go",
		"\tl.p.gauges.failure.Store(&cause)\n", "", "TestConnect",
	},
}
