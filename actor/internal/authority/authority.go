// Package authority makes certificates for tests: a certificate authority of the test's own, and what it issues.
package authority

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
	"time"
)

// TB is the part of testing.TB that this package needs.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	TempDir() string
}

// Authority is a certificate authority. What fails, fails its test.
type Authority struct {
	Pool *x509.CertPool // has it alone

	t    TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// New returns an authority of its own.
func New(t TB) *Authority {
	t.Helper()
	a := &Authority{Pool: x509.NewCertPool(), t: t}
	a.key = a.newKey()
	template := certificate("an authority", time.Hour)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	a.check(err)
	a.cert, err = x509.ParseCertificate(der)
	a.check(err)
	a.Pool.AddCert(a.cert)
	return a
}

func (a *Authority) check(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatalf("%v", err)
	}
}

func (a *Authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.check(err)
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

// issue returns a certificate and its key in PEM.
func (a *Authority) issue(host string, lasts time.Duration) (cert, key []byte) {
	a.t.Helper()
	template := certificate(host, lasts)
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	own := a.newKey()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &own.PublicKey, a.key)
	a.check(err)
	keyDER, err := x509.MarshalECPrivateKey(own)
	a.check(err)
	return block("CERTIFICATE", der), block("EC PRIVATE KEY", keyDER)
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// Pair returns a new certificate for a host, an IP address or a name, that is good for so long from now; a negative time is over.
func (a *Authority) Pair(host string, lasts time.Duration) tls.Certificate {
	a.t.Helper()
	pair, err := tls.X509KeyPair(a.issue(host, lasts))
	a.check(err)
	return pair
}

// Files writes such a certificate and its key to files in PEM.
func (a *Authority) Files(host string, lasts time.Duration) (cert, key string) {
	a.t.Helper()
	certPEM, keyPEM := a.issue(host, lasts)
	dir := a.t.TempDir()
	return a.write(dir, "cert.pem", certPEM), a.write(dir, "key.pem", keyPEM)
}

func (a *Authority) write(dir, name string, content []byte) string {
	a.t.Helper()
	path := filepath.Join(dir, name)
	a.check(os.WriteFile(path, content, 0o600))
	return path
}

// Flags writes them to files and returns nsqd's flags that name them, and the authority as that of its clients.
func (a *Authority) Flags(host string, lasts time.Duration) []string {
	a.t.Helper()
	cert, key := a.Files(host, lasts)
	root := a.write(a.t.TempDir(), "ca.pem", block("CERTIFICATE", a.cert.Raw))
	return []string{"-tls-cert=" + cert, "-tls-key=" + key, "-tls-root-ca-file=" + root}
}
