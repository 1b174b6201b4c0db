package actor

import (
	"github.com/nsqactor/producer/wire"
)

// lessons is what error frames have taught about an nsqd whose limits are lower than the Config's. They hold until a connection
// ends in another way: it may be another nsqd, or another configuration, that answers then.
type lessons struct {
	tooLarge int              // bodies of this many bytes and more are refused; 0: none was
	verdict  *wire.ReplyError // with these words
}

// forbid reports whether nsqd would refuse the transaction for its body's size, and cut the connection that others share.
func (s *lessons) forbid(t *Transaction) bool {
	return s.tooLarge > 0 && t.size >= s.tooLarge && t.kind != multiPublish
}

func (l *loop) unlearn() {
	l.lessons = lessons{}
	l.fold.mostBytes = min(l.p.cfg.FoldBytes, l.p.cfg.MaxBodySize)
}

// refused settles the oldest command, which an error frame answers, and appends to again those of its members that are sent again:
// nsqd has looked at the fold, of which their callers know nothing, and one of them alone may be the reason.
func (l *loop) refused(refusal *wire.ReplyError, again []*Transaction) []*Transaction {
	c := *l.flight.commands.front()
	fold := c.members > 1
	tooLarge := refusal.Code == wire.CodeBadMessage
	if fold && refusal.Code == wire.CodeBadBody { // the MPUB as a whole is larger than nsqd's -max-body-size
		l.fold.mostBytes = int(c.end-c.begin) / 2
	}
	l.flight.pop(func(t *Transaction) {
		switch {
		case fold && (tooLarge || refusal.Code == wire.CodeBadBody):
			t.alone = tooLarge
			if l.survives(t, false, refusal) {
				again = append(again, t)
			}
			return
		case tooLarge && t.kind != multiPublish && (l.lessons.tooLarge == 0 || t.size < l.lessons.tooLarge):
			l.lessons = lessons{t.size, refusal}
		}
		outcome := Refused
		if refusal.Fact().MayBeStored {
			outcome = Unknown
		}
		l.end(t, outcome, refusal)
	})
	return again
}
