package peers

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsqio/go-nsq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/internal/authority"

	"github.com/nsqactor/producer/actor"
)

// setting is an option and a value for it.
type setting struct {
	option string
	value  any
}

func (s setting) String() string { return fmt.Sprintf("%s %T %v", s.option, s.value, s.value) }

// both sets the option in a new Config of either kind. What go-nsq panics over counts as refused.
func both(settings ...setting) (theirs *nsq.Config, theirErr error, ours *actor.Config, ourErr error) {
	theirs, ours = nsq.NewConfig(), &actor.Config{}
	for _, s := range settings {
		func() {
			defer func() {
				if e := recover(); e != nil {
					theirErr = fmt.Errorf("panic: %v", e)
				}
			}()
			theirErr = errors.Join(theirErr, theirs.Set(s.option, s.value))
		}()
		ourErr = errors.Join(ourErr, ours.Set(s.option, s.value))
	}
	return theirs, theirErr, ours, ourErr
}

// producers are go-nsq's options that its producer uses, but for those of tls.Config, and the fields that they set.
var producers = map[string]string{
	"dial_timeout": "DialTimeout", "read_timeout": "ReadTimeout", "write_timeout": "WriteTimeout", "local_addr": "LocalAddr",
	"client_id": "ClientID", "hostname": "Hostname", "user_agent": "UserAgent", "heartbeat_interval": "HeartbeatInterval",
	"tls_v1": "TlsV1", "tls_config": "TlsConfig", "deflate": "Deflate", "deflate_level": "DeflateLevel", "snappy": "Snappy",
	"auth_secret": "AuthSecret",
}

func is(option string, names ...string) bool { return slices.Contains(names, option) }

// around is an integer of milliseconds that wraps around to 1.5 s.
const around = 1<<58 + 1500

var values = []any{
	nil, true, false, "true", "false", "TRUE", "t", "yes", "on", "", " ",
	"1", "0", "-1", "7", "9", "10", "+7", "007", "7.5", "0x10", "1e3", "a", "a,b", "zwölf",
	"50ms", "99ms", "100ms", "1500ms", "1.5s", "2s", "1m", "5m", "5m1s", "24h", "24h1ns", "-1ms", "-1ns", "-2s", "0s", "2 s",
	"127.0.0.2:0", "127.0.0.2", "[::1]:0", ":0", "[::1]", "127.0.0.2:65536", "127.0.0.2:x",
	0, 1, 2, 7, 9, 10, 99, 100, 1500, 300_000, 300_001, -1, -2, math.MaxInt64, math.MinInt64, around,
	int8(7), int16(7), int32(1500), int64(1500),
	uint(1500), uint8(7), uint16(1500), uint32(1500), uint64(1500), uint64(math.MaxUint64),
	1.0, 7.5, float32(7.5), math.NaN(),
	time.Duration(0), time.Duration(-1), time.Nanosecond, time.Millisecond, 100 * time.Millisecond, 1500 * time.Millisecond,
	5 * time.Minute, 24 * time.Hour, 24*time.Hour + 1, -time.Millisecond, -time.Hour,
	[]byte("bytes"), []string{"a"}, struct{}{}, errors.New("an error"), map[string]int{},
	&net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, &net.UDPAddr{Port: 7},
	(*tls.Config)(nil), &tls.Config{ServerName: "nsqd.example"}, tls.Config{},
}

// For every option of a producer and every value, Set does what go-nsq's does, or there is a reason why not.
func TestSetAsGoNSQDoes(t *testing.T) {
	met := map[string]int{}
	for option, field := range producers {
		for _, value := range values {
			s := setting{option, value}
			theirs, theirErr, ours, ourErr := both(s)
			their := reflect.ValueOf(theirs).Elem().FieldByName(field).Interface()
			our := reflect.ValueOf(ours).Elem().FieldByName(field).Interface()
			same := (theirErr == nil) == (ourErr == nil) && (ourErr != nil || reflect.DeepEqual(their, our))
			reason := difference(option, value)
			met[reason]++
			assert.Equal(t, reason == "", same, "%v\n%q\ngo-nsq: %v, %v\nours: %v, %v", s, reason, their, theirErr, our, ourErr)
		}
	}
	for reason, n := range met {
		t.Log(n, reason)
	}
	assert.Len(t, met, 1+len(reasons), "every reason has its case")
}

// The known differences.
var reasons = map[string]string{
	"range": "go-nsq takes any dial_timeout and heartbeat_interval and 100 ms to 5 min of the other two; ours have 1 ms (1 s for " +
		"heartbeats) to 24 h. 0, which means no limit or the default there, is refused, since a zero field is the default here",
	"overflow": "an integer whose milliseconds an int64 cannot hold wraps around in go-nsq, and may come out within its range",
	"off":      "no heartbeats: the field is -1 here, however it was written; go-nsq has -1 ms or -1 ns and treats both so",
	"small":    "int8 and uint8 are integers here",
	"text": "go-nsq prints what is no text by %s, so that true becomes the secret \"%!s(bool=true)\" and a type that hides itself " +
		"in String becomes stars; here it is refused",
}

// difference returns which of the reasons holds for the option and the value; none, if both packages must agree.
func difference(option string, value any) string {
	switch {
	case is(option, "client_id", "hostname", "user_agent", "auth_secret"):
		switch value.(type) {
		case string, []byte, int, int16, int32, int64, uint, uint16, uint32, float32, float64:
			return ""
		case uint64:
			if value == uint64(math.MaxUint64) {
				return "text"
			}
			return ""
		}
		return "text"
	case strings.HasSuffix(option, "_timeout"), option == "heartbeat_interval":
		return spanDifference(option, value)
	case is(option, "deflate_level", "deflate", "tls_v1", "snappy"):
		switch value.(type) {
		case int8, uint8:
			return "small"
		}
		if value == uint64(math.MaxUint64) && option != "deflate_level" {
			return "overflow"
		}
	}
	return ""
}

func spanDifference(option string, value any) string {
	var d time.Duration
	switch v := value.(type) {
	case int8, uint8:
		if option == "heartbeat_interval" {
			return "" // 7 ms are too few in any case
		}
		return "small"
	case time.Duration:
		d = v
	case string:
		parsed, err := time.ParseDuration(v)
		if err != nil {
			return ""
		}
		d = parsed
	default:
		n := reflect.ValueOf(value)
		switch {
		case n.CanInt():
			d = time.Duration(n.Int()) * time.Millisecond
		case n.CanUint():
			d = time.Duration(n.Uint()) * time.Millisecond
		default:
			return ""
		}
		if value == around {
			return "overflow"
		}
		if value == math.MaxInt64 || value == math.MinInt64 || value == uint64(math.MaxUint64) {
			if is(option, "dial_timeout", "heartbeat_interval") {
				return "overflow"
			}
			return ""
		}
	}
	if option == "heartbeat_interval" && (d == -1 || d == -time.Millisecond) {
		if d == -1 {
			return ""
		}
		return "off"
	}
	low, high := time.Millisecond, 24*time.Hour
	theirs := true
	switch option {
	case "heartbeat_interval":
		low = time.Second
	case "read_timeout", "write_timeout":
		theirs = 100*time.Millisecond <= d && d <= 5*time.Minute
	}
	if theirs != (low <= d && d <= high) {
		return "range"
	}
	return ""
}

// Every option of go-nsq is known here: as a producer's, as a consumer's, or as one of tls.Config.
func TestEveryOptionOfGoNSQ(t *testing.T) {
	fields := reflect.VisibleFields(reflect.TypeFor[nsq.Config]())
	known := 0
	for _, field := range fields {
		option := field.Tag.Get("opt")
		if option == "" {
			continue
		}
		known++
		err := new(actor.Config).Set(option, struct{}{})
		if producers[option] == field.Name {
			assert.ErrorContains(t, err, "option "+option+" is of type struct {}, must be ")
		} else {
			assert.ErrorContains(t, err, "option "+option+" is a consumer's")
		}
	}
	assert.Greater(t, known, 25)
	for _, option := range []string{"nonsense", "DialTimeout", "dial timeout", " tls_v1"} {
		_, theirErr, _, ourErr := both(setting{option, true})
		assert.Error(t, theirErr)
		assert.ErrorContains(t, ourErr, "is unknown")
	}
	_, theirErr, _, ourErr := both(setting{"", true})
	assert.NoError(t, theirErr, "it sets the first field that has no name")
	assert.ErrorContains(t, ourErr, "is unknown")

	theirs, theirErr, ours, ourErr := both(setting{"dial-timeout", 7}, setting{"tls-v1", true})
	require.NoError(t, errors.Join(theirErr, ourErr))
	assert.Equal(t, theirs.DialTimeout, ours.DialTimeout)
	assert.Equal(t, theirs.TlsV1, ours.TlsV1)
}

// newPair writes a certificate and its key into files.
func newPair(t *testing.T) (cert, key string) {
	t.Helper()
	return authority.New(t).Files("127.0.0.1", time.Hour)
}

// sameTLS compares what the options set in a tls.Config. Versions that no option has set differ: go-nsq's go from 1.0 to 1.2, and
// ours are crypto/tls's own, so that 1.3 works.
func sameTLS(t *testing.T, theirs, ours *tls.Config, versions bool, name string) {
	t.Helper()
	if theirs == nil || ours == nil {
		assert.Equal(t, theirs, ours, name)
		return
	}
	assert.Equal(t, theirs.InsecureSkipVerify, ours.InsecureSkipVerify, name)
	assert.True(t, theirs.RootCAs.Equal(ours.RootCAs), name)
	assert.Equal(t, theirs.Certificates, ours.Certificates, name)
	if versions {
		assert.Equal(t, theirs.MinVersion, ours.MinVersion, name)
	}
	assert.Zero(t, ours.MaxVersion, name)
}

func TestTLSOptionsAsGoNSQDoes(t *testing.T) {
	cert, key := newPair(t)
	_, otherKey := newPair(t)
	none := filepath.Join(t.TempDir(), "none.pem")
	for _, c := range []struct {
		settings []setting
		differs  string // why one of the two refuses
	}{
		{settings: []setting{{"tls_cert", cert}, {"tls_key", key}}},
		{settings: []setting{{"tls-key", key}, {"tls-cert", cert}}},
		{settings: []setting{{"tls_cert", cert}, {"tls_key", otherKey}}},
		{settings: []setting{{"tls_cert", none}, {"tls_key", key}}},
		{settings: []setting{{"tls_cert", cert}, {"tls_key", key}, {"tls_min_version", "tls1.2"}, {"tls_root_ca_file", cert},
			{"tls_insecure_skip_verify", 1}}},
		{settings: []setting{{"tls_cert", 7}}},
		{settings: []setting{{"tls_key", nil}}},
		{settings: []setting{{"tls_root_ca_file", cert}}},
		{settings: []setting{{"tls_root_ca_file", key}}},
		{settings: []setting{{"tls_root_ca_file", none}}},
		{settings: []setting{{"tls_root_ca_file", ""}}},
		{settings: []setting{{"tls_root_ca_file", true}}},
		{settings: []setting{{"tls_insecure_skip_verify", true}}},
		{settings: []setting{{"tls_insecure_skip_verify", "1"}}},
		{settings: []setting{{"tls_insecure_skip_verify", true}, {"tls_insecure_skip_verify", "false"}}},
		{settings: []setting{{"tls_insecure_skip_verify", "maybe"}}},
		{settings: []setting{{"tls_min_version", "tls1.0"}}},
		{settings: []setting{{"tls_min_version", "tls1.1"}}},
		{settings: []setting{{"tls_min_version", "tls1.2"}}},
		{settings: []setting{{"tls_min_version", "1.2"}}},
		{settings: []setting{{"tls_min_version", 1.2}}},
		{settings: []setting{{"tls_min_version", ""}}},
		{[]setting{{"tls_min_version", "tls1.3"}}, "there was none when go-nsq was written"},
		{[]setting{{"tls_min_version", "ssl3.0"}}, "crypto/tls has no SSL any more"},
	} {
		name := fmt.Sprint(c.settings)
		theirs, theirErr, ours, ourErr := both(c.settings...)
		if !assert.Equal(t, c.differs == "", (theirErr == nil) == (ourErr == nil), "%s\ngo-nsq: %v\nours: %v", name, theirErr, ourErr) {
			continue
		}
		if theirErr == nil && ourErr == nil {
			versions := slices.ContainsFunc(c.settings, func(s setting) bool { return s.option == "tls_min_version" })
			sameTLS(t, theirs.TlsConfig, ours.TlsConfig, versions, name)
		}
	}
}

// What go-nsq lets pass and ours does not, or the other way round, when both take each setting.
func TestTLSOptionsUnlikeGoNSQ(t *testing.T) {
	cert, key := newPair(t)
	cert2, key2 := newPair(t)

	// One half alone: go-nsq goes without a certificate.
	theirs, theirErr, ours, ourErr := both(setting{"tls_cert", cert})
	require.NoError(t, errors.Join(theirErr, ourErr))
	require.NoError(t, theirs.Validate())
	require.ErrorContains(t, ours.Validate(), "tls_key is not set")

	// A second pair: go-nsq stays with the first.
	theirs, theirErr, ours, ourErr = both(setting{"tls_cert", cert}, setting{"tls_key", key}, setting{"tls_key", ""},
		setting{"tls_cert", cert2}, setting{"tls_key", key2})
	require.NoError(t, errors.Join(theirErr, ourErr))
	first, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	second, err := tls.LoadX509KeyPair(cert2, key2)
	require.NoError(t, err)
	require.Equal(t, first.Certificate, theirs.TlsConfig.Certificates[0].Certificate)
	require.Equal(t, second.Certificate, ours.TlsConfig.Certificates[0].Certificate)

	// Not to skip verification is nothing to make a tls.Config for.
	theirs, theirErr, ours, ourErr = both(setting{"tls_insecure_skip_verify", false})
	require.NoError(t, errors.Join(theirErr, ourErr))
	require.NotNil(t, theirs.TlsConfig)
	require.Nil(t, ours.TlsConfig)

	// The user's tls.Config: go-nsq writes to it.
	own := &tls.Config{}
	_, theirErr, _, _ = both(setting{"tls_config", own}, setting{"tls_min_version", "tls1.2"})
	require.NoError(t, theirErr)
	require.EqualValues(t, tls.VersionTLS12, own.MinVersion)
	own = &tls.Config{}
	require.NoError(t, ours.Set("tls_config", own))
	require.NoError(t, ours.Set("tls_min_version", "tls1.2"))
	require.Zero(t, own.MinVersion)
}

func TestConfigFlagAsGoNSQDoes(t *testing.T) {
	for _, option := range []string{"tls_v1", "tls-v1,false", "dial_timeout,2s", "dial_timeout,2", "dial_timeout", "client_id,a,b",
		"client_id,", "max_in", "deflate_level,6", "deflate_level,10", "local_addr,127.0.0.2:0", "local_addr", " tls_v1", "auth_secret,x"} {
		theirs, ours := nsq.NewConfig(), &actor.Config{}
		var theirErr error
		func() {
			defer func() {
				if recover() != nil {
					theirErr = errors.New("panic")
				}
			}()
			theirErr = (&nsq.ConfigFlag{Config: theirs}).Set(option)
		}()
		ourErr := (&actor.ConfigFlag{Config: ours}).Set(option)
		if !assert.Equal(t, theirErr == nil, ourErr == nil, "%q: %v, %v", option, theirErr, ourErr) || ourErr != nil {
			continue
		}
		name, _, _ := strings.Cut(strings.ReplaceAll(option, "-", "_"), ",")
		field := producers[name]
		their := reflect.ValueOf(theirs).Elem().FieldByName(field).Interface()
		our := reflect.ValueOf(ours).Elem().FieldByName(field).Interface()
		assert.Equal(t, their, our, option)
	}
}
