//go:build go1.25

package model

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
)

// The rules about error frames: whom they concern, and what the producer learns from them.

// tooBig is what nsqd says of its own accord against what is too large for it.
type tooBig struct {
	command string // "PUB", "MPUB", "DPUB"; "" if nsqd said anything else
	size    int    // of the message, or of the whole MPUB
}

func sayTooBig(said *wire.ReplyError) (t tooBig) {
	var what string
	var limit int
	n, _ := fmt.Sscanf(said.Text, "%s %s too big %d > %d", &t.command, &what, &t.size, &limit)
	if n < 4 || said.Code != map[string]string{"message": wire.CodeBadMessage, "body": wire.CodeBadBody}[what] {
		return tooBig{}
	}
	return t
}

// taught returns which size nsqd has refused before, where that is why the client has refused a publish by itself; else 0.
func taught(err error) (size int) {
	if e, ok := err.(*actor.Error); ok {
		fmt.Sscanf(e.Err.Error(), "nsqd has refused %d bytes before", &size)
	}
	return size
}

// barred returns the frame with which nsqd has refused the topic before, where that is why the client has refused a publish by
// itself; else nil.
func barred(err error) *wire.ReplyError {
	if e, ok := err.(*actor.Error); ok && strings.HasPrefix(e.Err.Error(), "nsqd has refused this topic before") {
		said, _ := errors.Unwrap(e.Err).(*wire.ReplyError)
		return said
	}
	return nil
}

// unsent reports whether the client has refused a publish by itself.
func unsent(err error) bool { return taught(err) > 0 || barred(err) != nil }

// answeredBy returns the error frame that answered a publish, or nil.
func answeredBy(err error) *wire.ReplyError {
	if e, ok := err.(*actor.Error); ok {
		said, _ := e.Err.(*wire.ReplyError)
		return said
	}
	return nil
}

func frames(b *book, broken complain) {
	unused := map[wire.ReplyError]int{} // how many publishes each may still have answered
	unauthorized := false
	for _, f := range b.frames {
		unused[*f.said]++
		unauthorized = unauthorized || f.said.Code == wire.CodeUnauthorized
	}
	answered := map[wire.ReplyError][]*entry{}
	most := uint64(len(b.frames) * b.cfg.FoldMessages) // refused
	for _, e := range b.entries {
		_, _, err := e.outcome()
		unseen := e.accepted() && e.results.Load() == 0
		if !e.act.publishes() {
			continue
		}
		if size := taught(err); size > 0 && (e.act == multiPublish || b.largest == 0 || size <= b.largest || e.size < size) {
			broken("%d bytes cannot have taught that: %v", size, e)
		}
		bar := barred(err)
		if bar != nil && (bar.Code != wire.CodeUnauthorized || unused[*bar] == 0) {
			broken("no frame can have taught that: %v", e)
		}
		if unsent(err) || unseen && (unauthorized || e.act != multiPublish && b.tooLarge(&e.step)) {
			most++
		}
		said := answeredBy(err)
		switch {
		case said == nil:
		case strings.HasPrefix(said.Text, scripted):
			answered[*said] = append(answered[*said], e)
		case unused[*said] == 0:
			broken("no frame said so: %v", e)
		case !b.tooLarge(&e.step):
			broken("it is not too large: %v", e)
		default:
			unused[*said]--
		}
	}
	for said, members := range answered {
		switch {
		case unused[said] != 1:
			broken("%d frames said so: %v", unused[said], members[0])
		case len(members) > 1 && (said.Code == wire.CodeBadMessage || said.Code == wire.CodeBadBody):
			broken("%d publishes are refused where at most one is guilty: %v", len(members), members[0])
		case len(members) > 1:
			b.checkFold(members, broken)
		}
	}
	if b.stats.Refused > most {
		broken("%d are refused, at most %d can be after %d error frames", b.stats.Refused, most, len(b.frames))
	}
}

func lessons(b *book, broken complain) {
	b.checkFoldFrames(broken)
	if b.weather > breaking {
		return // what the client has read last need not be what it makes of the connection
	}
	known, attempt := 0, 0 // the smallest size that was refused, and on which connection something was refused last
	for _, f := range b.frames {
		if f.attempt != attempt+1 {
			known = 0
		}
		attempt = f.attempt
		said := sayTooBig(f.said)
		switch {
		case said.command == "PUB" || said.command == "DPUB":
			if known > 0 && said.size >= known {
				broken("%d bytes were sent to connection %d, although %d are known to be too large", said.size, attempt, known)
			}
			known = said.size
		case said.command == "" && !strings.HasPrefix(f.said.Text, scripted):
			known = 0 // the handshake's
		}
	}
}

// checkFoldFrames complains if folds are refused over and over. One that holds what is too large is refused once for it, since
// its members go by themselves then; one that is too large as a whole makes the next ones half as large.
func (b *book) checkFoldFrames(broken complain) {
	forMember, forSize := 0, 0
	for _, f := range b.frames {
		switch said := sayTooBig(f.said); {
		case said.command != "MPUB":
		case f.said.Code == wire.CodeBadMessage:
			forMember++
		default:
			forSize++
		}
	}
	guilty, whole := 0, 0
	for _, e := range b.entries {
		if e.called && e.act.publishes() && b.tooLarge(&e.step) {
			guilty++
			if e.act == multiPublish {
				whole++
			}
		}
	}
	if forMember > guilty {
		broken("%d MPUBs were refused for a message, %d publishes are too large", forMember, guilty)
	}
	const halvings = 10                                                        // from the default to nsqd's limit
	if most := whole + halvings*(1+b.attempts-len(b.frames)); forSize > most { // what ends without a frame begins anew
		broken("%d MPUBs were refused for their size, at most %d should be", forSize, most)
	}
}
