package actor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nsqactor/producer/wire"
)

var errHandshake = fmt.Errorf("nsqd did not answer within HandshakeTimeout: %w", os.ErrDeadlineExceeded)

// handshaken is a connection that is ready for publishes.
type handshaken struct {
	conn net.Conn
	seal *seal // nil for a plain connection
	beat bool  // a heartbeat came meanwhile and was not answered
}

// handshake is what the connection's goroutine does between dialling and reading. Each step waits for nsqd's answer to the one
// before it, as nsqd requires where an upgrade may be granted, and a heartbeat may stand before any answer.
type handshake struct {
	handshaken
	p      *Producer
	frames *wire.Reader // of the outermost layer so far
	ground *threshold   // of the innermost layer, which reads from the connection; nil for a plain one
}

// identify is what IDENTIFY asks of nsqd: a producer's part of its fields.
type identify struct {
	ClientID           string `json:"client_id"`
	Hostname           string `json:"hostname"`
	UserAgent          string `json:"user_agent"`
	FeatureNegotiation bool   `json:"feature_negotiation"`
	HeartbeatInterval  int64  `json:"heartbeat_interval"` // milliseconds, or -1 for none
	TLS                bool   `json:"tls_v1,omitempty"`
	Deflate            bool   `json:"deflate,omitempty"`
	DeflateLevel       int    `json:"deflate_level,omitempty"`
	Snappy             bool   `json:"snappy,omitempty"`
}

// identified is the part of nsqd's answer that matters here.
type identified struct {
	TLS          bool `json:"tls_v1"`
	Deflate      bool `json:"deflate"`
	Snappy       bool `json:"snappy"`
	AuthRequired bool `json:"auth_required"`
}

// shakeHands opens the protocol and introduces the producer, puts on the layers that the Config asks for and nsqd grants, and
// authorises. The caller closes conn when HandshakeTimeout is over, which ends every step.
func (p *Producer) shakeHands(ctx context.Context, conn net.Conn) (*handshake, error) {
	h := &handshake{handshaken: handshaken{conn: conn}, p: p, frames: wire.NewReader(conn)}
	if err := conn.SetWriteDeadline(time.Now().Add(p.cfg.HandshakeTimeout)); err != nil {
		return nil, err
	}
	granted, err := h.identify()
	if err == nil {
		err = h.upgrade(ctx, granted)
	}
	if err == nil && granted.AuthRequired {
		err = h.authorise()
	}
	if err == nil {
		err = h.settleRest()
	}
	if err != nil {
		return nil, err
	}
	if h.seal != nil {
		h.seal.engage()
		h.ground.read = false
	}
	return h, conn.SetWriteDeadline(time.Time{})
}

func (h *handshake) identify() (granted identified, err error) {
	cfg := &h.p.cfg
	ask := identify{
		ClientID:           cfg.ClientID,
		Hostname:           cfg.Hostname,
		UserAgent:          cfg.UserAgent,
		FeatureNegotiation: true,
		HeartbeatInterval:  cfg.HeartbeatInterval.Milliseconds(),
		TLS:                cfg.TlsV1,
		Deflate:            cfg.Deflate,
		Snappy:             cfg.Snappy,
	}
	if cfg.HeartbeatInterval == off {
		ask.HeartbeatInterval = -1
	}
	if cfg.Deflate {
		ask.DeflateLevel = cfg.DeflateLevel
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return granted, err
	}
	answer, err := h.ask(wire.AppendIdentify([]byte(wire.Magic), body))
	if err != nil {
		return granted, err
	}
	if err := json.Unmarshal(answer, &granted); err != nil {
		return granted, fmt.Errorf("answer to IDENTIFY is not the JSON of an nsqd: %.40q", answer)
	}
	return granted, nil
}

// upgrade puts on TLS, and then compression. What was asked for and not granted is fatal for TLS; without compression the same
// is said at greater length.
func (h *handshake) upgrade(ctx context.Context, granted identified) error {
	cfg := &h.p.cfg
	if cfg.TlsV1 {
		if !granted.TLS {
			return errors.New("TlsV1 is set, and nsqd does not offer TLS")
		}
		layer, err := h.sealed().addTLS(ctx, h.behind(h.conn), h.p.tls)
		if err := h.confirm("TLS", layer, err); err != nil {
			return err
		}
	}
	switch {
	case cfg.Deflate && granted.Deflate:
		layer, err := h.sealed().addDeflate(h.behind(h.below()), cfg.DeflateLevel)
		return h.confirm("deflate", layer, err)
	case cfg.Snappy && granted.Snappy:
		layer, err := h.sealed().addSnappy(h.behind(h.below()), cfg)
		return h.confirm("snappy", layer, err)
	}
	return nil
}

// sealed returns the connection's seal, which it makes if there is none.
func (h *handshake) sealed() *seal {
	if h.seal == nil {
		h.seal = newSeal(h.conn)
	}
	return h.seal
}

// below returns what compression reads from.
func (h *handshake) below() io.Reader {
	if h.p.cfg.TlsV1 {
		return h.seal.tls
	}
	return h.conn
}

// behind returns what the present layer says from here on, as the next layer is to read it.
func (h *handshake) behind(src io.Reader) io.Reader {
	t := &threshold{src: src, ahead: h.frames.Rest(), beat: &h.beat}
	if h.ground == nil {
		h.ground = t
	}
	return t
}

// confirm makes a layer that could be made the one that frames come through from now on. nsqd says OK through it first.
func (h *handshake) confirm(name string, layer io.Reader, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	h.frames = wire.NewReader(layer)
	answer, err := h.nextAnswer()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if string(answer) != "OK" {
		return fmt.Errorf("%s: %w: %.40q instead of OK", name, errUnasked, answer)
	}
	return nil
}

// authorise sends AuthSecret. Its error does not repeat it, even if nsqd's refusal does.
func (h *handshake) authorise() error {
	cfg := &h.p.cfg
	if cfg.AuthSecret == "" {
		return errors.New("nsqd requires AUTH, and AuthSecret is not set")
	}
	if !cfg.TlsV1 && !cfg.AuthInClear && !staysHere(h.conn.RemoteAddr()) {
		return fmt.Errorf("nsqd requires AUTH, and AuthSecret is not sent in clear to %v: that takes TlsV1, or AuthInClear",
			h.conn.RemoteAddr())
	}
	_, err := h.ask(wire.AppendAuth(nil, []byte(cfg.AuthSecret)))
	if refusal := (*wire.ReplyError)(nil); errors.As(err, &refusal) {
		*refusal = *wire.ParseError([]byte(strings.ReplaceAll(refusal.Code+" "+refusal.Text, cfg.AuthSecret, "***")))
	}
	if err != nil {
		return fmt.Errorf("AUTH: %w", err)
	}
	return nil
}

// staysHere reports whether what is sent to the address does not leave the machine.
func staysHere(addr net.Addr) bool {
	switch addr := addr.(type) {
	case *net.TCPAddr:
		return addr != nil && addr.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	case nil:
		return false
	}
	return addr.Network() == "pipe" // net.Pipe's
}

// ask sends a command and returns the data of its answer, valid until the next frame is read.
func (h *handshake) ask(command []byte) ([]byte, error) {
	var err error
	if h.seal == nil {
		_, err = h.conn.Write(command)
	} else {
		err = h.seal.put(command, true)
	}
	if err != nil {
		return nil, err
	}
	return h.nextAnswer()
}

// nextAnswer returns the data of the next response that is not a heartbeat, valid until the next frame is read.
func (h *handshake) nextAnswer() ([]byte, error) {
	for {
		frame, err := h.frames.Next()
		switch {
		case err != nil:
			return nil, err
		case frame.IsHeartbeat():
			h.beat = true
		case frame.Type == wire.FrameError:
			return nil, wire.ParseError(frame.Data)
		case frame.Type != wire.FrameResponse:
			return nil, fmt.Errorf("%w: a %v frame", errUnasked, frame.Type)
		default:
			return frame.Data, nil
		}
	}
}

// settleRest looks at what came behind the handshake's last answer: heartbeats, or an answer to what nobody has sent yet.
func (h *handshake) settleRest() error {
	for h.frames.Ready() {
		frame, err := h.frames.Next()
		if err != nil {
			return err
		}
		if !frame.IsHeartbeat() {
			data := discreet(frame.Data, h.p.cfg.AuthSecret)
			return fmt.Errorf("%w: a %v frame with data %.40q", errUnasked, frame.Type, data)
		}
		h.beat = true
	}
	return nil
}
