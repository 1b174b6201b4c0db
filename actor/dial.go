package actor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// connect starts an attempt to reach nsqd. All that comes of it comes through its replies: up, if the handshake succeeds, and
// then nsqd's answers, and in any case, last, the end.
func (p *Producer) connect() *connection {
	ctx, cancel := context.WithCancel(context.Background())
	c := &connection{replies: make(chan reply, 1), close: cancel}
	go p.run(ctx, c.replies)
	return c
}

// run is the goroutine of one connection, from the dialling to the end. ctx is the connection's life: its end closes the
// connection, also one that comes up too late for anybody to want it.
func (p *Producer) run(ctx context.Context, replies chan reply) {
	conn, err := p.dial(ctx)
	if err != nil {
		post(replies, reply{end: err})
		return
	}
	boundUnsent(conn)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	var last reply
	bounded, done := context.WithTimeout(ctx, p.cfg.HandshakeTimeout)
	limit := context.AfterFunc(bounded, func() { conn.Close() }) // it need not honour read deadlines
	h, err := p.shakeHands(bounded, conn)
	if !limit() && ctx.Err() == nil {
		err = errHandshake
	}
	done()
	if err != nil {
		last.end = fmt.Errorf("handshake: %w", err)
	} else {
		post(replies, reply{up: &h.handshaken})
		last = read(h.frames, h.ground, p.cfg.AuthSecret, replies)
	}
	stop()
	conn.Close() // before the last reply, so that the producer does not end before its connection
	post(replies, last)
}

func (p *Producer) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.DialTimeout)
	defer cancel()
	network, name := splitAddr(p.addr)
	if p.cfg.Dial != nil {
		conn, err := p.cfg.Dial(ctx, network, name)
		if conn == nil && err == nil {
			err = errors.New("Config.Dial returned neither a connection nor an error")
		}
		return conn, err
	}
	dialer := net.Dialer{LocalAddr: p.cfg.LocalAddr}
	return dialer.DialContext(ctx, network, name)
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
