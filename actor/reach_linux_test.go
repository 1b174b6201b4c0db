package actor_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/internal/leak"
)

// These tests need more than one address on the loopback interface. On Linux all of 127.0.0.0/8 is there.

func TestLocalAddr(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	p := newProducer(t, l.Addr().String(), &actor.Config{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}})
	pinged := started(p.Ping)
	conn, err := l.Accept()
	require.NoError(t, err)
	from := netip.MustParseAddrPort(conn.RemoteAddr().String())
	require.Equal(t, "127.0.0.2", from.Addr().String())
	conn.Close()
	require.Error(t, receive(t, pinged))
}

// names replaces net.Dialer's resolver while the test runs. Every name has the addresses that the function it returns was last
// called with.
func names(t *testing.T) (have func(addrs ...string)) {
	t.Helper()
	var now atomic.Pointer[[]string]
	system := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = system })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			answerQueries(far, *now.Load())
		}()
		return near, nil
	}}
	return func(addrs ...string) { now.Store(&addrs) }
}

// answerQueries is a DNS server on a stream, until the other end closes it.
func answerQueries(conn net.Conn, addrs []string) {
	const (
		head          = 12
		typeA, typeV6 = 1, 28
	)
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		end := head
		for query[end] != 0 {
			end += int(query[end]) + 1
		}
		asked := binary.BigEndian.Uint16(query[end+1:])
		question := query[head : end+5]
		var records []byte
		count := 0
		for _, addr := range addrs {
			ip := netip.MustParseAddr(addr)
			kind := uint16(typeA)
			if ip.Is6() {
				kind = typeV6
			}
			if kind != asked {
				continue
			}
			count++
			records = append(records, 0xc0, head) // the question's name
			records = binary.BigEndian.AppendUint16(records, kind)
			records = append(records, 0, 1, 0, 0, 0, 60) // class, seconds to live
			records = binary.BigEndian.AppendUint16(records, uint16(len(ip.AsSlice())))
			records = append(records, ip.AsSlice()...)
		}
		answer := append([]byte{0, 0}, query[:2]...)
		answer = append(answer, 0x81, 0x80, 0, 1, 0, byte(count), 0, 0, 0, 0)
		answer = append(append(answer, question...), records...)
		binary.BigEndian.PutUint16(answer, uint16(len(answer)-2))
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// A name with several addresses leads to the one of them on which nsqd listens, at every attempt anew: net.Dialer's doing.
func TestNameWithSeveralAddresses(t *testing.T) {
	have := names(t)
	srv := newDouble(t)
	_, port, err := net.SplitHostPort(srv.Addr)
	require.NoError(t, err)
	for _, addrs := range [][]string{
		{"127.0.0.1"},
		{"::1", "127.0.0.1"}, // as localhost often is
		{"127.0.0.9", "127.0.0.8", "127.0.0.1", "::1"},
		{"127.0.0.1", "127.0.0.9"},
	} {
		have(addrs...)
		connections := srv.Stats().Conns
		p := newProducer(t, "nsqd.example:"+port, nil)
		require.NoError(t, p.Publish("topic", []byte("body")), "%v", addrs)
		srv.ResetAll()
		until(t, "another connection", func() bool { return p.Stats().Connections == 2 })
		require.NoError(t, p.Publish("topic", []byte("body")), "%v", addrs)
		require.Equal(t, connections+2, srv.Stats().Conns)
		require.Equal(t, "nsqd.example:"+port, p.String())
		p.Stop()
	}

	// None of them: it is the error of one that the caller gets.
	have("127.0.0.9", "127.0.0.8")
	p := newProducer(t, "nsqd.example:"+port, nil)
	err = p.Publish("topic", []byte("body"))
	requireDown(t, err)
	require.ErrorContains(t, err, "nsqd.example:"+port)
	have("127.0.0.9", "127.0.0.1") // nsqd has moved
	until(t, "the producer has connected without being asked", func() bool { return p.Ping() == nil })

	have() // and one that does not exist
	p = newProducer(t, "nsqd.example:"+port, nil)
	err = p.Publish("topic", []byte("body"))
	require.ErrorIs(t, err, actor.ErrNotConnected)
	missing := new(net.DNSError)
	require.ErrorAs(t, err, &missing)
	require.True(t, missing.IsNotFound)
	require.NotErrorIs(t, err, syscall.ECONNREFUSED)
}

// A name server that says nothing holds up nobody: contexts hold, and DialTimeout bounds the lookup too.
func TestSilentNameServer(t *testing.T) {
	leak.Check(t)
	system := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = system })
	over := make(chan struct{}) // package net goes on with a lookup that nobody waits for any more
	t.Cleanup(func() { close(over) })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		<-over
		return nil, net.ErrClosed
	}}
	p := newProducer(t, "nsqd.example:4150", &actor.Config{DialTimeout: patience / 4})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := p.PublishContext(ctx, "topic", []byte("body"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, actor.NotSent, actor.OutcomeOf(err))
	require.Less(t, time.Since(began), patience/8, "not DialTimeout")

	p = newProducer(t, "nsqd.example:4150", &actor.Config{DialTimeout: 20 * time.Millisecond})
	began = time.Now()
	err = p.Publish("topic", []byte("body"))
	require.ErrorIs(t, err, actor.ErrNotConnected)
	require.Less(t, time.Since(began), patience/8, "not the resolver's own timeout")
}
