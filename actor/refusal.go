package actor

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nsqactor/producer/wire"
)

// lessons is what error frames have taught about an nsqd whose limits are lower than the Config's, or that does not take every
// topic from us: who knows them does not need to lose the connection, which others share, to the next publish of that kind. They
// hold until a connection ends without a frame: what answers then may be another nsqd, or have other limits.
type lessons struct {
	tooLarge int   // bodies of this many bytes and more are refused; 0: none was
	refusal  error // with nsqd's words
	barred   map[string]bar
}

// bar is a topic that nsqd has refused as unauthorised. That may change, so that now and then a publish goes there to ask.
type bar struct {
	refusal error
	until   int64 // on the loop's clock
}

const (
	barredFor  = int64(5 * time.Second)
	mostBarred = 64 // topics
)

// mostAlone is how many commands may be unanswered while members of a refused fold go again one by one. nsqd will refuse one of
// them and close with the rest unread, which makes that a reset: answers that its kernel holds back by then are lost, and with
// them the outcomes. A young connection holds back from about the eleventh unacknowledged segment on, and each answer is one.
const mostAlone = 8

// refuse returns the error with which nsqd would refuse the transaction for its body's size or its topic, or nil. The sizes of a
// batch's bodies are not known here. The transaction has been taken: the memory of one that is queued may go at any time.
func (s *lessons) refuse(t *Transaction, now int64) error {
	if s.tooLarge > 0 && t.size >= s.tooLarge && t.kind != multiPublish {
		return s.refusal
	}
	if len(s.barred) == 0 {
		return nil
	}
	if b, found := s.barred[string(t.topicBytes())]; found && now < b.until {
		return b.refusal
	}
	return nil
}

// bar notes that nsqd does not authorise the topic.
func (s *lessons) bar(topic string, refusal error, now int64) {
	maps.DeleteFunc(s.barred, func(_ string, b bar) bool { return now >= b.until })
	if s.barred == nil {
		s.barred = make(map[string]bar)
	}
	if len(s.barred) < mostBarred {
		s.barred[topic] = bar{fmt.Errorf("nsqd has refused this topic before: %w", refusal), now + barredFor}
	}
}

func (l *loop) unlearn() {
	l.lessons = lessons{}
	l.fold.mostBytes = min(l.p.cfg.FoldBytes, l.p.cfg.MaxBodySize)
}

// refused settles the oldest command, which an error frame answers, and returns those of its members that go again, oldest
// first: when nsqd refuses a fold for its own size, or for one guilty member, the others have nothing to do with it.
func (l *loop) refused(refusal *wire.ReplyError) (again []*Transaction) {
	c := *l.flight.commands.front()
	folded := c.members > 1
	badMessage, badBody := refusal.Code == wire.CodeBadMessage, refusal.Code == wire.CodeBadBody
	if folded && badBody { // more than nsqd's -max-body-size
		l.fold.mostBytes = min(l.fold.mostBytes, int(c.end-c.begin)) / 2
	}
	if refusal.Code == wire.CodeUnauthorized {
		l.lessons.bar((*l.flight.members.front()).topicName(), refusal, l.clock())
	}
	l.flight.pop(func(t *Transaction) {
		switch {
		case folded && (badMessage || badBody):
			t.alone = badMessage // one of them is more than nsqd's -max-msg-size: its answer to each tells which
			if l.survives(t, false, refusal) {
				again = append(again, t)
			}
		case refusal.Fact().MayBeStored:
			l.end(t, Unknown, refusal)
		default:
			if badMessage {
				l.learn(t, refusal)
			}
			l.end(t, Refused, refusal)
		}
	})
	return again
}

// learn notes the size of a body that nsqd has refused for it. The code has other meanings, too, which say nothing of others.
func (l *loop) learn(t *Transaction, refusal *wire.ReplyError) {
	known := l.lessons.tooLarge > 0 && l.lessons.tooLarge <= t.size
	if t.kind == multiPublish || known || !strings.Contains(refusal.Text, "too big") {
		return
	}
	l.lessons.tooLarge, l.lessons.refusal = t.size, fmt.Errorf("nsqd has refused %d bytes before: %w", t.size, refusal)
}
