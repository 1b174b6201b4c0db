package actor

import (
	"crypto/tls"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func configOf(t *testing.T, c *Config) Config {
	t.Helper()
	p, err := NewProducer("127.0.0.1:4150", c)
	require.NoError(t, err)
	return p.cfg
}

// TestDefaults says the numbers again, independently of the code's.
func TestDefaults(t *testing.T) {
	host, err := os.Hostname()
	require.NoError(t, err)
	short, _, _ := strings.Cut(host, ".")
	want := Config{
		DialTimeout:       time.Second,
		HandshakeTimeout:  5 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      time.Second,
		ResponseTimeout:   5 * time.Second,
		HeartbeatInterval: 30 * time.Second,
		MaxPending:        4096,
		MaxPendingBytes:   33_554_432,
		MaxMsgSize:        1_048_576,
		MaxBodySize:       5_242_880,
		FoldMessages:      256,
		FoldBytes:         262_144,
		BackoffMin:        50 * time.Millisecond,
		BackoffMax:        5 * time.Second,
		MaxAttempts:       3,
		DeflateLevel:      6,
		ClientID:          short,
		Hostname:          host,
		UserAgent:         "nsqactor/" + version,
	}
	require.Equal(t, want, configOf(t, nil), "nil")
	require.Equal(t, want, configOf(t, &Config{}), "zero")
	require.Equal(t, want, configOf(t, NewConfig()), "NewConfig")

	want.ReadTimeout = 0
	require.Equal(t, &want, NewConfig())
	first, second := NewConfig(), NewConfig()
	require.NotSame(t, first, second)
}

// The documentation names each limit with its default: the package's in its list, a field's in its comment.
func TestDefaultsAreDocumented(t *testing.T) {
	value := func(text string) int64 {
		number, unit, _ := strings.Cut(strings.ReplaceAll(text, ",", ""), " ")
		n, err := strconv.ParseInt(number, 10, 64)
		require.NoError(t, err, text)
		switch unit {
		case "ms":
			n *= int64(time.Millisecond)
		case "s":
			n *= int64(time.Second)
		case "MiB":
			n <<= 20
		}
		return n
	}
	defaults := map[string]int64{} // by field
	for v, i := reflect.ValueOf(*NewConfig()), 0; i < v.NumField(); i++ {
		if field := v.Field(i); field.CanInt() && field.Int() != 0 {
			defaults[v.Type().Field(i).Name] = field.Int()
		}
	}
	const one = `([\d,]+\d|\d)( (?:ms|s|MiB)\b)?`

	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	_, list, found := strings.Cut(file.Doc.Text(), "# Limits\n")
	require.True(t, found)
	list, _, _ = strings.Cut(list, "\n# ")
	inList := map[string]int64{}
	for _, m := range regexp.MustCompile(`(?:- |and )(\w+), `+one).FindAllStringSubmatch(list, -1) {
		inList[m[1]] = value(m[2] + m[3])
	}
	require.Equal(t, defaults, inList)

	file, err = parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	require.NoError(t, err)
	inComments, second := map[string]int64{}, ""
	ast.Inspect(file, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || len(field.Names) == 0 {
			return true
		}
		name := field.Names[0].Name
		if m := regexp.MustCompile(`Defaults? ` + one + `(?: and ` + one + `)?`).FindStringSubmatch(field.Doc.Text()); m != nil {
			inComments[name] = value(m[1] + m[2])
			if second = m[3] + m[4]; second != "" {
				return true
			}
		} else if second != "" { // of a pair: its comment stands at the first
			inComments[name] = value(second)
		}
		second = ""
		return true
	})
	delete(inComments, "HandBack") // 0: none
	require.Equal(t, defaults, inComments)
}

func TestDefaultsThatFollowOthers(t *testing.T) {
	c := NewConfig()
	c.HeartbeatInterval = 7 * time.Second
	require.Equal(t, 14*time.Second, configOf(t, c).ReadTimeout, "two heartbeats, on a NewConfig too")

	got := configOf(t, &Config{HeartbeatInterval: -1})
	require.Equal(t, time.Duration(-1), got.HeartbeatInterval)
	require.Zero(t, got.ReadTimeout, "without heartbeats silence means nothing")

	require.Equal(t, time.Minute, configOf(t, &Config{BackoffMin: time.Minute}).BackoffMax)
	require.Equal(t, 5*time.Second, configOf(t, &Config{BackoffMin: time.Second}).BackoffMax)

	got = configOf(t, &Config{Hostname: "a.b.example"})
	require.Equal(t, "a", got.ClientID)
	require.Equal(t, "a.b.example", got.Hostname)
	require.Equal(t, "plain", configOf(t, &Config{Hostname: "plain"}).ClientID)
	require.Equal(t, "id", configOf(t, &Config{Hostname: "a.b", ClientID: "id"}).ClientID)
}

func TestProducerHasItsOwnCopy(t *testing.T) {
	c := NewConfig()
	c.MaxPending, c.ClientID = 17, "mine"
	p, err := NewProducer("127.0.0.1:4150", c)
	require.NoError(t, err)
	c.MaxPending, c.ClientID, c.MaxMsgSize = -1, "changed", 1
	require.Equal(t, 17, p.cfg.MaxPending)
	require.Equal(t, "mine", p.cfg.ClientID)
	require.Equal(t, 1_048_576, p.cfg.MaxMsgSize)
	require.EqualValues(t, 17, p.room.maxCount)
	require.EqualValues(t, 17, p.unread.maxCount)
	require.Equal(t, 17, cap(p.mail))

	zero := &Config{}
	_, err = NewProducer("127.0.0.1:4150", zero)
	require.NoError(t, err)
	require.Equal(t, &Config{}, zero, "filled in the copy alone")
	require.NoError(t, zero.Validate())
	require.Equal(t, &Config{}, zero)
	require.NoError(t, (*Config)(nil).Validate())
}

const day = 24 * time.Hour

// wrongs are values that a Config must not have, each with all that is said about it.
var wrongs = []struct {
	set  func(*Config)
	want string
}{
	{func(c *Config) { c.DialTimeout = -1 }, "DialTimeout is -1ns, must be from 1ms to 24h0m0s"},
	{func(c *Config) { c.DialTimeout = time.Millisecond - 1 }, "DialTimeout is 999.999µs, must be from 1ms to 24h0m0s"},
	{func(c *Config) { c.HandshakeTimeout = day + 1 }, "HandshakeTimeout is 24h0m0.000000001s, must be from 1ms to 24h0m0s"},
	{func(c *Config) { c.WriteTimeout = -time.Second }, "WriteTimeout is -1s, must be from 1ms to 24h0m0s"},
	{func(c *Config) { c.ResponseTimeout = 1 }, "ResponseTimeout is 1ns, must be from 1ms to 24h0m0s"},
	{func(c *Config) { c.ReadTimeout = 29 * time.Second }, "ReadTimeout is 29s, must be from 30s to 24h0m0s"},
	{func(c *Config) { c.ReadTimeout = -1 }, "ReadTimeout is -1ns, must be from 30s to 24h0m0s"},
	{func(c *Config) { c.HeartbeatInterval, c.ReadTimeout = -1, 1 }, "ReadTimeout is 1ns, must be from 1ms to 24h0m0s"},
	{func(c *Config) { c.HeartbeatInterval = 999 * time.Millisecond }, "HeartbeatInterval is 999ms, must be from 1s to 24h0m0s"},
	{func(c *Config) { c.HeartbeatInterval = -2 }, "HeartbeatInterval is -2ns, must be from 1s to 24h0m0s"},
	{func(c *Config) { c.HeartbeatInterval = day + 1 }, "HeartbeatInterval is 24h0m0.000000001s, must be from 1s to 24h0m0s"},
	{func(c *Config) { c.MaxPending = -1 }, "MaxPending is -1, must be from 1 to 16777215"},
	{func(c *Config) { c.MaxPending = 1 << 24 }, "MaxPending is 16777216, must be from 1 to 16777215"},
	{func(c *Config) { c.MaxPendingBytes = -1 }, "MaxPendingBytes is -1, must be from 1 to 1099511627775"},
	{func(c *Config) { c.MaxMsgSize = -5 }, "MaxMsgSize is -5, must be from 1 to 2147483647"},
	{func(c *Config) { c.MaxBodySize = -5 }, "MaxBodySize is -5, must be from 1 to 2147483647"},
	{func(c *Config) { c.FoldMessages = -1 }, "FoldMessages is -1, must be from 1 to 2147483647"},
	{func(c *Config) { c.FoldBytes = -1 }, "FoldBytes is -1, must be from 1 to 2147483647"},
	{func(c *Config) { c.BackoffMin = -1 }, "BackoffMin is -1ns, must be from 1ms to 24h0m0s"},
	{func(c *Config) { c.BackoffMin, c.BackoffMax = day+1, 0 }, "BackoffMin is 24h0m0.000000001s, must be from 1ms to 24h0m0s"},
	{func(c *Config) { c.BackoffMax = time.Millisecond }, "BackoffMax is 1ms, must be from 50ms to 24h0m0s"},
	{func(c *Config) { c.MaxAttempts = -3 }, "MaxAttempts is -3, must be from 1 to 2147483647"},
	{func(c *Config) { c.HandBack = -1 }, "HandBack is -1, must be from 0 to 2147483647"},
	{func(c *Config) { c.TlsConfig, c.AuthSecret = &tls.Config{}, "s3cret" }, "TlsConfig is set, but TlsV1 is not: there would be no TLS"},
	{func(c *Config) { c.DeflateLevel = -1 }, "DeflateLevel is -1, must be from 1 to 9"},
	{func(c *Config) { c.DeflateLevel = 10 }, "DeflateLevel is 10, must be from 1 to 9"},
	{func(c *Config) { c.Snappy = true }, "Snappy is set, but not SnappyReader and SnappyWriter, which do it"},
	{func(c *Config) { c.Snappy, c.SnappyReader = true, nowhere }, "Snappy is set, but not SnappyReader and SnappyWriter, which do it"},
	{func(c *Config) { c.Snappy, c.SnappyWriter = true, nothing }, "Snappy is set, but not SnappyReader and SnappyWriter, which do it"},
	{func(c *Config) { c.Deflate, c.Snappy, c.SnappyReader, c.SnappyWriter = true, true, nowhere, nothing },
		"Deflate and Snappy are set, nsqd can do only one of them"},
	{func(c *Config) { c.LocalAddr = &net.UDPAddr{Port: 9} }, "LocalAddr is :9, a *net.UDPAddr, must be a *net.TCPAddr"},
	{func(c *Config) { c.keyFiles.cert = "c.pem" }, `option tls_cert is "c.pem", but tls_key is not set`},
	{func(c *Config) { c.keyFiles.key = "k.pem" }, `option tls_key is "k.pem", but tls_cert is not set`},
}

func nowhere(r io.Reader) io.Reader    { return nil }
func nothing(w io.Writer) WriteFlusher { return nil }

// TestWrongFieldsAreNamed, and no others: what nobody has set is not blamed, though its default may follow from a wrong one.
func TestWrongFieldsAreNamed(t *testing.T) {
	for _, w := range wrongs {
		c := NewConfig()
		w.set(c)
		assert.EqualError(t, c.Validate(), w.want)
		p, err := NewProducer("127.0.0.1:4150", c)
		assert.Nil(t, p)
		assert.EqualError(t, err, "nsq producer's config: "+w.want)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

func TestAllWrongFieldsAreReported(t *testing.T) {
	c := &Config{
		DialTimeout: -1, HandshakeTimeout: -1, ReadTimeout: -1, WriteTimeout: -1, ResponseTimeout: -1, HeartbeatInterval: -7,
		MaxPending: -1, MaxPendingBytes: -1, MaxMsgSize: -1, MaxBodySize: -1, BackoffMin: -1, BackoffMax: -2, MaxAttempts: -1,
		FoldMessages: -1, FoldBytes: -1, LocalAddr: &net.UnixAddr{}, keyFiles: keyFiles{cert: "c.pem"},
		TlsConfig: &tls.Config{}, Deflate: true, DeflateLevel: 10, Snappy: true,
	}
	// Where one field's range depends on another that is wrong, what range is named is not looked at here.
	lines := strings.Split(c.Validate().Error(), "\n")
	var fields []string
	for _, line := range lines {
		field := strings.Split(strings.Replace(line, " are ", " is ", 1), " is ")[0]
		fields = append(fields, field)
	}
	require.ElementsMatch(t, []string{
		"DialTimeout", "HandshakeTimeout", "ReadTimeout", "WriteTimeout", "ResponseTimeout", "HeartbeatInterval", "MaxPending",
		"MaxPendingBytes", "MaxMsgSize", "MaxBodySize", "BackoffMin", "BackoffMax", "MaxAttempts", "TlsConfig", "Deflate and Snappy",
		"DeflateLevel", "Snappy", "FoldMessages", "FoldBytes", "LocalAddr", "option tls_cert",
	}, fields)
}
