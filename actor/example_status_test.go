package actor_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// status is what a client of an HTTP service is told of a publish. Only 504 leaves open whether the message is stored.
func status(err error) int {
	switch actor.OutcomeOf(err) {
	case actor.Acked:
		return http.StatusAccepted
	case actor.Unknown:
		return http.StatusGatewayTimeout
	}
	switch {
	case errors.Is(err, wire.ErrSize):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, wire.ErrEmpty), errors.Is(err, wire.ErrDelay), errors.Is(err, wire.ErrTopic):
		return http.StatusBadRequest
	case errors.Is(err, actor.ErrFull):
		return http.StatusTooManyRequests
	}
	var refusal *wire.ReplyError
	if actor.OutcomeOf(err) == actor.Refused && errors.As(err, &refusal) && refusal.Fact().Retry != wire.RetryLater {
		return http.StatusBadGateway // again would be refused again
	}
	return http.StatusServiceUnavailable // no connection, no time, a full disk, a service that ends: later it may go
}

// Outcomes, and the errors inside, as an HTTP service tells them.
func ExampleError() {
	nsqd := wiretest.NewInMemory(
		wiretest.OnPublish(wiretest.Every).Topic("archive").Error(wire.CodePubFailed, "the disk is full"),
		wiretest.OnPublish(wiretest.Every).Topic("secrets").Error(wire.CodeUnauthorized, "not yours"),
		wiretest.OnPublish(wiretest.Every).Topic("slow").Silence(),
	)
	defer nsqd.Close()
	p, err := actor.NewProducer(nsqd.Addr, &actor.Config{Dial: nsqd.Dial})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop()

	publish := func(topic, body string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := p.PublishContext(ctx, topic, []byte(body))
		fmt.Println(topic, actor.OutcomeOf(err), status(err))
	}
	publish("orders", "apples")
	publish("orders", "")
	publish("orders", strings.Repeat("a", wire.DefaultMaxMsgSize+1))
	publish("archive", "apples")
	publish("secrets", "apples")
	publish("slow", "apples")
	p.Stop()
	publish("orders", "pears")
	// Output:
	// orders acked 202
	// orders not sent 400
	// orders not sent 413
	// archive refused 503
	// secrets refused 502
	// slow unknown 504
	// orders not sent 503
}
