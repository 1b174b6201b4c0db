//go:build go1.25

package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/nsqactor/producer/actor"
)

// plan is what a seed stands for. It is drawn before anything runs, so that a seed's plan is always the same.
type plan struct {
	seed    uint64
	weather weather
	cfg     actor.Config
	buffer  int // of each direction of a connection
	largest int // the largest message that nsqd takes, 0 for its default: smaller than what the client believes
	whole   int // the largest MPUB, likewise
	callers int
	topics  int           // of these the first so many
	eager   bool          // callers seldom wait for outcomes, so that more goes out together
	rooms   [channels]int // capacities of the done channels
	late    time.Duration // the late reader's pause between results
	fates   []fate
	dials   []dialing
	steps   []step
	ending  ending
	give    time.Duration // the last Shutdown's bound, where it may cut
}

// ending is how a play ends.
type ending uint8

const (
	cut      ending = iota // Shutdown, in whatever state things are
	mended                 // nsqd comes back and is well: all must end, and work, before Shutdown
	vanished               // the same, but the present connection goes silent instead of breaking
)

func (e ending) String() string {
	return [...]string{"cut short", "nsqd comes back", "nsqd comes back, its old connection silent"}[e]
}

const stepsPerSeed = 200

func newPlan(seed uint64) *plan {
	r := rand.New(rand.NewPCG(seed, 0))
	p := &plan{
		seed:    seed,
		weather: pick(r, calm, refusing, refusing, breaking, breaking, breaking, foul, foul, foul, foul, foul, foul),
		buffer:  pick(r, 0, 0, 400, 1000, 5000),
		callers: 1 + r.IntN(5),
		topics:  pick(r, 1, 2, len(topics), len(topics)),
		eager:   chance(r, 3),
		rooms:   [channels]int{prompt: r.IntN(3), late: r.IntN(3), kept: pick(r, 0, 3, stepsPerSeed)},
		late:    pick(r, time.Millisecond, 30*time.Millisecond, time.Second),
		ending:  pick(r, cut, cut, mended, mended, vanished),
		give:    pick(r, 0, time.Millisecond, 40*time.Millisecond, time.Second),
	}
	p.cfg = actor.Config{
		DialTimeout:       pick(r, 10*time.Millisecond, 100*time.Millisecond, time.Second),
		HandshakeTimeout:  pick(r, 20*time.Millisecond, 200*time.Millisecond, 5*time.Second),
		WriteTimeout:      pick(r, 30*time.Millisecond, 200*time.Millisecond, time.Second),
		ResponseTimeout:   pick(r, 20*time.Millisecond, 200*time.Millisecond, 5*time.Second),
		HeartbeatInterval: pick(r, -1, time.Second, time.Second, 30*time.Second),
		MaxPending:        pick(r, 1, 2, 3, 8, 32, 4096),
		MaxPendingBytes:   pick(r, 300, 2000, 32<<20, 32<<20),
		MaxMsgSize:        pick(r, 0, 30_000),
		FoldMessages:      pick(r, 1, 2, 3, 256),
		FoldBytes:         pick(r, 0, 0, 60, 200),
		BackoffMin:        pick(r, time.Millisecond, 10*time.Millisecond, 50*time.Millisecond),
		BackoffMax:        pick(r, 50*time.Millisecond, 50*time.Millisecond, 500*time.Millisecond, 5*time.Second),
		MaxAttempts:       pick(r, 1, 2, 3, 3),
		RetryUnknown:      chance(r, 3),
		WaitConnected:     chance(r, 2),
	}
	if p.weather < foul { // no answer takes longer than this, so that the client has no reason to give a connection up
		p.cfg.WriteTimeout, p.cfg.ResponseTimeout = time.Second, max(p.cfg.ResponseTimeout, time.Second)
	}
	if p.weather >= refusing && chance(r, 3) {
		p.largest = pick(r, 0, 300, 300)
		if p.largest == 0 || chance(r, 3) {
			p.whole = 500
		}
	}
	p.fates = drawFates(r, p)
	p.dials = drawDials(r, p)
	p.steps = drawSteps(r, p)
	return p
}

// limited reports whether nsqd's limits are lower than the client's. In such a play no OK is missing and none is one too many,
// since nsqd's objection to what is too large for it would meet an innocent.
func (p *plan) limited() bool { return p.largest > 0 || p.whole > 0 }

// tooLarge reports whether a publish is more than nsqd takes.
func (p *plan) tooLarge(s *step) bool {
	return p.largest > 0 && s.size > p.largest || p.whole > 0 && s.act == multiPublish && batchBytes(s.count, s.size) > p.whole
}

// batchBytes returns what an MPUB of so many messages of that size counts against -max-body-size.
func batchBytes(count, size int) int { return 4 + count*(4+size) }

// foldBytes returns how large a fold may become.
func (p *plan) foldBytes() int {
	if p.cfg.FoldBytes == 0 {
		return 256 << 10
	}
	return p.cfg.FoldBytes
}

// recovery is the longest time that a call without a context may go on behind nsqd's return: each of its waits once.
func (p *plan) recovery() time.Duration {
	c := &p.cfg
	const lastWords = 100 * time.Millisecond
	return max(c.DialTimeout, longestDial) + c.HandshakeTimeout + c.BackoffMax +
		c.WriteTimeout + 2*c.ResponseTimeout + 2*lastWords + p.late
}

// pick returns one of the values, each as likely as it is often.
func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// chance reports true once in n times.
func chance(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

func (p *plan) String() string {
	var s strings.Builder
	c := &p.cfg
	fmt.Fprintf(&s, "%v weather; %d callers; %s at the end (bound %v); done channels of %v, the late reader pauses %v\n",
		p.weather, p.callers, p.ending, p.give, p.rooms, p.late)
	fmt.Fprintf(&s, "DialTimeout %v, HandshakeTimeout %v, WriteTimeout %v, ResponseTimeout %v, HeartbeatInterval %v, ",
		c.DialTimeout, c.HandshakeTimeout, c.WriteTimeout, c.ResponseTimeout, c.HeartbeatInterval)
	fmt.Fprintf(&s, "backoff %v to %v\n", c.BackoffMin, c.BackoffMax)
	fmt.Fprintf(&s, "MaxPending %d, MaxPendingBytes %d, MaxMsgSize %d, MaxAttempts %d, RetryUnknown %t, WaitConnected %t\n",
		c.MaxPending, c.MaxPendingBytes, c.MaxMsgSize, c.MaxAttempts, c.RetryUnknown, c.WaitConnected)
	fmt.Fprintf(&s, "FoldMessages %d, FoldBytes %d; connections buffer %d bytes; ", c.FoldMessages, c.FoldBytes, p.buffer)
	fmt.Fprintf(&s, "nsqd's own limits are %d on a message, %d on an MPUB (0: the defaults)\n", p.largest, p.whole)
	for i, d := range p.dials {
		if d.kind != dialNormally {
			fmt.Fprintf(&s, "dial %d: %v\n", i+1, d)
		}
	}
	for _, f := range p.fates {
		fmt.Fprintf(&s, "connection %d: %v\n", f.conn, f)
	}
	return s.String()
}
