//go:build go1.25

package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// weather says which faults a play may have. Each kind has those of the ones before it, too. The milder it is, the more the
// rules ask for.
type weather uint8

const (
	calm     weather = iota // answers come in pieces or late, heartbeats anywhere; nothing breaks
	refusing                // nsqd refuses publishes, each with the end of the connection
	breaking                // attempts to connect fail; connections end, but nsqd has answered all that it stored
	foul                    // nsqd stores and does not answer, hangs, is cut off in mid-air, or talks nonsense
)

func (w weather) String() string {
	return [...]string{"calm", "refusing", "breaking", "foul"}[w]
}

// fate is what becomes of one connection.
type fate struct {
	conn  int // its number
	kind  int // which of fates
	n     int // at which publish of the connection, or which byte
	pause time.Duration
	code  string
}

func (f fate) String() string {
	return fmt.Sprintf("%s (n %d, %v, %s)", fates[f.kind].name, f.n, f.pause, f.code)
}

var (
	identity = `{"max_rdy_count":2500,"version":"1.3.0","auth_required":false}`
	welcome  = wire.AppendFrame(nil, wire.FrameResponse, identity)
	ok       = wire.AppendOK(nil)

	// What nsqd says against one publish. It is otherwise well.
	objections = []string{
		wire.CodeInvalid, wire.CodeBadTopic, wire.CodeBadMessage, wire.CodeBadBody, wire.CodeUnauthorized, wire.CodeAuthFirst,
		wire.CodeAuthDisabled, wire.CodeBadProtocol, wire.CodeIdentifyFailed, "E_NEVER_HEARD_OF",
	}
	// What nsqd says when it cannot just now.
	troubles = []string{wire.CodePubFailed, wire.CodeDPubFailed, wire.CodeAuthFailed, wire.CodeAuthError}

	nonsense = [][]byte{
		[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		wire.AppendFrame(nil, wire.FrameResponse, "NO"),
		wire.AppendFrame(nil, wire.FrameResponse, ""),
		wire.AppendFrame(nil, wire.FrameMessage, "message"),
		wire.AppendFrame(nil, 77, "OK"),
		{0, 0, 0, 3, 0, 0, 0},
		{0xff, 0xff, 0xff, 0xff},
		{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0},
	}
)

// scene is where a fate strikes.
type scene struct {
	fate
	at      wiretest.When // the connection's n-th publish
	plan    *plan
	surplus *atomic.Int64 // OKs that nobody asked for
}

type faults []wiretest.Fault

// fates lists what can become of a connection, from which weather on.
var fates = []struct {
	from weather
	name string
	of   func(s scene) faults
}{
	{calm, "answers in small pieces", func(s scene) faults {
		return faults{wiretest.OnAccept().Conn(s.conn).Split(1 + s.n%12)}
	}},
	{calm, "a heartbeat before an answer", func(s scene) faults { return faults{s.at.Heartbeat()} }},
	{calm, "a heartbeat behind an answer", func(s scene) faults { return faults{s.at.Answered().Heartbeat()} }},
	{calm, "heartbeats around the handshake", func(s scene) faults {
		identify := wiretest.OnIdentify().Conn(s.conn)
		return faults{identify.Heartbeat(), identify.Answered().Heartbeat()}
	}},
	{calm, "answers take their time", func(s scene) faults { return faults{s.at.Through(s.n + 5).Delay(s.pause)} }},
	{calm, "nsqd takes its time", func(s scene) faults { return faults{s.at.Busy(s.pause)} }},

	{refusing, "a publish is refused", func(s scene) faults { return faults{s.at.Error(s.code, s.text())} }},

	{breaking, "a publish fails in nsqd", func(s scene) faults {
		return faults{s.at.Error(troubles[s.n%len(troubles)], s.text())}
	}},
	{breaking, "a batch fails in nsqd", func(s scene) faults {
		return faults{s.at.If(batch).Error(wire.CodeMPubFailed, s.text())}
	}},
	{breaking, "closed at a publish", func(s scene) faults { return faults{s.at.Close()} }},
	{breaking, "reset at a publish", func(s scene) faults { return faults{s.at.Reset()} }},
	{breaking, "closed behind an answer", func(s scene) faults { return faults{s.at.Answered().Close()} }},
	{breaking, "reset behind an answer", func(s scene) faults { return faults{s.at.Answered().Reset()} }},
	{breaking, "closed at a byte", func(s scene) faults { return faults{wiretest.OnByte(13 * s.n).Conn(s.conn).Close()} }},
	{breaking, "reset at a byte", func(s scene) faults { return faults{wiretest.OnByte(13 * s.n).Conn(s.conn).Reset()} }},
	{breaking, "closed at once", func(s scene) faults { return faults{wiretest.OnAccept().Conn(s.conn).Close()} }},
	{breaking, "reset behind the handshake", func(s scene) faults {
		return faults{wiretest.OnIdentify().Conn(s.conn).Answered().Reset()}
	}},
	{breaking, "IDENTIFY is refused", func(s scene) faults {
		return faults{wiretest.OnIdentify().Conn(s.conn).Error(wire.CodeBadBody, "no")}
	}},
	{breaking, "IDENTIFY is answered with nonsense", func(s scene) faults {
		return faults{wiretest.OnIdentify().Conn(s.conn).Answer(nonsense[s.n%len(nonsense)])}
	}},
	{breaking, "an OK that nobody asked for comes with the handshake's last answer", func(s scene) faults {
		return faults{wiretest.OnIdentify().Conn(s.conn).Answer(slices.Concat(welcome, ok))}
	}},

	{foul, "answers stall", func(s scene) faults { return faults{s.at.Stall()} }},
	{foul, "nsqd stops reading", func(s scene) faults { return faults{s.at.StopReading()} }},
	{foul, "nsqd freezes", func(s scene) faults { return faults{s.at.Freeze()} }},
	{foul, "nsqd freezes before the handshake", func(s scene) faults {
		return faults{wiretest.OnAccept().Conn(s.conn).Freeze()}
	}},
	{foul, "nsqd takes long", func(s scene) faults { return faults{s.at.Busy(40 * s.pause)} }},
	{foul, "a black hole", func(s scene) faults { return faults{s.at.Blackhole()} }},
	{foul, "stored, never answered", func(s scene) faults {
		if s.plan.limited() {
			return nil
		}
		return faults{s.at.Through(math.MaxInt).Silence()}
	}},
	{foul, "an answer is cut off", func(s scene) faults { return faults{s.at.Answer(ok[:1+s.n%9]), s.at.Answered().Close()} }},
	{foul, "nonsense behind an answer", func(s scene) faults {
		return faults{s.at.Answered().Send(nonsense[s.n%len(nonsense)])}
	}},
	{foul, "an OK too many", func(s scene) faults {
		if s.plan.limited() {
			return nil
		}
		return faults{s.at.Answered().Do(func() { s.surplus.Add(1) }), s.at.Answered().Send(ok)}
	}},
	{foul, "a batch fails in nsqd, and is stored", func(s scene) faults {
		failed := wire.AppendFrame(nil, wire.FrameError, wire.CodeMPubFailed+" "+s.text())
		return faults{s.at.If(batch).Answer(failed), s.at.If(batch).Answered().Close()}
	}},
}

// scripted is how the text of every error frame begins with which a publish is refused by script. The rest of it is the
// connection's number, so that each frame can be told from all others.
const scripted = "scripted on connection "

func (s scene) text() string { return scripted + strconv.Itoa(s.conn) }

func batch(c wiretest.Command) bool { return c.Name == "MPUB" }

// drawFates decides about the first connections, how many being part of it; those behind them are left alone. A calm play has
// one connection, which may get several fates, since they go together.
func drawFates(r *rand.Rand, p *plan) (all []fate) {
	var kinds []int
	for i, f := range fates {
		if f.from <= p.weather {
			kinds = append(kinds, i)
		}
	}
	conns := 1 + r.IntN(12)
	for i := range conns {
		if chance(r, 6) {
			continue
		}
		f := fate{
			conn:  1 + i,
			kind:  pick(r, kinds...),
			n:     1 + r.IntN(pick(r, 3, 3, 40)),
			pause: time.Duration(1+r.IntN(5000)) * time.Microsecond,
			code:  pick(r, objections...),
		}
		if p.weather == calm {
			f.conn = 1
		}
		all = append(all, f)
	}
	return all
}

func (p *plan) faults(surplus *atomic.Int64) (all faults) {
	for _, f := range p.fates {
		all = append(all, fates[f.kind].of(scene{f, wiretest.OnPublish(f.n).Conn(f.conn), p, surplus})...)
	}
	return all
}

// dialing is what becomes of one attempt to connect.
type dialing struct {
	kind  dialKind
	pause time.Duration
}

type dialKind uint8

const (
	dialNormally dialKind = iota
	dialRefused
	dialSlowly  // but in time
	dialForever // until the context ends
	dialDeaf    // too long, whatever the context says; a connection comes of it
)

// longestDial is how long a Dial may take that does not listen to its context.
const longestDial = 1500 * time.Millisecond

func (d dialing) String() string {
	name := [...]string{"normal", "refused", "slow", "no answer", "too late, and deaf"}[d.kind]
	return fmt.Sprintf("%s (%v)", name, d.pause)
}

func drawDials(r *rand.Rand, p *plan) (all []dialing) {
	if p.weather < breaking || chance(r, 2) {
		return nil
	}
	for range 1 + r.IntN(8) {
		d := dialing{kind: pick(r, dialNormally, dialNormally, dialRefused, dialSlowly, dialForever)}
		switch d.kind {
		case dialSlowly:
			d.pause = p.cfg.DialTimeout / 2
		case dialForever:
			if p.weather == foul && chance(r, 2) {
				d = dialing{dialDeaf, p.cfg.DialTimeout + longestDial/3}
			}
		}
		all = append(all, d)
	}
	return all
}
