package actor_test

import (
	"expvar"
	"fmt"
	"log"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// counters are what operators want to see of a producer.
func counters(p *actor.Producer) expvar.Func {
	return func() any {
		s := p.Stats()
		return map[string]any{
			"acked": s.Acked, "refused": s.Refused, "not_sent": s.NotSent, "unknown": s.Unknown,
			"pending": s.Pending, "pending_bytes": s.PendingBytes, "connections": s.Connections,
			"link": s.Link.String(),
		}
	}
}

// Stats blocks nobody and allocates nothing, so that it can be read as often as one likes.
func ExampleProducer_Stats_expvar() {
	nsqd := wiretest.NewServer()
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	account := counters(p) // once in a program: expvar.Publish("nsq", counters(p))
	fmt.Println(account)
	p.Publish("greetings", []byte("hello"))
	fmt.Println(account)
	// Output:
	// {"acked":0,"connections":0,"link":"unlinked","not_sent":0,"pending":0,"pending_bytes":0,"refused":0,"unknown":0}
	// {"acked":1,"connections":1,"link":"up","not_sent":0,"pending":0,"pending_bytes":0,"refused":0,"unknown":0}
}
