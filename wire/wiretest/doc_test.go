package wiretest_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire"
	. "github.com/nsqactor/producer/wire/wiretest"
)

// What the package's documentation has in one line, as it stands there: so it compiles.
var (
	fifth   = make(chan struct{})
	isLarge = func(c Command) bool { return c.Bytes > 1000 }

	_ = []Fault{
		OnPublish(2).Error(wire.CodePubFailed, "disk full"),
		OnPublish(Every).Delay(20 * time.Millisecond),
		OnPublish(2).Stall(),
		OnPublish(1).StopReading(),
		OnAccept().Split(1),
		OnCommand(3).Reset(),
		OnByte(100_000).Reset(),
		OnPublish(1).Heartbeat(),
		OnPublish(1).Answered().Send(wire.AppendOK(nil)),
		OnIdentify().Error(wire.CodeBadBody, "no"),

		OnPublish(3).Conn(1).Close(),
		OnPublish(3).Overall().Close(),
		OnPublish(3).Through(5).Silence(),
		OnPublish(3).Topic("orders").Silence(),
		OnPublish(Every).If(isLarge).Silence(),
		OnPublish(5).Answered().Reset(),

		OnPublish(5).Silence(),
		OnPublish(5).Ignore(),
		OnPublish(5).Answer(wire.AppendFrame(nil, 0, "NO")),
		OnPublish(5).Busy(time.Second),
		OnAccept().Freeze(),
		OnIdentify().Blackhole(),
		OnIdentify().Close(),
		OnPublish(5).Do(func() { close(fifth) }),

		OnIdentify().Answered().Blackhole(),
		OnIdentify().Answered().Busy(time.Minute),
		OnTLS().Silence(),
		OnCompression().Heartbeat(),
		OnAuth().Error(wire.CodeAuthFailed, "AUTH failed"),
	}
	_ = func(ctx context.Context, nsqd *Server) []error {
		return []error{
			nsqd.WaitMessages(ctx, 3),
			nsqd.Wait(ctx, func(Stats) bool { return nsqd.MessageCount("audit") == 1 }),
			nsqd.Wait(ctx, func(s Stats) bool { return s.Conns == 1 && s.Open == 0 }),
			nsqd.Wait(ctx, func(s Stats) bool { return s.Nops == 1 }),
			nsqd.Wait(ctx, func(s Stats) bool { return s.Struck == 1 }),
		}
	}
)

func TestDocumentedLines(t *testing.T) {
	read := func(names ...string) (all string) {
		for _, name := range names {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			all += string(text)
		}
		return all
	}
	text, here := read("doc.go"), read("doc_test.go")
	lines := regexp.MustCompile(`(?m)^//\t((?:On|nsqd\.Wait).*?) +//`).FindAllStringSubmatch(text, -1)
	require.Len(t, lines, 34)
	for _, line := range lines {
		require.True(t, strings.Contains(here, "\t"+line[1]+",\n"), "not in doc_test.go: %s", line[1])
	}

	_, ten, _ := strings.Cut(text, "These ten are")
	ten, _, _ = strings.Cut(ten, "say when.")
	faults := regexp.MustCompile(`(?m)^//\t(On\w+)\(\w*\)\.(?:Answered\(\)\.)?(\w+)`).FindAllStringSubmatch(ten, -1)
	require.Len(t, faults, 10)
	examples := read("example_answers_test.go", "example_losses_test.go")
	for _, fault := range faults {
		require.Regexp(t, `func Example(When_`+fault[2]+`|`+fault[1]+`)\(`, examples, fault[0])
	}
}
