package actor_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// certified returns a double of an nsqd with a certificate for 127.0.0.1, that of net/http/httptest, and who vouches for it.
func certified() (*wiretest.Server, *x509.CertPool) {
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	return wiretest.Config{TLS: &tls.Config{Certificates: web.TLS.Certificates}, TLSRequired: true}.NewServer(), roots
}

// TlsV1 is no wish: an nsqd whose certificate nobody trusted vouches for, and one without TLS, get nothing.
func ExampleConfig_tls() {
	nsqd, roots := certified()
	defer nsqd.Close()
	plain := wiretest.NewServer()
	defer plain.Close()

	publish := func(addr string, roots *x509.CertPool) {
		cfg := actor.NewConfig()
		cfg.TlsV1 = true
		cfg.TlsConfig = &tls.Config{RootCAs: roots} // nil: the system's
		p, err := actor.NewProducer(addr, cfg)
		if err != nil {
			log.Fatal(err)
		}
		defer p.Stop()
		fmt.Println(actor.OutcomeOf(p.Publish("secrets", []byte("hello"))))
	}
	publish(nsqd.Addr, roots)
	publish(nsqd.Addr, nil)
	publish(plain.Addr, roots)
	fmt.Println(tls.VersionName(nsqd.Conns()[0].TLS.Version), nsqd.MessageCount("secrets"), plain.MessageCount("secrets"))
	// Output:
	// acked
	// not sent
	// not sent
	// TLS 1.3 1 0
}
