package actor

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever the user's tls.Config says, TLS never begins anew on a connection: it would write while the loop does.
func TestNoRenegotiation(t *testing.T) {
	users := &tls.Config{ServerName: "nsqd.example", Renegotiation: tls.RenegotiateFreelyAsClient}
	own, err := tlsConfig("127.0.0.1:4150", &Config{TlsV1: true, TlsConfig: users})
	require.NoError(t, err)
	require.Equal(t, tls.RenegotiateNever, own.Renegotiation)
	require.Equal(t, tls.RenegotiateFreelyAsClient, users.Renegotiation, "the user's stays as it is")
}
