package main

import (
	"runtime"
	"time"
)

// holding measures what producers hold, with all else in this process standing still: the heap and the goroutines that
// have come since make was called, divided by n.
func holding(n int, make func() error) (figures, error) {
	heapBefore, goroutinesBefore := heapNow(), runtime.NumGoroutine()
	if err := make(); err != nil {
		return nil, err
	}
	return figures{
		heap:       (heapNow() - heapBefore) / 1024 / float64(n),
		goroutines: float64(runtime.NumGoroutine()-goroutinesBefore) / float64(n),
	}, nil
}

// heapNow collects twice: what has a finalizer, or waits in a pool, outlives the first time.
func heapNow() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// idleProducers connects n producers.
func idleProducers(c contestant, addr string, n int) (figures, error) {
	crew, err := connect(c, addr, n)
	if err != nil {
		return nil, err
	}
	defer crew.stop()
	return crew.held, nil
}

// crowding is how many publishes a full producer holds: the default of MaxPending. go-nsq has no bound, and gets as many.
const crowding = 4096

// fullProducers connects n producers, stops nsqd and publishes until they are full. What they hold is what they held before
// and what was added. When nsqd goes on, all must be acked.
func fullProducers(c contestant, s *server, n, size int) (figures, []uint64, error) {
	crew, err := connect(c, s.TCPAddr, n)
	if err != nil {
		return nil, nil, err
	}
	defer crew.stop()
	fills, settles := make([]func() error, n), make([]func() error, n)
	for i, client := range crew.clients {
		fills[i], settles[i] = client.crowd(crowding, s.topics[0], size)
	}
	s.Pause()
	added, err := holding(n, func() error { return each(fills) })
	s.Resume()
	if err == nil {
		err = each(settles)
	}
	if err != nil {
		return nil, nil, err
	}
	for m := range added {
		added[m] += crew.held[m]
	}
	return added, []uint64{uint64(n * crowding)}, nil
}

func each(steps []func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// crew is several connected producers of one contestant.
type crew struct {
	clients    []client
	held       figures
	goroutines int // before
}

func connect(c contestant, addr string, n int) (*crew, error) {
	k := &crew{goroutines: runtime.NumGoroutine(), clients: make([]client, 0, n)}
	var err error
	k.held, err = holding(n, func() error {
		for range n {
			client, err := c.open(addr, nil, false)
			if err != nil {
				return err
			}
			k.clients = append(k.clients, client)
			if err := client.ping(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		k.stop()
		return nil, err
	}
	return k, nil
}

// stop waits for the goroutines too, some of which end after the call: they must not count in the next turn.
func (k *crew) stop() {
	for _, c := range k.clients {
		c.stop()
	}
	for range 5000 {
		if runtime.NumGoroutine() <= k.goroutines {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
