package mutants

// TLS and compression.
var inSeals = []mutant{
	{
		"sealed commands that nsqd may have count as not written", "actor/seal.go",
		"\t\t\tc.written = s.offset\n", "", "TestSealedAndNotAnswered",
	},
	{
		"a compressor that keeps what it got has sent it", "actor/seal.go",
		"\tif !o.pending() {\n\t\tc.through", "\tif true {\n\t\tc.through", "TestResponseTimeoutOfWhatACompressorKeeps",
	},
	{
		"a sealed write begins again where it was cut off", "actor/seal.go",
		"\t\ts.sent += progress\n", "", "TestSealedWriteThatIsSlow",
	},
	{
		"the loop compresses for seconds at a time", "actor/seal.go",
		"const sealAhead = 5 * time.Millisecond", "const sealAhead = 5 * time.Second", "TestSealsForAMomentAtATime",
	},
	{
		"a TLS record for each scrap of deflate", "actor/seal.go",
		"s.joined = bufio.NewWriterSize(s.tls, recordBytes)", "s.joined = bufio.NewWriterSize(s.tls, 16)",
		"TestDeflatedRecordsAreLarge",
	},
	{
		"the stream ends without TLS saying so", "actor/farewell.go",
		" || !c.finishSeal(l.clock())", "", "TestStopNotifiesTLS",
	},
	{
		"what a layer writes stands before what it wrote before", "actor/edge.go",
		"e.full <- append(buf, b...)", "e.full <- append(append([]byte{}, b...), buf...)",
		"TestEdgeKeepsTheOrder|TestEdgeHasWhatWasWritten",
	},
	{
		"what a layer writes is not copied", "actor/edge.go",
		"\te.full <- append(buf, b...)",
		"\tif len(buf) == 0 {\n\t\te.full <- b\n\t\treturn len(b), nil\n\t}\n\te.full <- append(buf, b...)",
		"TestEdgeCopies",
	},
	{
		"the user's tls.Config is written to", "actor/tls.go",
		"own = cfg.TlsConfig.Clone()", "own = cfg.TlsConfig", "TestProducerHasItsOwnCopy|TestServerName",
	},
	{
		"a resumed session skips the user's look at the certificate", "actor/tls.go",
		" && own.VerifyPeerCertificate == nil", "", "TestEachCertificateIsPutToTheCallback",
	},
	{
		"a server may renegotiate while the loop writes", "actor/tls.go",
		"own.Renegotiation = tls.RenegotiateNever", "own.Renegotiation = tls.RenegotiateFreelyAsClient", "TestNoRenegotiation",
	},
	{
		"an IPv6 zone is looked for in the certificate", "actor/tls.go",
		"\thost, _, _ = strings.Cut(host, \"%\")", "\t_, _, _ = strings.Cut(host, \"%\")", "TestServerNameWithoutZone",
	},
}
