package actor_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/internal/authority"
	"github.com/nsqactor/producer/wire/wiretest"
)

// countRecords is a dial hook that counts the TLS records which are written.
func countRecords(records *atomic.Int64) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		var written []byte // and not counted
		return tap{conn, func(conn net.Conn, b []byte) (int, error) {
			n, err := conn.Write(b)
			written = append(written, b[:n]...)
			const head = 5 // type, version, length
			for len(written) >= head {
				if written[1] != 3 {
					written = nil // IDENTIFY, in clear
					break
				}
				size := head + int(binary.BigEndian.Uint16(written[3:]))
				if len(written) < size {
					break
				}
				records.Add(1)
				written = written[size:]
			}
			return n, err
		}}, nil
	}
}

// What deflate makes of a publish goes out in records as large as crypto/tls makes them, not in one for each of flate's writes.
func TestDeflatedRecordsAreLarge(t *testing.T) {
	a := authority.New(t)
	srv := wiretest.Config{
		TLS: &tls.Config{Certificates: []tls.Certificate{a.Pair("127.0.0.1", time.Hour)}}, Deflate: true,
	}.NewServer()
	t.Cleanup(srv.Close)
	var records atomic.Int64
	cfg := encrypted(a)
	cfg.Deflate, cfg.Dial = true, countRecords(&records)
	p := newProducer(t, srv.Addr, cfg)
	require.NoError(t, p.Ping())
	before := records.Load()
	require.NoError(t, p.Publish("topic", []byte(hex.EncodeToString(noise(100_000))))) // which flate halves
	took := records.Load() - before
	require.Greater(t, took, int64(100_000>>14))
	require.Less(t, took, int64(60), "crypto/tls begins with short ones")
	require.Equal(t, 1, srv.MessageCount("topic"))
}
