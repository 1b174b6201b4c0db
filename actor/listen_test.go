package actor_test

import (
	"bytes"
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// ear is a connection that says when the reader has come back for more after it was given the awaited bytes.
type ear struct {
	net.Conn
	got, awaited []byte
	heard        chan struct{}
}

func (e *ear) Read(b []byte) (int, error) {
	if e.awaited != nil && bytes.HasSuffix(e.got, e.awaited) {
		e.awaited = nil
		close(e.heard)
	}
	n, err := e.Conn.Read(b)
	e.got = append(e.got, b[:n]...)
	return n, err
}

// A surplus answer that the reader has passed on before a publish is encoded acks nothing: that publish goes to the next
// connection. The loop is held in the first publish's write until the answers, and the second publish, are there.
func TestSurplusAnswerBeforeTheNextPublish(t *testing.T) {
	srv := newDouble(t, wiretest.OnPublish(1).Conn(1).Answered().Send(wire.AppendOK(nil)))
	posted := make(chan struct{})
	p := newProducer(t, srv.Addr, &actor.Config{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		e := &ear{Conn: conn, awaited: wire.AppendOK(wire.AppendOK(nil)), heard: make(chan struct{})}
		return tap{e, func(conn net.Conn, b []byte) (int, error) {
			n, err := conn.Write(b)
			if bytes.Contains(b, []byte("PUB first\n")) {
				<-e.heard
				<-posted
			}
			return n, err
		}}, nil
	}})
	first := started(func() error { return p.Publish("first", []byte("body")) })
	require.NoError(t, srv.WaitMessages(testContext(t), 1))
	second := started(func() error { return p.Publish("second", []byte("body")) })
	waitingCallers(t, 2)
	close(posted)
	require.NoError(t, receive(t, first))
	require.NoError(t, receive(t, second))
	require.Equal(t, 2, srv.Messages()[1].Conn)
}
