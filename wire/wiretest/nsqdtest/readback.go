package nsqdtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

const (
	readBackTimeout = 2 * time.Minute
	readBackChannel = "nsqdtest"
	lastMessage     = "nsqdtest: the last message"
)

// ReadBack consumes all that the topic holds and returns the bodies in the order of their delivery, which is that of their
// storage only with -mem-queue-size=0. It reads with nsq_tail, NSQ's own program on top of go-nsq's Consumer, one message a line:
// so bodies must not contain a line feed. A message of its own marks the end, and is not returned. Nobody may publish to the
// topic meanwhile; deferred messages that are not due are not read. It waits for 2 minutes at most.
func (n *Nsqd) ReadBack(topic string) []string {
	n.t.Helper()
	path, err := tailPath()
	if err != nil {
		unavailable(n.t, err)
		return nil
	}
	status, answer := n.Post("/pub?topic="+url.QueryEscape(topic), lastMessage)
	if status != http.StatusOK {
		n.t.Fatalf("nsqd: publish to topic %q: status %d: %s", topic, status, answer)
	}
	tail := command(path, []string{
		"-topic=" + topic, "-channel=" + readBackChannel, "-nsqd-tcp-address=" + n.TCPAddr,
		"-consumer-opt=max_attempts,0", // else a message that is delivered often would be dropped and not be printed
	})
	bodies, err := n.readBack(tail, topic)
	if err != nil {
		n.t.Fatalf("read topic %q back: %v", topic, err)
	}
	return bodies
}

// readBack collects what tail prints until it has printed the last message and nsqd has nothing left.
func (n *Nsqd) readBack(tail *exec.Cmd, topic string) ([]string, error) {
	out, err := tail.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaints printed
	tail.Stderr = &complaints
	if err := tail.Start(); err != nil {
		return nil, err
	}
	var bodies []string
	var marked atomic.Bool
	all := make(chan struct{})
	go func() {
		defer close(all)
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if line == lastMessage+"\n" {
				marked.Store(true)
			} else {
				bodies = append(bodies, strings.TrimSuffix(line, "\n"))
			}
		}
	}()
	empty := 0
	err = within(readBackTimeout, func() (bool, error) {
		if !marked.Load() {
			return false, nil
		}
		left, err := n.left(topic)
		if empty++; left > 0 {
			empty = 0
		}
		return empty == 3, err // one look may miss a message on its way from the topic to the channel
	})
	_ = tail.Process.Kill() // it has printed what nsqd has been told is finished
	<-all
	_ = tail.Wait()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, lastLines(complaints.String(), 10))
	}
	return bodies, err
}

// left returns how many of the topic's messages have not been finished by ReadBack's consumer.
func (n *Nsqd) left(topic string) (int, error) {
	status, body := n.Get("/stats?format=json&include_clients=false&topic=" + url.QueryEscape(topic))
	var stats struct {
		Topics []struct {
			Depth    int `json:"depth"`
			Channels []struct {
				Name     string `json:"channel_name"`
				Depth    int    `json:"depth"`
				InFlight int    `json:"in_flight_count"`
			} `json:"channels"`
		} `json:"topics"`
	}
	if err := json.Unmarshal([]byte(body), &stats); err != nil || status != http.StatusOK || len(stats.Topics) != 1 {
		return 0, fmt.Errorf("status %d, %v: %s", status, err, body)
	}
	left := stats.Topics[0].Depth
	for _, c := range stats.Topics[0].Channels {
		if c.Name == readBackChannel {
			left += c.Depth + c.InFlight
		}
	}
	return left, nil
}
