package wiretest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nsqactor/producer/wire"
)

var okFrame = wire.AppendOK(nil)

// obey does what a command asks, by nsqd's rules, and returns the frame that answers it, or what nsqd says against it.
func (c *conn) obey(cmd *command) (answer []byte, refused *wire.ReplyError) {
	switch cmd.Name {
	case "NOP":
		return nil, nil
	case "IDENTIFY":
		return c.identify(cmd.bodies[0])
	case "AUTH":
		return c.auth(cmd.bodies[0])
	}
	if c.strict && cmd.Name != "MPUB" { // of which forbids has judged
		if refused := c.permit(cmd.Name, cmd.Topic); refused != nil {
			return nil, refused
		}
	}
	c.seen.publish(cmd)
	return okFrame, nil
}

// request is what an IDENTIFY asks for (nsqio/nsq v1.3.0, nsqd/client_v2.go, identifyDataV2).
type request struct {
	ClientID            string `json:"client_id"`
	Hostname            string `json:"hostname"`
	HeartbeatInterval   int    `json:"heartbeat_interval"`
	OutputBufferSize    int    `json:"output_buffer_size"`
	OutputBufferTimeout int    `json:"output_buffer_timeout"`
	FeatureNegotiation  bool   `json:"feature_negotiation"`
	TLSv1               bool   `json:"tls_v1"`
	Deflate             bool   `json:"deflate"`
	DeflateLevel        int    `json:"deflate_level"`
	Snappy              bool   `json:"snappy"`
	SampleRate          int32  `json:"sample_rate"`
	UserAgent           string `json:"user_agent"`
	MsgTimeout          int    `json:"msg_timeout"`
}

// grant is the answer (nsqd/protocol_v2.go, IDENTIFY).
type grant struct {
	MaxRdyCount         int    `json:"max_rdy_count"`
	Version             string `json:"version"`
	MaxMsgTimeout       int    `json:"max_msg_timeout"`
	MsgTimeout          int    `json:"msg_timeout"`
	TLSv1               bool   `json:"tls_v1"`
	Deflate             bool   `json:"deflate"`
	DeflateLevel        int    `json:"deflate_level"`
	MaxDeflateLevel     int    `json:"max_deflate_level"`
	Snappy              bool   `json:"snappy"`
	SampleRate          int32  `json:"sample_rate"`
	AuthRequired        bool   `json:"auth_required"`
	OutputBufferSize    int    `json:"output_buffer_size"`
	OutputBufferTimeout int    `json:"output_buffer_timeout"`
}

const version = "1.3.0" // of the nsqd that this package stands in for

func (c *conn) identify(body []byte) ([]byte, *wire.ReplyError) {
	var asked request
	if json.Unmarshal(body, &asked) != nil {
		return nil, refusal(wire.CodeBadBody, "IDENTIFY failed to decode JSON body")
	}
	given := grant{
		MaxRdyCount: 2500, Version: version, MaxMsgTimeout: 900_000, MsgTimeout: 60_000,
		DeflateLevel: maxDeflateLevel, MaxDeflateLevel: maxDeflateLevel, SampleRate: asked.SampleRate,
		AuthRequired: c.server.cfg.authEnabled(), OutputBufferSize: 16 << 10, OutputBufferTimeout: 250,
	}
	interval := int(c.interval.Load() / int64(time.Millisecond))
	for _, option := range []struct { // in nsqd's order, which decides about the text
		name              string
		asked, lowest     int
		highest           int
		off               bool // -1 is allowed
		given             *int
		offValue, offTime int
	}{
		{name: "heartbeat interval", asked: asked.HeartbeatInterval,
			lowest: 1000, highest: 60_000, off: true, given: &interval},
		{name: "output buffer timeout", asked: asked.OutputBufferTimeout,
			lowest: 25, highest: 30_000, off: true, given: &given.OutputBufferTimeout},
		{name: "output buffer size", asked: asked.OutputBufferSize,
			lowest: 64, highest: 64 << 10, off: true, given: &given.OutputBufferSize, offValue: 1},
		{name: "sample rate", asked: int(asked.SampleRate), lowest: 1, highest: 99, given: new(int)},
		{name: "msg timeout", asked: asked.MsgTimeout, lowest: 1000, highest: 900_000, given: &given.MsgTimeout},
	} {
		switch {
		case option.asked == 0:
		case option.asked == -1 && option.off:
			*option.given = option.offValue
		case option.asked < option.lowest || option.asked > option.highest:
			return nil, refusal(wire.CodeBadBody, "IDENTIFY %s (%d) is invalid", option.name, option.asked)
		default:
			*option.given = option.asked
		}
	}
	if asked.OutputBufferSize == -1 {
		given.OutputBufferTimeout = 0 // without a buffer there is nothing to time
	}
	c.beat(time.Duration(interval) * time.Millisecond)
	c.identified, c.base = true, c.received-c.r.Buffered()
	if !asked.FeatureNegotiation {
		return okFrame, nil
	}
	if refused := c.negotiate(&asked, &given); refused != nil {
		return nil, refused
	}
	return jsonFrame(given), nil
}

// beat sets the interval of heartbeats, which is also that of the deadlines; 0 turns all of it off.
func (c *conn) beat(interval time.Duration) {
	c.interval.Store(int64(interval))
	select {
	case <-c.beats: // an interval that pump has not yet seen
	default:
	}
	c.beats <- interval
}

func jsonFrame(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // numbers, booleans and plain strings cannot fail
	}
	return wire.AppendFrame(nil, wire.FrameResponse, string(data))
}

func refusal(code, format string, args ...any) *wire.ReplyError {
	return &wire.ReplyError{Code: code, Text: fmt.Sprintf(format, args...)}
}
