package actor

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/maphash"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/state"
	"github.com/nsqactor/producer/wire"
)

// This file is about what becomes of publishes between the backlog and the bytes of a write. The loop is the test.

func folding(t *testing.T, cfg Config) *loop {
	t.Helper()
	p, err := NewProducer("a:1", &cfg)
	require.NoError(t, err)
	l := newLoop(p)
	t.Cleanup(func() { l.timer.Stop() })
	l.conn = new(connection)
	return l
}

// FoldsApart reports whether the topics' hints are apart, so that tests from outside know what becomes one fold.
func (p *Producer) FoldsApart(topics ...string) bool {
	taken := map[uint64]bool{}
	for _, topic := range topics {
		taken[maphash.String(p.seed, topic)%mostGroups] = true
	}
	return len(taken) == len(topics)
}

// Gathered reports whether the loop has taken all that was posted, for the same tests.
func (p *Producer) Gathered() bool { return len(p.mail) == 0 }

// queue puts a request into the backlog.
func (l *loop) queue(t *testing.T, r request) *Transaction {
	t.Helper()
	size, err := r.check(&l.p.cfg)
	require.NoError(t, err)
	p, err := l.p.admit(&r, size)
	require.NoError(t, err)
	require.True(t, p.claim.Advance(state.Free, state.Queued))
	l.seq++
	p.seq = l.seq
	l.backlog.pushBack(p)
	return p
}

// queueWords puts a publish into the backlog for each word, a topic's letter with perhaps a sign behind it. The publishes' numbers
// are their bodies.
func (l *loop) queueWords(t *testing.T, words string) {
	t.Helper()
	for i, word := range strings.Fields(words) {
		topic, number := word[:1], fmt.Append(nil, i)
		padded := func(n int) []byte { return append(number, make([]byte, n-len(number))...) }
		least := largeBytes - len("PUB a\n") - 4 // of a body, for a large command
		r := request{kind: publish, topic: topic, body: number}
		switch word[1:] {
		case "*":
			r = request{kind: multiPublish, topic: topic, bodies: [][]byte{number, number}}
		case "~":
			r = request{kind: deferredPublish, topic: topic, delay: time.Second, body: number}
		case "#":
			r.body = padded(least)
		case "-":
			r.body = padded(least - 1)
		}
		p := l.queue(t, r)
		p.alone = word[1:] == "!"
		p.hash = uint32(topic[0]) // hashes differ from run to run, and these topics must not share one
	}
}

// sentWrite is a write: its commands as nsqd reads them, and whom their answers are for.
type sentWrite struct {
	commands []*wire.Command
	members  [][]*Transaction
}

// fillOnce fills a write, and takes it as if nsqd had answered it. It holds the bytes against the accounts.
func (l *loop) fillOnce(t *testing.T) (w sentWrite) {
	t.Helper()
	var stream []byte
	base := l.conn.encoded
	l.fill(1)
	for l.out.pending() {
		piece := l.out.piece()
		stream = append(stream, piece...)
		l.out.advance(len(piece))
	}
	require.Equal(t, l.conn.encoded-base, uint64(len(stream)))
	lasts := l.conn.window.unanswered
	require.LessOrEqual(t, lasts, 1, "one write, however many commands")
	l.conn.window = window{}
	read := bufio.NewReaderSize(nil, 256)
	for at := base; l.flight.len() > 0; {
		c := *l.flight.commands.front()
		require.Equal(t, at, c.begin, "one command behind the other")
		require.Equal(t, lasts == 1 && l.flight.len() == 1, c.last, "the answer by which the window knows the write's end")
		text := stream[c.begin-base : c.end-base]
		read.Reset(bytes.NewReader(text))
		command, err := wire.ReadCommand(read, wire.Limits{})
		require.NoError(t, err)
		_, err = read.ReadByte()
		require.Equal(t, io.EOF, err, "a command, and nothing else")
		if command.Name == "MPUB" { // of which a reader does not look at all
			text, err = wire.AppendMPub(nil, command.Topic, command.Bodies)
			require.NoError(t, err)
			require.True(t, bytes.Equal(text, stream[c.begin-base:c.end-base]))
		}
		var members []*Transaction
		l.flight.pop(func(p *Transaction) { members = append(members, p) })
		require.Len(t, members, c.members)
		w.commands, w.members = append(w.commands, command), append(w.members, members)
		at = c.end
	}
	require.Zero(t, l.flight.members.len())
	return w
}

// inWords is what the commands look like: name, topic, and of each body what its number is.
func (w sentWrite) inWords() (all []string) {
	for _, c := range w.commands {
		words := []string{c.Name, c.Topic}
		for _, body := range c.Bodies {
			words = append(words, string(bytes.TrimRight(body, "\x00")))
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}

func TestFoldGroups(t *testing.T) {
	for _, row := range []struct {
		name, publishes string
		writes          [][]string
	}{
		{"a lone one", "a", [][]string{{"PUB a 0"}}},
		{"two", "a a", [][]string{{"MPUB a 0 1"}}},
		{"two topics", "a b", [][]string{{"PUB a 0", "PUB b 1"}}},
		{"in turns", "a b a c b a", [][]string{{"MPUB a 0 2 5", "MPUB b 1 4", "PUB c 3"}}},
		{"a MultiPublish closes its topic", "a a a* a a", [][]string{{"MPUB a 0 1", "MPUB a 2 2", "MPUB a 3 4"}}},
		{"and no other", "a b a* b a", [][]string{{"PUB a 0", "MPUB b 1 3", "MPUB a 2 2", "PUB a 4"}}},
		{"a DeferredPublish closes its topic", "a a a~ a a", [][]string{{"MPUB a 0 1", "DPUB a 2", "MPUB a 3 4"}}},
		{"and no other either", "a b a~ b a", [][]string{{"PUB a 0", "MPUB b 1 3", "DPUB a 2", "PUB a 4"}}},
		{"what was in a refused fold is not folded", "a! a! a!", [][]string{{"PUB a 0", "PUB a 1", "PUB a 2"}}},
		{"nor what is newer with it", "a! b a a b a! a", [][]string{{"PUB a 0", "MPUB b 1 4", "MPUB a 2 3", "PUB a 5", "PUB a 6"}}},
		{"nothing but what is alone", "a* a~ a* a~", [][]string{{"MPUB a 0 0", "DPUB a 1", "MPUB a 2 2", "DPUB a 3"}}},
		{"a large one ends its write", "a b a# a b", [][]string{{"PUB a 0", "PUB b 1", "PUB a 2"}, {"PUB a 3", "PUB b 4"}}},
		{"of which only large ones are", "a a#", [][]string{{"PUB a 0", "PUB a 1"}}},
		{"one byte less is folded", "a- a a-", [][]string{{"MPUB a 0 1 2"}}},
		{"large ones one by one", "a# a# b#", [][]string{{"PUB a 0"}, {"PUB a 1"}, {"PUB b 2"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := folding(t, Config{})
			for range 2 { // with the hints of the first time
				l.queueWords(t, row.publishes)
				for _, write := range row.writes {
					require.Equal(t, write, l.fillOnce(t).inWords())
				}
				require.Zero(t, l.backlog.len())
			}
		})
	}
}

// A fold's limits are inclusive, and nsqd counts as they do: 4 bytes for the count, and 4 for each body beside its own.
func TestFoldLimits(t *testing.T) {
	const size = 10 // of a body, unless the row says otherwise
	for _, row := range []struct {
		name    string
		cfg     Config
		sizes   []int
		members []int // of each command
	}{
		{"defaults", Config{}, slices.Repeat([]int{size}, 600), []int{256, 256, 88}},
		{"off", Config{FoldMessages: 1}, slices.Repeat([]int{size}, 3), []int{1, 1, 1}},
		{"pairs", Config{FoldMessages: 2}, slices.Repeat([]int{size}, 5), []int{2, 2, 1}},
		{"as many as there are", Config{FoldMessages: 5}, slices.Repeat([]int{size}, 5), []int{5}},
		{"one more than allowed", Config{FoldMessages: 4}, slices.Repeat([]int{size}, 5), []int{4, 1}},
		{"exactly three", Config{FoldBytes: 4 + 3*(4+size)}, slices.Repeat([]int{size}, 7), []int{3, 3, 1}},
		{"a byte short of three", Config{FoldBytes: 4 + 3*(4+size) - 1}, slices.Repeat([]int{size}, 7), []int{2, 2, 2, 1}},
		{"a byte more than three", Config{FoldBytes: 4 + 3*(4+size) + 1}, slices.Repeat([]int{size}, 7), []int{3, 3, 1}},
		{"too low for two", Config{FoldBytes: 4 + 2*(4+size) - 1}, slices.Repeat([]int{size}, 3), []int{1, 1, 1}},
		{"less than any", Config{FoldBytes: 1}, slices.Repeat([]int{size}, 3), []int{1, 1, 1}},
		{"MaxBodySize", Config{MaxBodySize: 4 + 3*(4+size)}, slices.Repeat([]int{size}, 4), []int{3, 1}},
		{"MaxBodySize, a byte short", Config{MaxBodySize: 4 + 3*(4+size) - 1}, slices.Repeat([]int{size}, 4), []int{2, 2}},
		{"FoldBytes below MaxBodySize", Config{MaxBodySize: 1000, FoldBytes: 4 + 2*(4+size)}, slices.Repeat([]int{size}, 4), []int{2, 2}},
		{"one above the limit by itself", Config{FoldBytes: 50}, []int{1, 100, 1, 1}, []int{1, 1, 2}},
		{"none is passed by a smaller one", Config{FoldBytes: 4 + 40}, []int{16, 16, 17, 1, 15}, []int{2, 2, 1}},
		{"both limits", Config{FoldMessages: 3, FoldBytes: 4 + 40}, []int{1, 1, 1, 16, 16, 1}, []int{3, 2, 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := folding(t, row.cfg)
			for _, size := range row.sizes {
				l.queue(t, request{kind: publish, topic: "t", body: make([]byte, size)})
			}
			w := l.fillOnce(t)
			var members []int
			for i, c := range w.commands {
				members = append(members, len(w.members[i]))
				require.Equal(t, len(w.members[i]) > 1, c.Name == "MPUB")
				require.Len(t, c.Bodies, len(w.members[i]))
			}
			require.Equal(t, row.members, members)
		})
	}
}

// A write ends with the command by which it has batchBytes, or mostGroups.
func TestFoldEndsItsWrite(t *testing.T) {
	const size, all = 1 << 10, batchBytes>>10 + 36
	for _, most := range []int{1, 3, all} {
		l := folding(t, Config{FoldMessages: most, FoldBytes: 2 * batchBytes})
		for range all {
			l.queue(t, request{kind: publish, topic: "t", body: make([]byte, size-len("PUB t\n")-4)})
		}
		l.fillOnce(t)
		require.Equal(t, 36, l.backlog.len())
		l.fillOnce(t)
		require.Zero(t, l.backlog.len())
	}

	l := folding(t, Config{MaxPending: 2 * mostGroups})
	for i := range mostGroups + 10 {
		l.queue(t, request{kind: publish, topic: fmt.Sprint("t", i), body: []byte("x")})
	}
	require.Len(t, l.fillOnce(t).commands, mostGroups)
	require.Len(t, l.fillOnce(t).commands, 10)
	require.Zero(t, l.backlog.len())
}

// What a caller has given up on is not taken, and does not keep those beside it from one fold.
func TestFoldWithoutWhatWasGivenUp(t *testing.T) {
	l := folding(t, Config{})
	l.queueWords(t, "a a a a")
	for _, i := range []int{0, 2} {
		p := *l.backlog.at(i)
		outcome, left := l.p.leave(sent{p, p.claim.Turn(), p.kind, p.size})
		require.True(t, left)
		require.Equal(t, NotSent, outcome)
	}
	require.Equal(t, []string{"MPUB a 1 3"}, l.fillOnce(t).inWords())
	require.Zero(t, l.backlog.len())
}

// grouped is how an add without hints would group a write's transactions.
func grouped(f *fold, all []*Transaction) (groups [][]*Transaction) {
	type open struct{ at, bytes int }
	latest := map[string]open{}
	for _, t := range all {
		size, topic := len(t.message()), t.topicName()
		foldable := t.kind == publish && !t.alone && len(t.command) < largeBytes
		if o, ok := latest[topic]; ok && foldable && len(groups[o.at]) < f.mostMessages && o.bytes+size <= f.mostBytes {
			groups[o.at] = append(groups[o.at], t)
			latest[topic] = open{o.at, o.bytes + size}
			continue
		}
		delete(latest, topic)
		if foldable {
			latest[topic] = open{len(groups), 4 + size}
		}
		groups = append(groups, []*Transaction{t})
	}
	return groups
}

// Whatever the topics, their hashes, the forms and the limits: all that was queued is in the bytes once, each topic's in its
// order, within the limits, and in as few commands as can be unless the hashes of more than a few topics collide.
func TestFoldLosesAndReordersNothing(t *testing.T) {
	for round := range uint64(60) {
		random := rand.New(rand.NewPCG(round, 6))
		pick := func(of ...int) int { return of[random.IntN(len(of))] }
		cfg := Config{FoldMessages: pick(1, 2, 3, 7, 256, 256), FoldBytes: pick(1, 20, 100, 1000, 256<<10, 256<<10)}
		topics, hashes := pick(1, 2, probes, 50), pick(mostGroups, mostGroups, 1, 2, 3, 7)
		where := fmt.Sprintf("round %d: %d topics, %d hashes, %d messages, %d bytes", round, topics, hashes, cfg.FoldMessages, cfg.FoldBytes)
		l := folding(t, cfg)
		last := map[string]uint64{}
		queued, written := 0, 0
		for range 8 {
			for range 1 + random.IntN(200) {
				topic := random.IntN(topics)
				r := request{kind: publish, topic: fmt.Sprint("topic-", topic), body: chunk(random, 1+random.IntN(60))}
				switch random.IntN(40) {
				case 0:
					r.kind, r.bodies, r.body = multiPublish, [][]byte{r.body, chunk(random, 1+random.IntN(60))}, nil
				case 1:
					r.kind, r.delay = deferredPublish, time.Second
				case 2:
					r.body = chunk(random, randomSize(random))
				}
				p := l.queue(t, r)
				p.hash = uint32(topic%hashes + mostGroups*random.IntN(3))
				p.alone = r.kind == publish && random.IntN(20) == 0
				queued++
			}
			for l.backlog.len() > 0 {
				first := l.backlog.len()
				var taken []*Transaction // in the backlog's order
				for i := range first {
					taken = append(taken, *l.backlog.at(i))
				}
				w := l.fillOnce(t)
				taken = taken[:first-l.backlog.len()]
				written += len(taken)
				in := 0
				for i, c := range w.commands {
					members := w.members[i]
					in += len(members)
					for k, p := range members {
						if c.Topic != p.topicName() || last[c.Topic] >= p.seq { // without testify, whose checks take most of the time
							require.FailNow(t, "order", "%s: topic %s, %d behind %d", where, p.topicName(), p.seq, last[c.Topic])
						}
						last[c.Topic] = p.seq
						if p.kind == publish && !bytes.Equal(p.message()[4:], c.Bodies[k]) {
							require.FailNow(t, "body", "%s: of %d", where, p.seq)
						}
					}
					if len(members) == 1 {
						require.Equal(t, kinds[members[0].kind].name, c.Name+" ", where)
						continue
					}
					require.Equal(t, "MPUB", c.Name, where)
					require.Len(t, c.Bodies, len(members), where)
					require.LessOrEqual(t, len(members), cfg.FoldMessages, where)
					require.LessOrEqual(t, wire.MPubSize(c.Bodies), cfg.FoldBytes, where)
				}
				require.Equal(t, len(taken), in, where)
				if hashes == mostGroups || topics <= probes {
					require.Equal(t, grouped(&l.fold, taken), w.members, where)
				}
			}
		}
		require.Equal(t, queued, written, where)
	}
}

// Between two writes a fold holds no transaction, and none holds another.
func TestFoldKeepsNothingAlive(t *testing.T) {
	l := folding(t, Config{})
	l.queueWords(t, "a b a c~ b* a a b c d e f a#")
	w := l.fillOnce(t)
	require.Len(t, w.commands, 10)
	require.GreaterOrEqual(t, cap(l.fold.groups), 10)
	for _, g := range l.fold.groups[:cap(l.fold.groups)] {
		require.Zero(t, g)
	}
	require.Equal(t, [3]int{}, [3]int{len(l.fold.groups), l.fold.members, l.fold.bytes})
	require.Nil(t, l.out.tail)
	for _, members := range w.members {
		for _, p := range members {
			require.Nil(t, p.next)
		}
	}
}

// Grouping allocates nothing once it is warm, however many topics there are.
func TestFoldAllocatesNothing(t *testing.T) {
	for _, topics := range []int{1, 4, 1000} {
		l := folding(t, Config{})
		var all []*Transaction
		for i := range 1000 {
			all = append(all, l.queue(t, request{kind: publish, topic: fmt.Sprint("topic-", i%topics), body: make([]byte, 100)}))
		}
		l.backlog = ring[*Transaction]{}
		require.Zero(t, testing.AllocsPerRun(20, func() {
			for _, p := range all {
				l.backlog.pushBack(p)
			}
			for l.backlog.len() > 0 {
				l.fill(1)
				l.out.advance(l.out.len())
				l.conn.window = window{}
				for l.flight.len() > 0 {
					l.flight.pop(func(p *Transaction) { p.claim.Advance(state.Taken, state.Queued) })
				}
			}
		}), "%d topics", topics)
	}
}
