package actor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// A TlsConfig that is there is never written to: it may be the user's, or belong to a copy of the Config as well. Whoever changes
// it puts a changed clone in its place.
func (c *Config) cloneTLS() *tls.Config {
	if c.TlsConfig == nil {
		return new(tls.Config)
	}
	return c.TlsConfig.Clone()
}

// keyFiles are the names of the files that Set was given as tls_cert and tls_key. They are read when both are known.
type keyFiles struct{ cert, key string }

var errNoName = errors.New("a file's name, a string")

func (f keyFiles) check() error {
	switch {
	case f.cert != "" && f.key == "":
		return fmt.Errorf("option tls_cert is %q, but tls_key is not set", f.cert)
	case f.key != "" && f.cert == "":
		return fmt.Errorf("option tls_key is %q, but tls_cert is not set", f.key)
	}
	return nil
}

func (c *Config) setCert(value any) error {
	cert, ok := value.(string)
	if !ok {
		return errNoName
	}
	return c.setKeyFiles(keyFiles{cert, c.keyFiles.key})
}

func (c *Config) setKey(value any) error {
	key, ok := value.(string)
	if !ok {
		return errNoName
	}
	return c.setKeyFiles(keyFiles{c.keyFiles.cert, key})
}

func (c *Config) setKeyFiles(files keyFiles) error {
	if files.cert != "" && files.key != "" {
		pair, err := tls.LoadX509KeyPair(files.cert, files.key)
		if err != nil {
			return fmt.Errorf("one of a pair of PEM files, here certificate %q and key %q: %w", files.cert, files.key, err)
		}
		config := c.cloneTLS()
		config.Certificates = []tls.Certificate{pair}
		c.TlsConfig = config
	}
	c.keyFiles = files
	return nil
}

func (c *Config) setRootCA(value any) error {
	file, ok := value.(string)
	if !ok {
		return errNoName
	}
	text, err := os.ReadFile(file)
	roots := x509.NewCertPool()
	if err == nil && !roots.AppendCertsFromPEM(text) {
		err = errors.New("there is none in it")
	}
	if err != nil {
		return fmt.Errorf("a PEM file of certificates: %w", err)
	}
	config := c.cloneTLS()
	config.RootCAs = roots
	c.TlsConfig = config
	return nil
}

func (c *Config) setSkipVerify(value any) error {
	var skip bool
	if err := setBool(&skip, value); err != nil {
		return err
	}
	if c.TlsConfig == nil && !skip {
		return nil // it is so by default, also where there is no TLS
	}
	config := c.cloneTLS()
	config.InsecureSkipVerify = skip
	c.TlsConfig = config
	return nil
}

var tlsVersions = map[string]uint16{
	"tls1.0": tls.VersionTLS10,
	"tls1.1": tls.VersionTLS11,
	"tls1.2": tls.VersionTLS12,
	"tls1.3": tls.VersionTLS13,
}

func (c *Config) setMinVersion(value any) error {
	name, _ := value.(string)
	version, ok := tlsVersions[name]
	if !ok {
		return errors.New("one of tls1.0, tls1.1, tls1.2 and tls1.3")
	}
	config := c.cloneTLS()
	config.MinVersion = version
	c.TlsConfig = config
	return nil
}

func (c *Config) setTLSConfig(value any) error {
	config, ok := value.(*tls.Config)
	if !ok {
		return errors.New("a *tls.Config")
	}
	c.TlsConfig, c.keyFiles = config, keyFiles{}
	return nil
}
