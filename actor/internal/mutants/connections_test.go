package mutants

// A connection's own goroutine, from the dialling to the last frame, and the writes.
var inConnections = []mutant{
	{
		"a heartbeat is lost between two replies", "actor/reader.go",
		"r.beat = r.beat || next.beat", "r.beat = next.beat", "TestRepliesMerge",
	},
	{
		"an end that comes at once hides the connection", "actor/reader.go",
		"\tif r.up == nil {\n", "\tif true {\n", "TestRepliesMerge",
	},
	{
		"nsqd repeats the secret into an error", "actor/reader.go",
		"bytes.ReplaceAll(data[kept:], []byte(secret), []byte(\"***\"))", "data[kept:]", "TestSecretThatNsqdRepeats",
	},
	{
		"a code of nsqd's is hidden with the secret", "actor/reader.go",
		"\t\tkept = len(code)\n", "\t\tkept = 0 * len(code)\n", "TestSecretThatIsACode",
	},
	{
		"a stray OK within a layer is an ack", "actor/reader.go",
		"&& !ground.read {", "&& false {", "TestAnswersWithinALayer",
	},
	{
		"a heartbeat before a layer is not answered", "actor/threshold.go",
		"\t\t*t.beat = true\n", "", "TestThresholdKeepsWhatWasReadAhead",
	},
	{
		"bytes read ahead before a layer are lost", "actor/threshold.go",
		"append(frames.Rest(), t.ahead[len(t.ahead)-ahead.Len():]...)", "frames.Rest()", "TestThresholdKeepsWhatWasReadAhead",
	},
	{
		"a write that ran into its deadline sends again what is gone", "actor/connection.go",
		"\t\treturn n, nil\n", "\t\treturn 0, nil\n", "TestErrorBeforeTheFirstByte",
	},
	{
		"the loop sleeps in a write", "actor/connection.go",
		"writeAhead   = 12 * time.Millisecond", "writeAhead   = 12 * time.Second", "TestAnswersArriveWhileAWriteIsBlocked",
	},
	{
		"dialling has HandshakeTimeout", "actor/dial.go",
		"context.WithTimeout(ctx, p.cfg.DialTimeout)", "context.WithTimeout(ctx, p.cfg.HandshakeTimeout)",
		"TestTimeoutsBoundACallExactly",
	},
	{
		"the handshake has no bound", "actor/dial.go",
		"limit := context.AfterFunc(bounded, func() { conn.Close() })", "limit := context.AfterFunc(bounded, func() {})",
		"TestBlackholeHoldsACallForHandshakeTimeout",
	},
	{
		"Stop returns before the connection is closed", "actor/dial.go",
		"\tconn.Close() // before the last reply", "\tdefer conn.Close() // before the last reply",
		"TestStopReturnsBehindTheClose",
	},
	{
		"nobody closes a connection that is no longer wanted", "actor/dial.go",
		"stop := context.AfterFunc(ctx, func() { conn.Close() })", "stop := context.AfterFunc(ctx, func() {})",
		"TestResponseTimeout",
	},
	{
		"a Dial that returns nothing crashes the process", "actor/dial.go",
		"if conn == nil && err == nil {", "if false {", "TestDialThatReturnsNothing",
	},
	{
		"the heartbeat interval is sent in microseconds", "actor/handshake.go",
		"cfg.HeartbeatInterval.Milliseconds()", "cfg.HeartbeatInterval.Microseconds()", "TestSilence",
	},
	{
		"heartbeats cannot be turned off", "actor/handshake.go",
		"if cfg.HeartbeatInterval == off {", "if false {", "TestHeartbeatsOffAreAskedFor",
	},
	{
		"without TLS the rest goes in clear", "actor/handshake.go",
		"if !granted.TLS {", "if false {", "TestTLSIsRequired",
	},
	{
		"a secret is sent in clear over a network", "actor/handshake.go",
		"if !cfg.TlsV1 && !cfg.AuthInClear && !staysHere", "if false && !staysHere", "TestAuthInClear",
	},
	{
		"nsqd's refusal of AUTH shows the secret", "actor/handshake.go",
		"strings.ReplaceAll(refusal.Code+\" \"+refusal.Text, cfg.AuthSecret, \"***\")",
		"strings.ReplaceAll(refusal.Code+\" \"+refusal.Text, \"***\", cfg.AuthSecret)", "TestAuthThatComesToNothing",
	},
	{
		"a secret is sent to an nsqd that does not ask for it", "actor/handshake.go",
		"err == nil && granted.AuthRequired {", "err == nil && h.p.cfg.AuthSecret != \"\" {", "TestAuthThatIsNotRequired",
	},
	{
		"an answer behind the handshake is swallowed", "actor/handshake.go",
		"\t\tif !frame.IsHeartbeat() {\n\t\t\tdata", "\t\tif frame.Type == wire.FrameError {\n\t\t\tdata",
		"TestErrorBeforeTheFirstByte|TestUnaskedAnswer|TestNonsenseForAHandshake",
	},
	{
		"the level of deflate is not asked for", "actor/handshake.go",
		"\t\task.DeflateLevel = cfg.DeflateLevel\n", "", "TestDeflateLevelIsAskedFor",
	},
	{
		"a layer needs no confirmation", "actor/handshake.go",
		"if string(answer) != \"OK\" {", "if len(answer) == 0 {", "TestUpgradeThatIsNotConfirmed",
	},
}
