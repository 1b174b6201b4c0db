package actor_test

import (
	"fmt"
	"log"
	"log/slog"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// lines are what a handler writes, one by one.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// Logger gets connections made, failed and lost, on a goroutine of its own. Messages and attributes stay the same. The
// example leaves out the time, and takes the lines from a channel, since they come when they come.
func ExampleConfig_logger() {
	nsqd := wiretest.NewInMemory()
	defer nsqd.Close()
	written := make(lines)
	handler := slog.NewTextHandler(written, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})
	p, err := actor.NewProducer("nsqd.example:4150", &actor.Config{
		Logger: slog.New(handler).With("queue", "orders"),
		Dial:   nsqd.Dial,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	p.Ping()
	fmt.Print(<-written)
	nsqd.CloseAll() // nsqd is restarted, say
	fmt.Print(<-written, <-written)
	// Output:
	// level=INFO msg="connected to nsqd" queue=orders addr=nsqd.example:4150
	// level=WARN msg="lost the connection to nsqd" queue=orders addr=nsqd.example:4150 error=EOF
	// level=INFO msg="connected to nsqd" queue=orders addr=nsqd.example:4150
}
