package mutants

// Settings: their defaults, their ranges, and their names on a command line.
var inConfigs = []mutant{
	{
		"a default is another", "actor/config.go",
		"orElse(&d.ResponseTimeout, 5*time.Second)", "orElse(&d.ResponseTimeout, 50*time.Second)", "TestDefaults",
	},
	{
		"one late heartbeat ends the connection", "actor/config.go",
		"orElse(&d.ReadTimeout, 2*d.HeartbeatInterval)", "orElse(&d.ReadTimeout, d.HeartbeatInterval)",
		"TestDefaultsThatFollowOthers",
	},
	{
		"the default of BackoffMax lies below BackoffMin", "actor/config.go",
		"max(d.BackoffMin, 5*time.Second)", "5*time.Second", "TestDefaultsThatFollowOthers",
	},
	{
		"NewConfig fixes a ReadTimeout that does not follow", "actor/config.go",
		"\tc.ReadTimeout = 0\n", "", "TestDefaultsThatFollowOthers",
	},
	{
		"a ReadTimeout may be shorter than the heartbeats", "actor/config.go",
		"max(soon, d.HeartbeatInterval), ages)", "soon, ages)", "TestWrongFieldsAreNamed",
	},
	{
		"MaxPending may be more than the gate can count", "actor/config.go",
		"number(\"MaxPending\", d.MaxPending, 1, maxGateCount)", "number(\"MaxPending\", d.MaxPending, 1, math.MaxInt32)",
		"TestWrongFieldsAreNamed|TestSetAndValidateAgree",
	},
	{
		"Deflate and Snappy at once pass", "actor/config.go",
		"refuse(d.Deflate && d.Snappy,", "refuse(false,", "TestWrongFieldsAreNamed",
	},
	{
		"an option sets another field", "actor/options.go",
		"setSpan(&c.WriteTimeout, value, soon)", "setSpan(&c.ReadTimeout, value, soon)", "TestSpanOptions",
	},
	{
		"-1 ms is a heartbeat interval", "actor/options.go",
		"d == off*time.Millisecond", "false", "TestNoHeartbeats",
	},
	{
		"a bare number is of seconds", "actor/options.go",
		"return time.Duration(n) * time.Millisecond, ok", "return time.Duration(n) * time.Second, ok", "TestSpanOptions",
	},
	{
		"a number of milliseconds overflows", "actor/options.go",
		"ok && -most <= n && n <= most", "ok && (-most <= n || n <= most)", "TestSpanOptions",
	},
	{
		"a uint64 overflows", "actor/options.go",
		"return int64(v), v <= math.MaxInt64", "return int64(v), true", "TestTextOptions",
	},
	{
		"a number has no most", "actor/options.go",
		"n > min(most, math.MaxInt) {", "n > math.MaxInt {", "TestNumberOptions",
	},
	{
		"an error shows the secret", "actor/options.go",
		"option auth_secret is of type %T, must be", "option auth_secret is %v, must be", "TestTextOptions",
	},
	{
		"an option writes to the user's tls.Config", "actor/options_tls.go",
		"return c.TlsConfig.Clone()", "return c.TlsConfig", "TestTLSConfigsAreNotShared",
	},
	{
		"false turns verification off", "actor/options_tls.go",
		"config.InsecureSkipVerify = skip", "config.InsecureSkipVerify = true", "TestOtherTLSOptions",
	},
	{
		"what stands behind = is shown, and may be a secret", "actor/config_flag.go",
		"must stand behind a comma\", name)", "must stand behind a comma\", name+option)", "TestConfigFlag",
	},
	{
		"an address without a port passes", "actor/address.go",
		"if port == \"\" {", "if false {", "TestAddresses",
	},
}
