package actor

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/internal/authority"
)

// newPair writes a certificate and its key into files.
func newPair(t *testing.T) (cert, key string) {
	t.Helper()
	return authority.New(t).Files("127.0.0.1", time.Hour)
}

func TestCertAndKeyInEitherOrder(t *testing.T) {
	cert, key := newPair(t)
	want, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	for _, order := range [][2][2]string{{{"tls_cert", cert}, {"tls_key", key}}, {{"tls_key", key}, {"tls_cert", cert}}} {
		c := &Config{}
		require.NoError(t, c.Set(order[0][0], order[0][1]))
		assert.Nil(t, c.TlsConfig)
		assert.ErrorContains(t, c.Validate(), "option "+order[0][0]+" is ")
		_, err := NewProducer("127.0.0.1:4150", c)
		assert.ErrorContains(t, err, "but "+order[1][0]+" is not set")
		require.NoError(t, c.Set(order[1][0], order[1][1]))
		assert.Equal(t, want.Certificate, c.TlsConfig.Certificates[0].Certificate)
		assert.NoError(t, c.keyFiles.check())
	}
}

// A tls.Config takes the place of all that was set before.
func TestTLSConfigBehindAPair(t *testing.T) {
	cert, key := newPair(t)
	c := &Config{TlsV1: true}
	require.NoError(t, c.Set("tls_cert", cert))
	require.NoError(t, c.Set("tls_config", &tls.Config{}))
	require.NoError(t, c.Validate())
	require.NoError(t, c.Set("tls_key", key))
	require.NoError(t, c.Set("tls_cert", cert))
	require.Len(t, c.TlsConfig.Certificates, 1)
}

// A pair that is set again takes the place of the one before, when both halves are there.
func TestAnotherPair(t *testing.T) {
	cert, key := newPair(t)
	cert2, key2 := newPair(t)
	c := &Config{}
	require.NoError(t, c.Set("tls_cert", cert))
	require.NoError(t, c.Set("tls_key", key))
	first := c.TlsConfig
	err := c.Set("tls_cert", cert2)
	require.ErrorContains(t, err, `option tls_cert is "`+cert2+`", must be one of a pair of PEM files, here certificate "`+cert2+
		`" and key "`+key+`": `)
	require.Same(t, first, c.TlsConfig)
	require.NoError(t, c.Set("tls_cert", ""))
	require.ErrorContains(t, c.Validate(), "tls_cert is not set")
	require.NoError(t, c.Set("tls_key", key2))
	require.NoError(t, c.Set("tls_cert", cert2))
	want, err := tls.LoadX509KeyPair(cert2, key2)
	require.NoError(t, err)
	require.Len(t, c.TlsConfig.Certificates, 1)
	require.Equal(t, want.Certificate, c.TlsConfig.Certificates[0].Certificate)
}

func TestRootCA(t *testing.T) {
	cert, key := newPair(t)
	text, err := os.ReadFile(cert)
	require.NoError(t, err)
	want := x509.NewCertPool()
	require.True(t, want.AppendCertsFromPEM(text))
	c := &Config{}
	require.NoError(t, c.Set("tls_root_ca_file", cert))
	require.True(t, want.Equal(c.TlsConfig.RootCAs))

	before := c.TlsConfig
	err = c.Set("tls-root-ca-file", key)
	require.EqualError(t, err, `option tls_root_ca_file is "`+key+`", must be a PEM file of certificates: there is none in it`)
	err = c.Set("tls_root_ca_file", cert+".gone")
	require.ErrorContains(t, err, `must be a PEM file of certificates: open `)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Same(t, before, c.TlsConfig)
}

func TestFilesThatAreNoPair(t *testing.T) {
	cert, _ := newPair(t)
	_, key := newPair(t)
	for _, files := range [][2]string{{cert, key}, {cert, cert + ".gone"}, {cert + ".gone", key}, {key, cert}} {
		c := &Config{}
		require.NoError(t, c.Set("tls_cert", files[0]))
		err := c.Set("tls_key", files[1])
		require.ErrorContains(t, err, "option tls_key is ")
		require.ErrorContains(t, err, "must be one of a pair of PEM files")
		require.Equal(t, &Config{keyFiles: keyFiles{cert: files[0]}}, c, "as it was")
	}
}

func TestOtherTLSOptions(t *testing.T) {
	for name, version := range map[string]uint16{
		"tls1.0": tls.VersionTLS10, "tls1.1": tls.VersionTLS11, "tls1.2": tls.VersionTLS12, "tls1.3": tls.VersionTLS13,
	} {
		c := &Config{}
		require.NoError(t, c.Set("tls_min_version", name))
		require.Equal(t, version, c.TlsConfig.MinVersion)
		require.Zero(t, c.TlsConfig.MaxVersion)
	}
	for _, value := range []any{"ssl3.0", "1.2", "TLS1.2", "", 1.2, tls.VersionTLS12} {
		require.ErrorContains(t, new(Config).Set("tls_min_version", value), "must be one of tls1.0, tls1.1, tls1.2 and tls1.3")
	}

	c := &Config{}
	require.NoError(t, c.Set("tls_insecure_skip_verify", "false"))
	require.Nil(t, c.TlsConfig, "what is so anyway asks for no TLS")
	require.NoError(t, c.Set("tls_insecure_skip_verify", 1))
	require.True(t, c.TlsConfig.InsecureSkipVerify)
	require.NoError(t, c.Set("tls_insecure_skip_verify", false))
	require.False(t, c.TlsConfig.InsecureSkipVerify)

	own := &tls.Config{ServerName: "nsqd.example"}
	require.NoError(t, c.Set("tls_config", own))
	require.Same(t, own, c.TlsConfig)
	for _, value := range []any{tls.Config{}, nil, "config", true} {
		require.ErrorContains(t, c.Set("tls_config", value), "must be a *tls.Config")
		require.Same(t, own, c.TlsConfig)
	}
	require.NoError(t, c.Set("tls_config", (*tls.Config)(nil)))
	require.Nil(t, c.TlsConfig)
	for _, option := range []string{"tls_cert", "tls_key", "tls_root_ca_file"} {
		for _, value := range []any{true, 7, nil, []byte("name")} {
			require.ErrorContains(t, c.Set(option, value), "must be a file's name, a string", option)
		}
	}
}

// A tls.Config that two Configs have in common, or that is the user's, is never written to.
func TestTLSConfigsAreNotShared(t *testing.T) {
	cert, key := newPair(t)
	own := &tls.Config{ServerName: "nsqd.example", MaxVersion: tls.VersionTLS12}
	original := &Config{TlsConfig: own}
	for option, value := range map[string]any{
		"tls_root_ca_file": cert, "tls_key": key, "tls_insecure_skip_verify": true, "tls_min_version": "tls1.2",
	} {
		copied := *original
		require.NoError(t, copied.Set("tls_cert", cert))
		require.NoError(t, copied.Set(option, value))
		require.NotSame(t, own, copied.TlsConfig)
		require.Equal(t, "nsqd.example", copied.TlsConfig.ServerName, "kept")
		require.EqualValues(t, tls.VersionTLS12, copied.TlsConfig.MaxVersion, "kept")
		require.Same(t, own, original.TlsConfig)
		require.Equal(t, &tls.Config{ServerName: "nsqd.example", MaxVersion: tls.VersionTLS12}, own, option)
	}
	require.Equal(t, &Config{TlsConfig: own}, original)
}
