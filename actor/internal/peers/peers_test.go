package peers

import (
	"fmt"
	"testing"
	"time"

	"github.com/nsqio/go-nsq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// What go-nsq's producer publishes to a real nsqd, its consumer reads: the pinned peers work together here.
func TestGoNSQRoundTrip(t *testing.T) {
	const count = 100
	nsqd := nsqdtest.Start(t)

	producer, err := nsq.NewProducer(nsqd.TCPAddr, nsq.NewConfig())
	require.NoError(t, err)
	t.Cleanup(producer.Stop)
	producer.SetLoggerLevel(nsq.LogLevelError)
	want := make([]string, count)
	for i := range want {
		want[i] = fmt.Sprintf("message %d", i)
		require.NoError(t, producer.Publish("numbers", []byte(want[i])))
	}
	assert.EqualValues(t, count, nsqd.MessageCount("numbers"))

	config := nsq.NewConfig()
	config.MaxInFlight = 10
	consumer, err := nsq.NewConsumer("numbers", "readers", config)
	require.NoError(t, err)
	consumer.SetLoggerLevel(nsq.LogLevelError)
	bodies := make(chan string, 2*count) // room for what must not come
	consumer.AddHandler(nsq.HandlerFunc(func(m *nsq.Message) error {
		bodies <- string(m.Body)
		return nil
	}))
	require.NoError(t, consumer.ConnectToNSQD(nsqd.TCPAddr))

	timeout := time.After(30 * time.Second)
	var got []string
	for len(got) < count {
		select {
		case body := <-bodies:
			got = append(got, body)
		case <-timeout:
			t.Fatalf("read %d of %d messages", len(got), count)
		}
	}
	consumer.Stop()
	<-consumer.StopChan // no handler runs from here on
	close(bodies)
	for body := range bodies {
		got = append(got, body)
	}
	assert.ElementsMatch(t, want, got)
}
