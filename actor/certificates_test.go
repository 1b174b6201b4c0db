package actor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority is a certificate authority that a test makes for itself.
type authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool // has it alone
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t), pool: x509.NewCertPool()}
	template := certificate("an authority", time.Hour)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	require.NoError(t, err)
	a.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	a.pool.AddCert(a.cert)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func certificate(name string, lasts time.Duration) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-2 * time.Hour),
		NotAfter:     time.Now().Add(lasts),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// issue returns a certificate for a host, an IP address or a name, that is good for so long from now, in PEM.
func (a *authority) issue(host string, lasts time.Duration) (certPEM, keyPEM []byte) {
	a.t.Helper()
	template := certificate(host, lasts)
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	key := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(a.t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(a.t, err)
	return block("CERTIFICATE", der), block("EC PRIVATE KEY", keyDER)
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// pair returns such a certificate as a program's own.
func (a *authority) pair(host string, lasts time.Duration) tls.Certificate {
	pair, err := tls.X509KeyPair(a.issue(host, lasts))
	require.NoError(a.t, err)
	return pair
}

// flags writes such a certificate to files and returns nsqd's flags that name them, and the authority as that of its clients.
func (a *authority) flags(host string, lasts time.Duration) []string {
	a.t.Helper()
	dir := a.t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(a.t, os.WriteFile(path, content, 0o600))
		return path
	}
	cert, key := a.issue(host, lasts)
	return []string{
		"-tls-cert=" + write("cert.pem", cert),
		"-tls-key=" + write("key.pem", key),
		"-tls-root-ca-file=" + write("ca.pem", block("CERTIFICATE", a.cert.Raw)),
	}
}
