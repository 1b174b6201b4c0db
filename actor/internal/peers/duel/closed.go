package main

// closedLoop lets callers publish, each one message after the other, through the topics in turn. Each one's first
// message is not measured.
func closedLoop(t *turn, callers int, publish func(topic string, body []byte) error) error {
	type end struct {
		first, acked int
		err          error
	}
	warm, begin, ends := make(chan struct{}, callers), make(chan struct{}), make(chan end, callers)
	for first := range callers {
		go func() {
			e := end{first: first % len(t.topics)}
			topic := e.first
			next := func() bool {
				if e.err = publish(t.topics[topic], t.body); e.err != nil {
					return false
				}
				e.acked++
				if topic++; topic == len(t.topics) {
					topic = 0
				}
				return true
			}
			ok := next()
			warm <- struct{}{}
			<-begin
			for most := 1 + max(1, t.most/callers); ok && e.acked < most && !t.over.Load(); {
				ok = next()
			}
			ends <- e
		}()
	}
	for range callers {
		<-warm
	}
	t.begin()
	close(begin)
	all := make([]end, 0, callers)
	for range callers {
		all = append(all, <-ends)
	}
	t.end()
	for _, e := range all {
		if e.err != nil {
			return e.err
		}
		t.ack(e.first, e.acked, e.acked-1)
	}
	return nil
}

// pipeline publishes asynchronously from one goroutine, which takes a result when that many are outstanding.
func pipeline[T any](t *turn, outstanding int, publish func(string, []byte, chan T) error, take func(T) error) error {
	done := make(chan T, outstanding)
	published, taken := 0, 0
	send := func() error {
		published++
		return publish(t.topics[(published-1)%len(t.topics)], t.body, done)
	}
	receive := func() error {
		taken++
		return take(<-done)
	}
	// until publishes as long as it may, and takes what is left.
	until := func(more func() bool) error {
		for more() {
			if published-taken == outstanding {
				if err := receive(); err != nil {
					return err
				}
			}
			if err := send(); err != nil {
				return err
			}
		}
		for taken < published {
			if err := receive(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := until(func() bool { return published < outstanding }); err != nil {
		return err
	}
	t.begin()
	if err := until(func() bool { return published < t.most && !t.over.Load() }); err != nil {
		return err
	}
	t.end()
	t.ack(0, published, published-outstanding)
	return nil
}
