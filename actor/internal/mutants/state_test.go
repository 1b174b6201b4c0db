package mutants

var inState = []mutant{
	{
		"a producer that was never used cannot be stopped", "state/phase.go",
		"Idle:     to(Live, Closed),", "Idle:     to(Live),", "TestEveryPair",
	},
	{
		"a producer that drains may come alive again", "state/phase.go",
		"Draining: to(Closed),", "Draining: to(Live, Closed),", "TestEveryPair",
	},
	{
		"an attempt that failed leads nowhere", "state/link.go",
		"Connecting: to(Up, Down, Unlinked),", "Connecting: to(Up, Unlinked),", "TestEveryPair",
	},
	{
		"down and connecting alternate, and each publish waits", "state/link.go",
		"Down:       to(Up, Unlinked),", "Down:       to(Connecting, Up, Unlinked),", "TestEveryPair",
	},
	{
		"up is called down", "state/link.go",
		`"up", "down"`, `"down", "up"`, "TestNames",
	},
	{
		"a breaker that proves itself badly cannot break", "state/breaker.go",
		" || c.Advance(Proving, Broken)", "", "TestBreak",
	},
	{
		"what is broken is trusted without a proof", "state/breaker.go",
		"Broken:  to(Proving),", "Broken:  to(Trusted, Proving),", "TestEveryPair",
	},
	{
		"a turn ends without being counted", "state/claim.go",
		"if to == Free {", "if to == Free && from == Abandoned {", "TestLeaveIsForOneTurn",
	},
	{
		"who leaves takes back another's publish", "state/claim.go",
		"if Turn(word>>claimBits) != turn {", "if false {", "TestLeaveIsForOneTurn",
	},
	{
		"who is late wins too", "state/claim.go",
		"return Claim(word&claimMask) == from && c.v.CompareAndSwap", "return c.v.CompareAndSwap", "TestEveryPair",
	},
	{
		"what was not encoded cannot end", "state/claim.go",
		"return (from == Queued || from == Taken) &&", "return from == Taken &&", "TestFinishTakesOnlyWhatIsUnderWay",
	},
	{
		"done and abandoned do not fit into their bits", "state/claim.go",
		"claimBits = 3", "claimBits = 2", "TestEveryPair",
	},
	{
		"what was given up is encoded", "state/claim.go",
		"GivenUp:   to[Claim](),", "GivenUp:   to(Taken),", "TestEveryPair",
	},
	{
		"an illegal move goes unnoticed", "state/doc.go",
		"if legal[from]&(1<<to) == 0 {", "if false {", "TestEveryPair",
	},
	{
		"each of several sets the flag first", "state/flag.go",
		"return f.v.CompareAndSwap(false, true)", "f.v.Store(true); return true", "TestFlag",
	},
	{
		"a flag cannot be cleared", "state/flag.go",
		"f.v.Store(false)", "f.v.CompareAndSwap(false, true)", "TestFlag",
	},
}
