package actor_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// again says what a service may do about a publish that ended with err.
func again(err error) string {
	var refusal *wire.ReplyError
	switch actor.OutcomeOf(err) {
	case actor.Acked:
		return "done"
	case actor.Refused: // nsqd knows why
		errors.As(err, &refusal)
		return "nothing stored, again " + refusal.Fact().Retry.String()
	case actor.NotSent:
		if errors.Is(err, actor.ErrNotConnected) || errors.Is(err, actor.ErrFull) {
			return "nothing stored, again after a pause, or at another nsqd"
		}
		return "nothing stored, again never" // the input was wrong, the context is over, or the producer was stopped
	default:
		return "perhaps stored, again if consumers can take it twice"
	}
}

// The outcome says whether publishing again can duplicate the message, and, where nsqd refused it, the code's Fact whether that
// has a chance.
func ExampleOutcomeOf() {
	nsqd := wiretest.NewInMemory(
		wiretest.OnPublish(wiretest.Every).Topic("archive").Error(wire.CodePubFailed, "the disk is full"),
		wiretest.OnPublish(wiretest.Every).Topic("secrets").Error(wire.CodeUnauthorized, "not yours"),
		wiretest.OnPublish(wiretest.Every).Topic("orders").Silence(), // stored, not answered
		wiretest.OnPublish(wiretest.Every).Topic("orders").Answered().Reset(),
	)
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, &actor.Config{Dial: nsqd.Dial})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	publish := func(topic string) {
		fmt.Printf("%q: %s\n", topic, again(p.Publish(topic, []byte("hello"))))
	}
	publish("archive")
	publish("secrets")
	publish("")
	publish("greetings")
	nsqd.CloseListener() // when this connection is lost there is no other
	publish("orders")
	publish("greetings")
	// Output:
	// "archive": nothing stored, again after a pause
	// "secrets": nothing stored, again never
	// "": nothing stored, again never
	// "greetings": done
	// "orders": perhaps stored, again if consumers can take it twice
	// "greetings": nothing stored, again after a pause, or at another nsqd
}
