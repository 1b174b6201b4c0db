package wiretest_test

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
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority is a CA that the tests trust, or one that they do not, with a certificate for a server on 127.0.0.1 and one for a
// client.
type authority struct {
	pool           *x509.CertPool
	root           []byte // DER
	server, client tls.Certificate
}

var (
	trusted  = sync.OnceValue(newAuthority)
	stranger = sync.OnceValue(newAuthority)
)

func newAuthority() *authority {
	key := newKey()
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "wiretest"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	a := &authority{pool: x509.NewCertPool()}
	a.root = sign(root, root, key, key)
	parsed, err := x509.ParseCertificate(a.root)
	if err != nil {
		panic(err)
	}
	a.pool.AddCert(parsed)
	for i, to := range []*tls.Certificate{&a.server, &a.client} {
		leaf := newKey()
		der := sign(&x509.Certificate{SerialNumber: big.NewInt(int64(i + 2)), Subject: pkix.Name{CommonName: "leaf"}, KeyUsage: x509.KeyUsageDigitalSignature,
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, parsed, leaf, key)
		*to = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: leaf}
	}
	return a
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// sign makes certificates that are good in a bubble too, the clock of which starts in 2000.
func sign(template, parent *x509.Certificate, of, by *ecdsa.PrivateKey) []byte {
	template.NotBefore = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	template.NotAfter = time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &of.PublicKey, by)
	if err != nil {
		panic(err)
	}
	return der
}

// serverTLS is what nsqd makes of its options.
func (a *authority) serverTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.server}}
}

func (a *authority) clientTLS() *tls.Config {
	return &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1"}
}

// flags are nsqd's for a server with this certificate.
func (a *authority) flags(t *testing.T) []string {
	dir := t.TempDir()
	key, err := x509.MarshalECPrivateKey(a.server.PrivateKey.(*ecdsa.PrivateKey))
	require.NoError(t, err)
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	return []string{
		"-tls-cert=" + file("cert.pem", "CERTIFICATE", a.server.Certificate[0]),
		"-tls-key=" + file("key.pem", "EC PRIVATE KEY", key),
		"-tls-root-ca-file=" + file("root.pem", "CERTIFICATE", a.root),
	}
}
