package actor

import (
	"flag"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var _ flag.Value = ConfigFlag{}

func TestConfigFlag(t *testing.T) {
	cfg := &Config{}
	f := ConfigFlag{cfg}
	require.NoError(t, f.Set("dial-timeout,2s"))
	require.NoError(t, f.Set("client_id,a,b"))
	require.NoError(t, f.Set("user_agent,"))
	require.NoError(t, f.Set("tls_v1"))
	require.NoError(t, f.Set("deflate,false"))
	require.NoError(t, f.Set("auth_secret,s3,cret"))
	require.Equal(t, &Config{DialTimeout: 2 * time.Second, ClientID: "a,b", TlsV1: true, AuthSecret: "s3,cret"}, cfg)
	require.EqualError(t, f.Set("max_in_flight,7"), "option max_in_flight is a consumer's; a producer has no use for it")
	require.EqualError(t, f.Set("client_id"), "option client_id is true, must be a string")
	require.EqualError(t, f.Set("auth_secret"), "option auth_secret is of type bool, must be a string")
	require.EqualError(t, f.Set(""), `option "" is unknown`)
	require.EqualError(t, f.Set(" tls_v1"), `option " tls_v1" is unknown`)
	require.EqualError(t, f.Set("auth_secret=s3cret"), `option "auth_secret" is given with =, its value must stand behind a comma`)
	require.Empty(t, f.String())
	require.Empty(t, ConfigFlag{}.String(), "package flag asks it of the zero value")
}

func TestConfigFlagInPackageFlag(t *testing.T) {
	cfg := &Config{}
	flags := flag.NewFlagSet("program", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Var(ConfigFlag{cfg}, "producer-opt", "")
	flags.PrintDefaults() // calls String
	require.NoError(t, flags.Parse([]string{"--producer-opt=tls_v1", "-producer-opt", "dial_timeout,5s", "--producer-opt=dial_timeout,2s"}))
	require.Equal(t, &Config{TlsV1: true, DialTimeout: 2 * time.Second}, cfg, "the last one wins")
	require.ErrorContains(t, flags.Parse([]string{"--producer-opt=sample_rate,7"}), "option sample_rate is a consumer's")
}
