package wiretest

import "github.com/nsqactor/producer/wire"

// Stall holds all answers, on open connections and on those to come, until [Server.Resume]: the server reads, executes and
// stores, and sends heartbeats, but does not answer. An answer that is being written when Stall is called still goes out; no
// command that comes later is answered.
func (s *Server) Stall() { s.hold(holdAnswers) }

// StopReading stops reading, on open connections and on those to come, until [Server.Resume]. When it returns, no connection
// reads; what was read before is still executed and answered.
func (s *Server) StopReading() { s.hold(holdReading) }

// Freeze stops all the server does on open connections and on those to come, heartbeats included, until [Server.Resume], as a
// stopped process does: connections are still accepted, by the system. A command that is being executed meanwhile is finished.
func (s *Server) Freeze() { s.hold(holdAll) }

func (s *Server) hold(h hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held |= h
	for c := range s.conns {
		c.hold(h)
	}
}

// Resume ends [Server.Stall], [Server.StopReading] and [Server.Freeze], and the faults of these names, on all connections. It
// does not wait until what was held has gone.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = 0
	for c := range s.conns {
		c.release()
	}
}

// Heartbeat sends a heartbeat on every open connection, before all answers that are being held, and also where heartbeats are
// held. It does not wait until they are written.
func (s *Server) Heartbeat() {
	s.each(func(c *conn) {
		c.seen.heartbeat()
		c.urge(wire.AppendHeartbeat(nil))
	})
}

// Send sends these bytes on every open connection, behind the answers that are being held. It does not wait until they are
// written. The caller may reuse them.
func (s *Server) Send(raw []byte) {
	s.each(func(c *conn) { c.enqueue(chunk{data: append([]byte(nil), raw...)}) })
}

// CloseAll closes every open connection at once, as a stopping nsqd does: no answer that is being held will come. The
// listener stays open. The record has the connections as ended a little later, which [Server.Wait] can wait for.
func (s *Server) CloseAll() { s.each(func(c *conn) { c.shut(closed) }) }

// ResetAll is [Server.CloseAll] with TCP resets.
func (s *Server) ResetAll() { s.each(func(c *conn) { c.shut(resetting) }) }

// Add adds faults to the script, behind those that it has. They count from now on, on open connections too.
func (s *Server) Add(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		next := &scripted{Fault: f}
		s.script = append(s.script, next)
		for c := range s.conns {
			c.arm(next)
		}
	}
}
