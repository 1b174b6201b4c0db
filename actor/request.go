package actor

import (
	"fmt"
	"hash/maphash"
	"time"

	"github.com/nsqactor/producer/wire"
)

// request is a call's arguments, which stay the caller's memory.
type request struct {
	kind   kind
	topic  string
	delay  time.Duration
	body   []byte
	bodies [][]byte
}

// check refuses what nsqd would refuse, and returns what the request holds of MaxPendingBytes.
func (r *request) check(cfg *Config) (size int, err error) {
	switch r.kind {
	case publish:
		size, err = len(r.body), wire.CheckPub(r.topic, r.body)
	case deferredPublish:
		size, err = len(r.body), wire.CheckDPub(r.topic, r.delay, r.body)
	case multiPublish:
		size, err = wire.MPubSize(r.bodies), wire.CheckMPub(r.topic, r.bodies)
	}
	if err != nil {
		return 0, err
	}
	if len(r.body) > cfg.MaxMsgSize {
		return 0, fmt.Errorf("%w: a body of %d bytes, MaxMsgSize is %d", wire.ErrSize, len(r.body), cfg.MaxMsgSize)
	}
	for i, body := range r.bodies {
		if len(body) > cfg.MaxMsgSize {
			return 0, fmt.Errorf("%w: message %d of the batch has %d bytes, MaxMsgSize is %d", wire.ErrSize, i, len(body), cfg.MaxMsgSize)
		}
	}
	if r.kind == multiPublish && size > cfg.MaxBodySize {
		return 0, fmt.Errorf("%w: a batch of %d bytes, MaxBodySize is %d", wire.ErrSize, size, cfg.MaxBodySize)
	}
	if size > cfg.MaxPendingBytes {
		return 0, fmt.Errorf("%w: %d bytes, MaxPendingBytes is %d", wire.ErrSize, size, cfg.MaxPendingBytes)
	}
	return size, nil
}

// encode copies the request into the transaction as the command that goes over the wire. The wire's encoders check it again:
// what a caller changes during the call, against the rules, must not get into the stream that others share.
func (t *Transaction) encode(r *request) (err error) {
	t.command, t.topic = t.command[:0], len(r.topic)
	t.hash = uint32(maphash.String(t.home.seed, r.topic))
	switch r.kind {
	case publish:
		t.command, err = wire.AppendPub(t.command, r.topic, r.body)
	case deferredPublish:
		t.command, err = wire.AppendDPub(t.command, r.topic, r.delay, r.body)
	case multiPublish:
		t.command, err = wire.AppendMPub(t.command, r.topic, r.bodies)
	}
	return err
}
