//go:build go1.25

package model

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// planted are faults that the short form finds. Each takes the place of exact snippets of one of the library's files, so that a
// change of those lines calls for a change here.
var planted = []plantedFault{
	{
		"a broken claim: who leaves what was written is told that it was not", "state/claim.go", []edit{{
			"if c.move(word, Taken, Abandoned) {\n\t\t\t\treturn Abandoned, true",
			"if c.move(word, Taken, Abandoned) {\n\t\t\t\treturn GivenUp, true",
		}}, false,
	},
	{
		"a broken claim: what its caller has left is ended once more", "state/claim.go", []edit{
			{"Abandoned: to(Free),", "Abandoned: to(Free, Done),"},
			{"return (from == Queued || from == Taken) &&", "return (from == Queued || from == Taken || from == Abandoned) &&"},
		}, true,
	},
	{
		"a dropped tombstone: the answer to what was left goes to the next", "actor/life.go", []edit{{
			"\tfor range n {\n\t\tif l.flight.len() == 0",
			"\tfor range n {\n\t\tfor l.flight.len() > 1 && (*l.flight.members.front()).claim.Load() == state.Abandoned {\n" +
				"\t\t\tl.flight.pop((*Transaction).forget)\n\t\t}\n\t\tif l.flight.len() == 0",
		}}, false,
	},
	{
		"what is left in flight serves another publish too early", "actor/call.go", []edit{{
			"\tif claim == state.GivenUp || p.watched.IsSet() {\n\t\tp.ring()",
			"\tif claim == state.Abandoned && s.t.claim.Advance(state.Abandoned, state.Free) {\n\t\ts.t.recycle()\n\t}\n" +
				"\tif claim == state.GivenUp || p.watched.IsSet() {\n\t\tp.ring()",
		}}, true,
	},
	{
		"exit before replies are drained: OKs that came with the end are lost", "actor/reader.go", []edit{{
			"\t\tif r.end != nil {\n\t\t\treturn r\n",
			"\t\tif r.end != nil {\n\t\t\treturn reply{end: r.end}\n",
		}}, false,
	},
	{
		"exit before replies are drained: OKs that nobody has looked at yet are lost", "actor/reader.go", []edit{{
			"r.oks += next.oks", "r.oks = next.oks",
		}}, true,
	},
	{
		"exit before replies are drained: a broken connection is not read to its end", "actor/life.go", []edit{{
			"\tc.limit(lastWords)", "\tc.close()",
		}}, true,
	},
	{
		"what goes again stands behind what is newer", "actor/life.go", []edit{{
			"for i := len(again) - 1; i >= 0; i-- {\n\t\tl.backlog.pushFront(again[i])",
			"for i := range again {\n\t\tl.backlog.pushBack(again[i])",
		}}, true,
	},
	{
		"what stands behind an error frame is not sent again", "actor/life.go", []edit{{
			"mayBeStored := refusal == nil && ", "mayBeStored := ",
		}}, true,
	},
	{
		"what was written whole is taken for certainly not stored", "actor/life.go", []edit{{
			"mayBeStored := refusal == nil && l.flight.commands.front().end <= c.written",
			"mayBeStored := refusal == nil && l.flight.commands.front().end < c.written",
		}}, true,
	},
	{
		"whoever leaves what goes again is told that it was not sent", "actor/call.go", []edit{{
			"if !s.t.doubt {", "if true {",
		}}, true,
	},
	{
		"the rest of a lost connection's bytes goes to the next", "actor/life.go", []edit{{
			"\tl.out.reset()\n\tif l.flight", "\tif l.flight",
		}}, true,
	},
	{
		"a context does not end the wait for an answer", "actor/call.go", []edit{{
			"if outcome, left := p.leave(s); left {\n\t\t\t\treturn",
			"if outcome, left := p.leave(s); left && outcome != Unknown {\n\t\t\t\treturn",
		}}, true,
	},
	{
		"an outcome is counted twice", "actor/end.go", []edit{{
			"if !t.claim.Finish() {\n\t\tt.forget()",
			"if !t.claim.Finish() {\n\t\tif t.claim.Load() == state.Abandoned {\n\t\t\tl.p.settle(0, Unknown)\n\t\t}\n\t\tt.forget()",
		}}, true,
	},
	{
		"a try that finds no room keeps a reader's place", "actor/async.go", []edit{{
			"if err != nil && counts {\n\t\tp.unread.leave(1, 0)",
			"if err != nil && err != ErrFull && counts {\n\t\tp.unread.leave(1, 0)",
		}}, true,
	},
	{
		"a refused publish keeps its room", "actor/call.go", []edit{{
			"p.counts.outcomes[outcome].Add(1)\n\tp.room.leave(1, size)",
			"p.counts.outcomes[outcome].Add(1)\n\tif outcome != Refused {\n\t\tp.room.leave(1, size)\n\t}",
		}}, true,
	},
	{
		"what was queued waits on, although nsqd is down", "actor/retry.go", []edit{{
			"if t := l.backlog.popFront(); t.waits {", "if t := l.backlog.popFront(); true {",
		}}, true,
	},
	{
		"Flush forgets what is in flight", "actor/flush.go", []edit{{
			"{&l.flight.members, &l.backlog}", "{&l.backlog}",
		}}, true,
	},
	{
		"a late sender is left waiting behind Stop", "actor/call.go", []edit{{
			"if p.phase.Load() != state.Closed {", "if true {",
		}}, true,
	},
}

// plantedInFolds are those of folding, and of what is done about a fold that was refused.
var plantedInFolds = []plantedFault{
	{
		"order lost in a topic: what is not folded leaves the group before it open", "actor/fold.go", []edit{{
			"\tf.latest[slot] = uint16(len(f.groups))\n", "\tif foldable {\n\t\tf.latest[slot] = uint16(len(f.groups))\n\t}\n",
		}}, false,
	},
	{
		"order lost in a topic: a small publish goes back to the group that had no room for a large one", "actor/fold.go", []edit{{
			"\tf.latest[slot] = uint16(len(f.groups))\n",
			"\tif !foldable || g == nil {\n\t\tf.latest[slot] = uint16(len(f.groups))\n\t}\n",
		}}, true,
	},
	{
		"a fold over two topics", "actor/fold.go", []edit{{
			"bytes.Equal(g.first.topicBytes(), t.topicBytes())", "len(g.first.topicBytes()) > 0",
		}, {"import \"bytes\"\n", ""}, {"uint16((t.hash + i) % mostGroups)", "uint16(i % mostGroups)"}}, true, // all meet
	},
	{
		"a fold of one more than may be", "actor/fold.go", []edit{{
			"g.members < f.mostMessages", "g.members <= f.mostMessages",
		}}, true,
	},
	{
		"a fold of more bytes than may be", "actor/fold.go", []edit{{
			"countBytes+g.bytes+size <= f.mostBytes", "g.bytes <= f.mostBytes",
		}}, true,
	},
	{
		"a DeferredPublish and a MultiPublish are folded", "actor/fold.go", []edit{{
			"foldable := t.kind == publish && ", "foldable := ",
		}}, true,
	},
	{
		"a member is dropped from its fold", "actor/outbox.go", []edit{{
			"wire.AppendMPubHead(o.buf, g.first.topicBytes(), g.members, g.bytes)",
			"wire.AppendMPubHead(o.buf, g.first.topicBytes(), g.members-1, g.bytes-len(g.last.message()))",
		}, {"t != nil; t = t.next", "t != g.last; t = t.next"}}, false,
	},
	{
		"the answer to a fold ends its first member alone", "actor/flight.go", []edit{{
			"\t\teach(f.members.popFront())\n\t}\n", "\t\teach(f.members.popFront())\n\t\teach = func(*Transaction) {}\n\t}\n",
		}}, true,
	},
	{
		"an OK to a fold acks its first member alone", "actor/end.go", []edit{{
			"\tfor range members {\n\t\tif t := l.flight.members.popFront(); t != nil {\n",
			"\tfor i := range members {\n\t\tif t := l.flight.members.popFront(); t != nil {\n\t\t\tif i > 0 {\n" +
				"\t\t\t\tt.Error = l.p.fail(t.kind, t.topicName(), Unknown, ErrConnectionLost)\n\t\t\t}\n",
		}}, true,
	},
	{
		"each OK acks one publish, whatever it was folded into", "actor/loop.go", []edit{{
			"l.flight.push(command{begin: begin, end: c.encoded, at: now}, g.first)",
			"for t := g.first; t != nil; {\n\t\t\tnext := t.next\n\t\t\tt.next = nil\n" +
				"\t\t\tl.flight.push(command{begin: begin, end: c.encoded, at: now}, t)\n\t\t\tt = next\n\t\t}",
		}}, true,
	},
	{
		"one guilty member has its whole fold refused", "actor/refusal.go", []edit{{
			"case folded && (badMessage || badBody):", "case folded && badBody:",
		}}, true,
	},
	{
		"a fold that is too large has all its members refused", "actor/refusal.go", []edit{{
			"case folded && (badMessage || badBody):", "case folded && badMessage:",
		}}, true,
	},
	{
		"a fold that failed in nsqd, and may be stored, goes again", "actor/refusal.go", []edit{{
			"case folded && (badMessage || badBody):", "case folded && (badMessage || badBody || refusal.Fact().MayBeStored):",
		}}, true,
	},
	{
		"who was refused with others goes again with them, over and over", "actor/fold.go", []edit{{" && !t.alone", ""}}, false,
	},
	{
		"what was refused for its size goes again as large, over and over", "actor/refusal.go", []edit{{
			"l.fold.mostBytes = min(l.fold.mostBytes, int(c.end-c.begin)) / 2", "_ = c",
		}}, true,
	},
	{
		"what goes again from a fold stands in reverse", "actor/life.go", []edit{{
			"\t\tagain = l.refused(refusal)\n",
			"\t\tagain = l.refused(refusal)\n\t\tfor i, j := 0, len(again)-1; i < j; i, j = i+1, j-1 {\n" +
				"\t\t\tagain[i], again[j] = again[j], again[i]\n\t\t}\n",
		}}, true,
	},
	{"nothing is learned", "actor/refusal.go", []edit{{"\t\t\t\tl.learn(t, refusal)\n", "\t\t\t\t_ = t\n"}}, true},
	{
		"what was learned is never forgotten", "actor/life.go", []edit{{
			"\t} else {\n\t\tl.unlearn()\n\t}\n", "\t}\n",
		}}, false,
	},
	{
		"a good body is refused by what a large one has taught", "actor/refusal.go", []edit{{
			"t.size >= s.tooLarge", "t.size >= s.tooLarge/4",
		}}, true,
	},
	{
		"a good body is refused because another code has taught it", "actor/refusal.go", []edit{{
			" || !strings.Contains(refusal.Text, \"too big\")", "",
		}, {"\t\"maps\"\n\t\"strings\"\n", "\t\"maps\"\n"}}, true,
	},
	{
		"a topic is barred by what is not about topics", "actor/refusal.go", []edit{{
			"refusal.Code == wire.CodeUnauthorized", "!badMessage && !badBody",
		}}, true,
	},
}

type plantedFault struct {
	name  string
	file  string // below the module's directory
	edits []edit
	long  bool // left out of -short
}

type edit struct{ old, new string }

var complaint = regexp.MustCompile(`model: seed \d+: *(?:\n *broken: )?(.*)`)

// TestFindsPlantedFaults plants each fault by itself and lets the short form find it.
func TestFindsPlantedFaults(t *testing.T) {
	if underRace {
		t.Skip("the same faults are found by the same run without the race detector")
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "there is no go command")
		t.Skip("there is no go command to build the faults with")
	}
	module, err := filepath.Abs("../../..")
	require.NoError(t, err)
	slots := make(chan struct{}, 2) // a build and a play each, which keep a processor busy
	for _, fault := range slices.Concat(planted, plantedInFolds) {
		t.Run(fault.name, func(t *testing.T) {
			if fault.long && testing.Short() {
				t.Skip("-short plants a few of them")
			}
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			overlay := plant(t, filepath.Join(module, filepath.FromSlash(fault.file)), fault.edits)
			args := []string{"test", "-vet=off", "-count=1", "-overlay=" + overlay, "-run=^TestModel$", "."}
			out, err := exec.Command(goCommand, args...).CombinedOutput()
			found := complaint.FindSubmatch(out)
			require.True(t, err != nil && found != nil, "not found:\n%s", out[:min(len(out), 5000)])
			t.Logf("%s", found[0])
		})
	}
}

// plant writes the file with the edits elsewhere, and an overlay that puts it into its place. It returns the overlay's name.
func plant(t *testing.T, file string, edits []edit) string {
	t.Helper()
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, e := range edits {
		require.Equal(t, 1, strings.Count(string(source), e.old), "%s must have exactly once:\n%s", file, e.old)
		source = []byte(strings.Replace(string(source), e.old, e.new, 1))
	}
	dir := t.TempDir()
	broken, overlay := filepath.Join(dir, filepath.Base(file)), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(broken, source, 0o600))
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {file: broken}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replace, 0o600))
	return overlay
}
