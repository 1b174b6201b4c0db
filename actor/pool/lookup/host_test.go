package lookup_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor/pool/lookup"
)

const typeA, typeAAAA, noSuchName = 1, 28, 3

// nameServer returns a resolver whose name server answers every question with those of the addresses that are of the type asked
// for, and with an error if there are none at all.
func nameServer(t *testing.T, addrs ...string) *net.Resolver {
	answer := func(question []byte) []byte {
		kind := binary.BigEndian.Uint16(question[len(question)-4:])
		reply := append([]byte(nil), question...)
		count := uint16(0)
		for _, text := range addrs {
			addr := netip.MustParseAddr(text)
			if addr.Is4() != (kind == typeA) || addr.Is6() != (kind == typeAAAA) {
				continue
			}
			count++
			reply = append(reply, 0xc0, 12)                                    // the name: that of the question, at offset 12
			reply = append(reply, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0) // class IN, not to be cached
			reply = append(reply, 0, byte(len(addr.AsSlice())))
			reply = append(reply, addr.AsSlice()...)
		}
		flags := uint16(0x8580) // an answer, authoritative, recursion desired and available
		if len(addrs) == 0 {
			flags |= noSuchName
		}
		binary.BigEndian.PutUint16(reply[2:], flags)
		binary.BigEndian.PutUint16(reply[6:], count)
		return reply
	}
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe() // no packets, so that messages have their length before them, as over TCP
		go func() {
			defer server.Close()
			for {
				var size [2]byte
				if _, err := io.ReadFull(server, size[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(size[:]))
				if _, err := io.ReadFull(server, query); err != nil {
					return
				}
				end := 12 // of the question; what may follow it is an option
				for query[end] != 0 {
					end += 1 + int(query[end])
				}
				query = query[:end+5]
				query[10], query[11] = 0, 0 // no option
				reply := answer(query)
				if _, err := server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
					return
				}
			}
		}()
		return client, nil
	}}
}

func TestHost(t *testing.T) {
	server := nameServer(t, "10.0.0.9", "fd00::2", "10.0.0.10", "10.0.0.9", "fd00::1")
	resolve, err := lookup.Host("nsqd.example.:4150", server)
	require.NoError(t, err)
	for range 2 {
		addrs, err := resolve(within(t))
		require.NoError(t, err)
		require.Equal(t, []string{"10.0.0.10:4150", "10.0.0.9:4150", "[fd00::1]:4150", "[fd00::2]:4150"}, addrs)
	}
}

// An address is its own answer, and nobody is asked.
func TestHostOfAnAddress(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:4150", "[::1]:4150"} {
		resolve, err := lookup.Host(addr, nil)
		require.NoError(t, err)
		addrs, err := resolve(within(t))
		require.NoError(t, err)
		require.Equal(t, []string{addr}, addrs)
	}
}

func TestHostFails(t *testing.T) {
	resolve, err := lookup.Host("nsqd.example.:4150", nameServer(t))
	require.NoError(t, err)
	addrs, err := resolve(within(t))
	require.Empty(t, addrs)
	var failure *net.DNSError
	require.True(t, errors.As(err, &failure), "%v", err)
	require.True(t, failure.IsNotFound)
	require.ErrorContains(t, err, "nsqd.example.")

	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = resolve(ended)
	require.Error(t, err)
}

func TestHostRefuses(t *testing.T) {
	for hostport, want := range map[string]string{
		"":                  "missing port",
		"nsqd.internal":     "missing port",
		"nsqd.internal:":    "port",
		":4150":             "no host",
		"nsqd.internal:0":   "port 0",
		"nsqd.internal:x y": "unknown port",
		"nsqd:4150:4150":    "too many colons",
		"nsqd:70000":        "invalid port",
	} {
		resolve, err := lookup.Host(hostport, nil)
		require.Nil(t, resolve)
		if assert.ErrorContains(t, err, want, hostport) {
			assert.ErrorContains(t, err, `"`+hostport+`"`)
		}
	}
}
