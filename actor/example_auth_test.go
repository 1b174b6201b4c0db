package actor_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// AuthSecret goes to an nsqd that requires AUTH. One that does not take it gets no publishes, and one that takes it may still allow
// some topics alone.
func ExampleConfig_auth() {
	nsqd := wiretest.Config{
		AuthSecret: "open sesame",
		Authorize:  func(_, topic string) bool { return topic != "vault" },
	}.NewServer()
	defer nsqd.Close()

	publish := func(secret, topic string) {
		p, err := actor.NewProducer(nsqd.Addr, &actor.Config{AuthSecret: secret}) // beyond this machine only with TlsV1
		if err != nil {
			log.Fatal(err)
		}
		defer p.Stop()
		err = p.Publish(topic, []byte("gold"))
		if refusal := (*wire.ReplyError)(nil); errors.As(err, &refusal) {
			fmt.Println(actor.OutcomeOf(err), "by", refusal.Code)
			return
		}
		fmt.Println(actor.OutcomeOf(err))
	}
	publish("open sesame", "cave")
	publish("open sesame", "vault")
	publish("open barley", "cave")
	publish("", "cave")
	fmt.Println("stored:", nsqd.MessageCount("cave"))
	// Output:
	// acked
	// refused by E_UNAUTHORIZED
	// not sent by E_UNAUTHORIZED
	// not sent
	// stored: 1
}
