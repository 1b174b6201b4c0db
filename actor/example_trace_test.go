package actor_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// A Trace shows how publishes go out. Here three queue up while nsqd takes its time over the handshake: they go out in one write, and
// the two to one topic as one command.
func ExampleTrace() {
	nsqd := wiretest.NewInMemory()
	defer nsqd.Close()
	nsqd.Freeze()
	events := make(chan string, 10)
	p, err := actor.NewProducer(nsqd.Addr, &actor.Config{
		Dial: nsqd.Dial,
		Trace: &actor.Trace{
			Connected: func(time.Time) { events <- "connected" },
			Lost:      func(_ time.Time, cause error) { events <- fmt.Sprint("lost: ", cause) },
			Batch: func(_ time.Time, b actor.Batch) {
				events <- fmt.Sprintf("%d publishes, %d commands, %d bytes", b.Publishes, b.Commands, b.Bytes)
			},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	for _, topic := range []string{"orders", "visits", "orders"} {
		if err := p.PublishAsync(topic, []byte("hello"), nil); err != nil {
			log.Fatal(err)
		}
	}
	nsqd.Resume()
	fmt.Println(<-events)
	fmt.Println(<-events)
	p.Flush(context.Background())
	nsqd.CloseAll() // nsqd is restarted, say
	fmt.Println(<-events)
	// Output:
	// connected
	// 3 publishes, 2 commands, 58 bytes
	// lost: EOF
}
