package wiretest

import (
	"context"
	"errors"
	"fmt"
)

// ErrEnded means that the server was closed while somebody waited for what can no longer come.
var ErrEnded = errors.New("the server is closed")

// Wait waits until done reports true of the counts, and returns nil then, also where that is so at once. Otherwise it returns
// when ctx ends or the server is closed: an error that wraps ctx's or [ErrEnded], and has the counts as they were.
//
// done is called at first and then whenever something has changed, on the caller's goroutine, until Wait returns. It may look at
// whatever the server can tell, such as [Server.MessageCount] and [Server.Conns]. What changes again before done has looked, it
// does not see.
func (s *Server) Wait(ctx context.Context, done func(Stats) bool) error {
	return s.record.wait(ctx, "what done asks for", done)
}

// WaitMessages waits as [Server.Wait] does until n messages were taken, of whatever topic, since the server started.
func (s *Server) WaitMessages(ctx context.Context, n int) error {
	return s.record.wait(ctx, fmt.Sprintf("Messages >= %d", n), func(s Stats) bool { return s.Messages >= n })
}

// WaitCommands waits as [Server.Wait] does until n commands were read, IDENTIFY and NOP among them, since the server started.
func (s *Server) WaitCommands(ctx context.Context, n int) error {
	return s.record.wait(ctx, fmt.Sprintf("Commands >= %d", n), func(s Stats) bool { return s.Commands >= n })
}

// WaitConns waits as [Server.Wait] does until n connections were accepted, ended ones among them, since the server started.
func (s *Server) WaitConns(ctx context.Context, n int) error {
	return s.record.wait(ctx, fmt.Sprintf("Conns >= %d", n), func(s Stats) bool { return s.Conns >= n })
}

func (r *record) wait(ctx context.Context, what string, done func(Stats) bool) error {
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer stop()
	for {
		stats, changes := r.now()
		if done(stats) { // without the lock, so that it may ask for more
			return nil
		}
		if err := r.next(ctx, changes); err != nil {
			return fmt.Errorf("wiretest: waiting for %s: %w, at %+v, %s", what, err, stats, r.byTopic())
		}
	}
}

func (r *record) now() (stats Stats, changes uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats, r.changes
}

// next returns nil when there were more changes than these, and an error when there is no use in waiting for one.
func (r *record) next(ctx context.Context, changes uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting++
	defer func() { r.waiting-- }()
	for {
		switch err := ctx.Err(); {
		case err != nil:
			return err
		case r.changes != changes:
			return nil
		case r.ended:
			return ErrEnded
		}
		r.changed.Wait()
	}
}

// byTopic says where the messages are, as far as that can be read.
func (r *record) byTopic() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.topics) > 10 {
		return fmt.Sprintf("in %d topics", len(r.topics))
	}
	return fmt.Sprintf("by topic %v", r.topics)
}

func (r *record) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.changed.Broadcast()
}

// tell wakes whoever waits for a change. The mutex is held.
func (r *record) tell() {
	r.changes++
	if r.waiting > 0 {
		r.changed.Broadcast()
	}
}
