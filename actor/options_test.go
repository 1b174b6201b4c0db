package actor

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"net"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The options by what their values are.
var (
	spanOptions = []string{"dial_timeout", "handshake_timeout", "read_timeout", "write_timeout", "response_timeout",
		"heartbeat_interval", "backoff_min", "backoff_max"}
	numberOptions = map[string]int64{"max_pending": 1<<24 - 1, "max_pending_bytes": min(1<<40-1, math.MaxInt),
		"max_msg_size": 1<<31 - 1, "max_body_size": 1<<31 - 1, "fold_messages": 1<<31 - 1, "fold_bytes": 1<<31 - 1,
		"max_publish_attempts": 1<<31 - 1, "deflate_level": 9}
	boolOptions = []string{"retry_unknown", "wait_connected", "tls_v1", "deflate", "snappy", "auth_in_clear"}
	textOptions = []string{"client_id", "hostname", "user_agent", "auth_secret"}
	tlsOptions  = []string{"tls_config", "tls_root_ca_file", "tls_cert", "tls_key", "tls_insecure_skip_verify", "tls_min_version"}
)

func allOptions() []string {
	all := append([]string{"local_addr"}, spanOptions...)
	for name := range numberOptions {
		all = append(all, name)
	}
	all = append(all, boolOptions...)
	all = append(all, textOptions...)
	return append(all, tlsOptions...)
}

// fieldOf returns the option's field: the one that has its name but for underscores and case.
func fieldOf(t *testing.T, c *Config, option string) reflect.Value {
	t.Helper()
	name := strings.ReplaceAll(strings.Replace(option, "max_publish_", "max_", 1), "_", "")
	field := reflect.ValueOf(c).Elem().FieldByNameFunc(func(s string) bool { return strings.EqualFold(s, name) })
	require.True(t, field.IsValid(), option)
	return field
}

// Every field has its option, but for what has no form outside a program and what is not a field for users.
func TestEveryFieldHasAnOption(t *testing.T) {
	c := &Config{}
	known := map[string]bool{"Dial": true, "Logger": true, "keyFiles": true, "SnappyReader": true, "SnappyWriter": true, "HandBack": true,
		"Trace": true}
	for _, option := range allOptions() {
		assert.ErrorContains(t, c.Set(option, struct{}{}), "must be ", option)
		if !strings.HasPrefix(option, "tls_") || option == "tls_v1" || option == "tls_config" {
			name := strings.ReplaceAll(strings.Replace(option, "max_publish_", "max_", 1), "_", "")
			known[name] = true
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		assert.True(t, len(field.Index) > 1 || known[field.Name] || known[strings.ToLower(field.Name)], field.Name)
	}
}

// The table in Set's comment has every option, and every option of Set is in these tests.
func TestOptionsAreDocumented(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "options.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var documented []string
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "Set" {
			for _, row := range regexp.MustCompile(`(?m)^\t([a-z][a-z0-9_]+)  +([A-Z]\w+)  +\S`).FindAllStringSubmatch(f.Doc.Text(), -1) {
				documented = append(documented, row[1])
				assert.True(t, reflect.ValueOf(Config{}).FieldByName(row[2]).IsValid(), "%v", row)
			}
		}
	}
	require.ElementsMatch(t, allOptions(), documented)
}

func TestSpanOptions(t *testing.T) {
	for _, option := range spanOptions {
		for _, value := range []any{"90s", "1m30s", 90_000, int32(90_000), int64(90_000), uint(90_000), uint32(90_000), uint64(90_000),
			90 * time.Second} {
			c := &Config{}
			require.NoError(t, c.Set(option, value), "%s %T", option, value)
			assert.EqualValues(t, 90*time.Second, fieldOf(t, c, option).Int(), "%s %T", option, value)
		}
		for value, shown := range map[any]string{
			"": `""`, "90": `"90"`, "soon": `"soon"`, "-1s": `"-1s"`, "0s": `"0s"`,
			0: "0", int64(math.MaxInt64): "9223372036854775807", int64(math.MinInt64): "-9223372036854775808",
			uint64(math.MaxUint64): "of type uint64", 1.5: "1.5", true: "true", nil: "<nil>",
			24*time.Hour + 1: "24h0m0.000000001s", 999 * time.Microsecond: "999µs",
		} {
			c := &Config{DialTimeout: time.Hour}
			err := c.Set(option, value)
			require.ErrorContains(t, err, "option "+option+" is "+shown+", must be ")
			assert.ErrorContains(t, err, `s to 24h0m0s: a string such as "1500ms", an integer of milliseconds, or a time.Duration`)
			assert.Equal(t, &Config{DialTimeout: time.Hour}, c, "as it was")
		}
	}
	err := new(Config).Set("dial_timeout", "2 s")
	require.EqualError(t, err,
		`option dial_timeout is "2 s", must be from 1ms to 24h0m0s: a string such as "1500ms", an integer of milliseconds, or a time.Duration`)
}

func TestNoHeartbeats(t *testing.T) {
	for _, value := range []any{-1, int8(-1), "-1ms", time.Duration(-1), "-1ns"} {
		c := NewConfig()
		require.NoError(t, c.Set("heartbeat_interval", value))
		assert.EqualValues(t, -1, c.HeartbeatInterval)
		assert.NoError(t, c.Validate())
	}
	for _, value := range []any{-2, "-2ms", "999ms", 999} {
		assert.ErrorContains(t, NewConfig().Set("heartbeat_interval", value), "must be -1ms for none, or from 1s to 24h0m0s: ")
	}
}

func TestNumberOptions(t *testing.T) {
	for option, most := range numberOptions {
		for _, value := range []any{7, int8(7), int16(7), int32(7), int64(7), uint(7), uint8(7), uint16(7), uint32(7), uint64(7),
			"7", "+7", "007"} {
			c := &Config{}
			require.NoError(t, c.Set(option, value), "%s %T", option, value)
			assert.EqualValues(t, 7, fieldOf(t, c, option).Int())
		}
		for _, value := range []any{1, most} {
			assert.NoError(t, new(Config).Set(option, value))
		}
		for _, value := range []any{0, -1, most + 1, "", "7.0", "0x7", "7 ", "99999999999999999999", 7.0, time.Duration(7), true, nil} {
			c := &Config{DeflateLevel: 3}
			err := c.Set(option, value)
			require.ErrorContains(t, err, fmt.Sprintf("must be an integer from 1 to %d", most), "%v", value)
			assert.ErrorContains(t, err, "option "+option+" is ")
			assert.Equal(t, &Config{DeflateLevel: 3}, c, "as it was")
		}
	}
}

// What Set takes of one field, Validate takes, and the other way round.
func TestSetAndValidateAgree(t *testing.T) {
	for option, most := range numberOptions {
		if option == "deflate_level" {
			continue
		}
		for _, value := range []int64{1, 2, most - 1, most} {
			c := &Config{}
			require.NoError(t, c.Set(option, value))
			require.NoError(t, c.Validate(), "%s %d", option, value)
		}
		if most < math.MaxInt {
			c := &Config{}
			require.Error(t, c.Set(option, most+1))
			fieldOf(t, c, option).SetInt(most + 1)
			require.Error(t, c.Validate(), "%s %d", option, most+1)
		}
	}
	for _, option := range spanOptions {
		for _, value := range []time.Duration{time.Millisecond - 1, time.Millisecond, time.Second - 1, time.Second, day, day + 1} {
			c := &Config{HeartbeatInterval: time.Second, BackoffMin: time.Millisecond} // so that nothing depends on them
			fieldOf(t, c, option).SetInt(int64(value))
			if option == "read_timeout" && value < time.Second {
				continue // Validate compares it with HeartbeatInterval
			}
			assert.Equal(t, c.Validate() == nil, new(Config).Set(option, value) == nil, "%s %v", option, value)
		}
	}
}

func TestBoolOptions(t *testing.T) {
	values := map[bool][]any{
		true:  {true, "true", "1", "T", 1, 2, -1, int8(1), int64(1), uint(1), uint8(1), uint64(1)},
		false: {false, "false", "0", "F", 0, int32(0), uint16(0)},
	}
	for _, option := range boolOptions {
		for want, forms := range values {
			for _, value := range forms {
				c := &Config{RetryUnknown: !want, WaitConnected: !want, TlsV1: !want, Deflate: !want, Snappy: !want, AuthInClear: !want}
				require.NoError(t, c.Set(option, value), "%s %v", option, value)
				assert.Equal(t, want, fieldOf(t, c, option).Bool())
			}
		}
		for _, value := range []any{"", "yes", "2", 1.0, time.Second, nil, []bool{true}} {
			c := &Config{}
			err := c.Set(option, value)
			require.ErrorContains(t, err, "must be true or false: a bool, a string, or an integer, of which 0 is false")
			assert.ErrorContains(t, err, "option "+option+" is ")
			assert.Equal(t, &Config{}, c)
		}
	}
}

func TestTextOptions(t *testing.T) {
	for _, option := range textOptions {
		for _, c := range []struct {
			value any
			want  string
		}{
			{"a, b", "a, b"}, {"", ""}, {[]byte("bytes"), "bytes"}, {42, "42"}, {uint8(42), "42"}, {-1, "-1"},
			{1.5, "1.500000"}, {float32(1.5), "1.500000"},
		} {
			cfg := &Config{ClientID: "x", Hostname: "x", UserAgent: "x", AuthSecret: "x"}
			require.NoError(t, cfg.Set(option, c.value))
			assert.Equal(t, c.want, fieldOf(t, cfg, option).String())
		}
		for _, value := range []any{
			true, nil, []string{"s3cret"}, time.Second, fmt.Errorf("s3cret"), uint64(math.MaxUint64),
		} {
			c := &Config{}
			err := c.Set(option, value)
			require.ErrorContains(t, err, "must be a string", "%T", value)
			assert.ErrorContains(t, err, "option "+option+" is ")
			assert.NotContains(t, err.Error(), "s3cret")
			assert.Equal(t, &Config{}, c)
		}
	}
	require.EqualError(t, new(Config).Set("auth-secret", true), "option auth_secret is of type bool, must be a string")
	require.EqualError(t, new(Config).Set("client_id", true), "option client_id is true, must be a string")
}

func TestLocalAddrOption(t *testing.T) {
	c := &Config{}
	require.NoError(t, c.Set("local_addr", "127.0.0.2:0"))
	require.Equal(t, "127.0.0.2:0", c.LocalAddr.String())
	require.NoError(t, c.Validate())
	own := &net.TCPAddr{IP: net.IPv6loopback}
	require.NoError(t, c.Set("local_addr", own))
	require.Same(t, own, c.LocalAddr)
	for _, value := range []any{"127.0.0.2", "127.0.0.2:70000", "::1:0", 4150, nil} {
		require.ErrorContains(t, c.Set("local_addr", value), `, must be a net.Addr, or a string such as "192.0.2.1:0"`)
		require.Same(t, own, c.LocalAddr)
	}
	require.NoError(t, c.Set("local_addr", &net.UDPAddr{}), "as go-nsq")
	require.Error(t, c.Validate())
}

// consumers are go-nsq's options that a producer has no use for.
var consumers = []string{"lookupd_poll_interval", "lookupd_poll_jitter", "lookupd_poll_timeout", "max_requeue_delay",
	"default_requeue_delay", "backoff_strategy", "max_backoff_duration", "backoff_multiplier", "low_rdy_idle_timeout",
	"low_rdy_timeout", "rdy_redistribute_interval", "sample_rate", "output_buffer_size", "output_buffer_timeout", "max_in_flight",
	"msg_timeout", "skip_lookupd_authorization"}

func TestConsumersOptions(t *testing.T) {
	for _, option := range consumers {
		for _, name := range []string{option, strings.ReplaceAll(option, "_", "-")} {
			c := &Config{}
			require.EqualError(t, c.Set(name, 1), "option "+option+" is a consumer's; a producer has no use for it")
			require.Equal(t, &Config{}, c)
		}
	}
	require.EqualError(t, new(Config).Set("max_attempts", 5),
		"option max_attempts is a consumer's; how often a publish is tried is max_publish_attempts")
}

func TestUnknownOptions(t *testing.T) {
	for _, option := range []string{"", "dial timeout", "DialTimeout", "DIAL_TIMEOUT", " tls_v1", "logger", "tls-root-ca", "auth_secrt"} {
		require.EqualError(t, new(Config).Set(option, "s3cret"), fmt.Sprintf("option %q is unknown", option))
	}
	require.Less(t, len(new(Config).Set(strings.Repeat("x", 1<<20), 1).Error()), 200)
	require.Less(t, len(new(Config).Set("tls_v1", strings.Repeat("x", 1<<20)).Error()), 300)
}

func TestDashesAreUnderscores(t *testing.T) {
	c := &Config{}
	require.NoError(t, c.Set("tls-v1", true))
	require.NoError(t, c.Set("dial_timeout", 1))
	require.NoError(t, c.Set("max-pending_bytes", "1"))
	require.Equal(t, &Config{TlsV1: true, DialTimeout: time.Millisecond, MaxPendingBytes: 1}, c)
}
