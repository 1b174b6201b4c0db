package wiretest_test

import (
	"strings"
)

// grantedBut is the answer to IDENTIFY with some of its values replaced: old and new ones in turn.
func grantedBut(values ...string) string {
	return "response " + strings.NewReplacer(values...).Replace(granted)
}

const authElsewhere = "AUTH\n\x00\x00\x00\x09elsewhere"

// What is not granted, and what is refused for want of it. None of these rows takes an upgrade.
var grantRows = []row{
	{name: "7 TLS without a certificate", server: defaults, send: identify(`{"feature_negotiation":true,"tls_v1":true}`), want: []string{grantedBut()}},
	{name: "7 TLS not asked for", server: withTLS, send: identify(`{"feature_negotiation":true}`) + "PUB $T\n" + sized("x"), want: []string{grantedBut(), ok}, stored: 1},
	{name: "7 TLS without negotiation", server: withTLS, send: identify(`{"tls_v1":true,"deflate":true}`), want: []string{ok}},
	{name: "7 compression turned off", server: uncompressed, send: identify(`{"feature_negotiation":true,"deflate":true,"deflate_level":3}`), want: []string{grantedBut()}},
	{name: "7 both compressions, turned off", server: uncompressed, send: identify(`{"feature_negotiation":true,"deflate":true,"snappy":true}`), want: []string{grantedBut()}},
	{name: "7 both compressions, without negotiation", server: compressing, send: identify(`{"deflate":true,"snappy":true}`), want: []string{ok}},

	{name: "7 TLS required, PUB", server: onlyTLS, send: "PUB $T\n" + sized("x"), want: []string{"error E_INVALID cannot PUB in current state (TLS required)"}, closes: true},
	{name: "7 TLS required, MPUB of nothing", server: onlyTLS, send: "MPUB $T\n" + batch(), want: []string{"error E_INVALID cannot MPUB in current state (TLS required)"}, closes: true},
	{name: "7 TLS required, PUB without topic", server: onlyTLS, send: "PUB\n", want: []string{"error E_INVALID cannot PUB in current state (TLS required)"}, closes: true},
	{name: "7 TLS required, NOP", server: onlyTLS, send: "NOP\r\n", want: []string{"error E_INVALID cannot NOP in current state (TLS required)"}, closes: true},
	{name: "7 TLS required, AUTH", server: onlyTLS, send: authElsewhere, want: []string{"error E_INVALID cannot AUTH in current state (TLS required)"}, closes: true},
	{name: "7 TLS required, unknown command", server: onlyTLS, send: "what now\n", want: []string{"error E_INVALID cannot what in current state (TLS required)"}, closes: true},
	{name: "7 TLS required, not asked for", server: onlyTLS, send: identify(`{"feature_negotiation":true}`) + "PUB $T\n" + sized("x"),
		want: []string{grantedBut(), "error E_INVALID cannot PUB in current state (TLS required)"}, closes: true},
	{name: "7 TLS required, IDENTIFY twice", server: onlyTLS, send: identify(`{}`) + identify(`{}`) + "DPUB $T 1\n" + sized("x"),
		want: []string{ok, ok, "error E_INVALID cannot DPUB in current state (TLS required)"}, closes: true},

	{name: "7 auth by topic", server: perTopic, send: authElsewhere + "PUB elsewhere\n" + sized("x") + "DPUB elsewhere 0\n" + sized("x") + "MPUB elsewhere\n" + batch("x") + "PUB here\n" + sized("x"),
		want: []string{`response {"identity":"wiretest","identity_url":"","permission_count":1}`, ok, ok, ok, `error E_UNAUTHORIZED AUTH failed for PUB on "here" ""`}, closes: true},
	{name: "9 E_UNAUTHORIZED, DPUB", server: perTopic, send: authElsewhere + "DPUB here 0\n" + sized("x"),
		want: []string{"response {...", `error E_UNAUTHORIZED AUTH failed for DPUB on "here" ""`}, closes: true},
	{name: "9 E_UNAUTHORIZED, MPUB, before its body", server: perTopic, send: authElsewhere + "MPUB here\n" + batch(),
		want: []string{"response {...", `error E_UNAUTHORIZED AUTH failed for MPUB on "here" ""`}, closes: true},
	{name: "9 E_UNAUTHORIZED, PUB, behind its body", server: perTopic, send: authElsewhere + "PUB here\n" + sized(""),
		want: []string{"response {...", "error E_BAD_MESSAGE PUB invalid message body size 0"}, closes: true},
	{name: "9 E_AUTH_FIRST, MPUB, before its body", server: withAuth, send: "MPUB $T\n" + batch(), want: []string{"error E_AUTH_FIRST AUTH required before MPUB"}, closes: true},
	{name: "9 E_AUTH_FIRST, PUB, behind its body", server: withAuth, send: "PUB $T\n" + sized(""), want: []string{"error E_BAD_MESSAGE PUB invalid message body size 0"}, closes: true},
	{name: "9 E_BAD_TOPIC before E_AUTH_FIRST, MPUB", server: withAuth, send: "MPUB a:b\n" + batch("x"),
		want: []string{`error E_BAD_TOPIC E_BAD_TOPIC MPUB topic name "a:b" is not valid`}, closes: true},
}
