package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/nsqactor/producer/wire/wiretest/nsqdtest"
)

// server is the one nsqd of a row, whose count is held against what its publishers say was acked.
type server struct {
	*nsqdtest.Nsqd
	tls     *tls.Config // for its clients; nil: none
	topics  []string
	counted map[string]uint64 // by topic, so far
}

// room is how many messages nsqd keeps in memory, shared out among the topics. Beyond it nsqd would write to its disk, and that
// is what would be measured.
const room = 10_000_000

func startServer(t nsqdtest.TB, r row) *server {
	flags, config := r.layers.certified(t)
	s := &server{
		Nsqd:    nsqdtest.Start(t, append(flags, fmt.Sprintf("-mem-queue-size=%d", room/r.topics))...),
		tls:     config,
		topics:  topicNames(r.topics),
		counted: map[string]uint64{},
	}
	for _, topic := range s.topics {
		s.CreateTopic(topic)
	}
	return s
}

func (s *server) version() (string, error) {
	var info struct {
		Version string `json:"version"`
	}
	err := s.read("/info", &info)
	return info.Version, err
}

// settle ends a turn: nsqd must have counted exactly what was acked, by topic, and must have kept it in memory. Then it forgets
// the messages, so that the next turn finds it as this one did.
func (s *server) settle(acked []uint64) error {
	var stats struct {
		Topics []struct {
			Name         string `json:"topic_name"`
			MessageCount uint64 `json:"message_count"`
			OnDisk       int64  `json:"backend_depth"`
		} `json:"topics"`
	}
	if err := s.read("/stats?format=json&include_clients=false", &stats); err != nil {
		return err
	}
	now := map[string]uint64{}
	for _, topic := range stats.Topics {
		now[topic.Name] = topic.MessageCount
		if topic.OnDisk != 0 {
			return fmt.Errorf("topic %s: nsqd wrote %d messages to its disk; make the turns shorter", topic.Name, topic.OnDisk)
		}
	}
	var wrong []error
	for i, topic := range s.topics {
		if counted := now[topic] - s.counted[topic]; counted != acked[i] {
			wrong = append(wrong, fmt.Errorf("topic %s: %d messages were acked, nsqd counted %d", topic, acked[i], counted))
		}
		if acked[i] > 0 {
			if status, answer := s.Post("/topic/empty?topic="+url.QueryEscape(topic), ""); status != http.StatusOK {
				return fmt.Errorf("nsqd: empty topic %s: status %d: %s", topic, status, answer)
			}
		}
	}
	if len(now) != len(s.topics) {
		wrong = append(wrong, fmt.Errorf("nsqd has %d topics, not %d", len(now), len(s.topics)))
	}
	s.counted = now
	s.Get("/debug/pprof/heap?gc=1") // makes nsqd collect its garbage
	return errors.Join(wrong...)
}

func (s *server) read(path string, into any) error {
	status, body := s.Get(path)
	if status != http.StatusOK {
		return fmt.Errorf("nsqd: %s: status %d: %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		return fmt.Errorf("nsqd: %s: %w", path, err)
	}
	return nil
}
