package actor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/nsqactor/producer/wire"
)

// handshaken is a connection that is ready for publishes.
type handshaken struct {
	conn net.Conn
	beat bool // a heartbeat came meanwhile and was not answered
}

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
	frames := wire.NewReader(conn)
	var last reply
	limit := time.AfterFunc(p.cfg.HandshakeTimeout, func() { conn.Close() }) // it need not honour read deadlines
	beat, err := p.shakeHands(conn, frames)
	if !limit.Stop() {
		err = errHandshake
	}
	if err != nil {
		last.end = fmt.Errorf("handshake: %w", err)
	} else {
		post(replies, reply{up: &handshaken{conn, beat}})
		last = read(frames, replies)
	}
	stop()
	conn.Close() // before the last reply, so that the producer does not end before its connection
	post(replies, last)
}

var errHandshake = fmt.Errorf("nsqd did not answer within HandshakeTimeout: %w", os.ErrDeadlineExceeded)

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

// identify is what IDENTIFY asks of nsqd: a producer's part of its fields.
type identify struct {
	ClientID           string `json:"client_id"`
	Hostname           string `json:"hostname"`
	UserAgent          string `json:"user_agent"`
	FeatureNegotiation bool   `json:"feature_negotiation"`
	HeartbeatInterval  int64  `json:"heartbeat_interval"` // milliseconds, or -1 for none
}

// identified is the part of nsqd's answer that matters here.
type identified struct {
	AuthRequired bool `json:"auth_required"`
}

// shakeHands opens the protocol and introduces the producer, within HandshakeTimeout. It reports whether nsqd sent a heartbeat
// meanwhile, which may stand before any frame.
func (p *Producer) shakeHands(conn net.Conn, frames *wire.Reader) (beat bool, err error) {
	if err := conn.SetWriteDeadline(time.Now().Add(p.cfg.HandshakeTimeout)); err != nil {
		return false, err
	}
	ask := identify{
		ClientID:           p.cfg.ClientID,
		Hostname:           p.cfg.Hostname,
		UserAgent:          p.cfg.UserAgent,
		FeatureNegotiation: true,
		HeartbeatInterval:  p.cfg.HeartbeatInterval.Milliseconds(),
	}
	if p.cfg.HeartbeatInterval == off {
		ask.HeartbeatInterval = -1
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return false, err
	}
	if _, err := conn.Write(wire.AppendIdentify([]byte(wire.Magic), body)); err != nil {
		return false, err
	}
	answer, beat, err := nextAnswer(frames)
	if err != nil {
		return beat, err
	}
	var got identified
	if err := json.Unmarshal(answer, &got); err != nil {
		return beat, fmt.Errorf("answer to IDENTIFY is not the JSON of an nsqd: %.40q", answer)
	}
	if got.AuthRequired {
		return beat, errors.New("nsqd requires AUTH, which this version does not do yet")
	}
	late, err := settleRest(frames)
	if err != nil {
		return beat, err
	}
	return beat || late, conn.SetWriteDeadline(time.Time{})
}

// nextAnswer returns the data of the next response that is not a heartbeat, valid until the next frame is read.
func nextAnswer(frames *wire.Reader) (data []byte, beat bool, err error) {
	for {
		frame, err := frames.Next()
		switch {
		case err != nil:
			return nil, beat, err
		case frame.IsHeartbeat():
			beat = true
		case frame.Type == wire.FrameError:
			return nil, beat, wire.ParseError(frame.Data)
		case frame.Type != wire.FrameResponse:
			return nil, beat, fmt.Errorf("%w: a %v frame", errUnasked, frame.Type)
		default:
			return frame.Data, beat, nil
		}
	}
}

// settleRest looks at what came behind the handshake's last answer: heartbeats, or an answer to what nobody has sent yet.
func settleRest(frames *wire.Reader) (beat bool, err error) {
	for frames.Ready() {
		frame, err := frames.Next()
		if err != nil {
			return beat, err
		}
		if !frame.IsHeartbeat() {
			return beat, fmt.Errorf("%w: a %v frame with data %.40q", errUnasked, frame.Type, frame.Data)
		}
		beat = true
	}
	return beat, nil
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
