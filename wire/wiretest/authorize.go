package wiretest

import (
	"bytes"

	"github.com/nsqactor/producer/wire"
)

func (c *Config) authEnabled() bool { return c.AuthSecret != "" || c.Authorize != nil }

func (c *conn) auth(secret []byte) ([]byte, *wire.ReplyError) {
	cfg := &c.server.cfg
	switch {
	case c.authorized:
		return nil, refusal(wire.CodeInvalid, "AUTH already set")
	case !cfg.authEnabled():
		return nil, refusal(wire.CodeAuthDisabled, "AUTH disabled")
	case cfg.AuthSecret != "" && string(secret) != cfg.AuthSecret:
		return nil, refusal(wire.CodeUnauthorized, "AUTH no authorizations found")
	}
	c.authorized, c.secret = true, string(secret)
	return jsonFrame(struct {
		Identity        string `json:"identity"`
		IdentityURL     string `json:"identity_url"`
		PermissionCount int    `json:"permission_count"`
	}{"wiretest", "", 1}), nil
}

// permit says what nsqd has against a command that publishes to a topic (nsqd/protocol_v2.go, CheckAuth).
func (c *conn) permit(name, topic string) *wire.ReplyError {
	cfg := &c.server.cfg
	switch {
	case !cfg.authEnabled():
		return nil
	case !c.authorized:
		return refusal(wire.CodeAuthFirst, "AUTH required before %s", name)
	case cfg.Authorize != nil && !cfg.Authorize(c.secret, topic):
		return refusal(wire.CodeUnauthorized, `AUTH failed for %s on %q ""`, name, topic)
	}
	return nil
}

// forbids says what nsqd has against a command when it has read no more than its line: all but IDENTIFY where TLS is required and
// not yet there, and an MPUB without permission. (For PUB and DPUB, nsqd reads the body first.)
func (c *conn) forbids(line int) *wire.ReplyError {
	text, _ := c.r.Peek(line)
	params := bytes.Split(bytes.TrimSuffix(text[:line-1], []byte("\r")), []byte(" "))
	name := string(params[0])
	switch {
	case c.server.cfg.TLSRequired && !c.encrypted && name != "IDENTIFY":
		return refusal(wire.CodeInvalid, "cannot %s in current state (TLS required)", name)
	case name == "MPUB" && len(params) > 1 && wire.CheckTopic(string(params[1])) == nil:
		return c.permit(name, string(params[1]))
	}
	return nil
}
