package main

import (
	"bytes"
	"fmt"
	"io"
	"net"

	"github.com/nsqactor/producer/wire"
)

// rawLoop is the limit of what a connection can do: one goroutine writes commands that were encoded before, in pieces, and
// reads the answers, with so many pieces unanswered. Nothing is handed over between goroutines.
type rawLoop struct {
	conn        net.Conn
	outstanding int // pieces
	encode      func(t *turn) ([]piece, error)
}

// piece is what goes out in one write.
type piece struct {
	commands []byte
	answers  int
	messages int
	topic    int  // the first message's, by index; beyond the last they begin anew
	spread   bool // each message goes to the next topic, not all to one
}

// pieceBytes bounds a piece, well below nsqd's -max-body-size.
const pieceBytes = 1 << 20

// newRawPub writes PUBs, window of them unanswered in two pieces, so that nsqd has work while answers are read.
func newRawPub(addr string, window, size int) (*rawLoop, error) {
	pubs := max(1, min(window/2, pieceBytes/size))
	return newRawLoop(addr, window/pubs, func(t *turn) ([]piece, error) {
		pieces := make([]piece, (len(t.topics)+pubs-1)/pubs)
		for i := range pieces {
			p := piece{answers: pubs, messages: pubs, topic: i * pubs, spread: true}
			for j := range pubs {
				var err error
				if p.commands, err = wire.AppendPub(p.commands, t.topics[(p.topic+j)%len(t.topics)], t.body); err != nil {
					return nil, err
				}
			}
			pieces[i] = p
		}
		return pieces, nil
	})
}

// newRawMPub writes MPUBs of up to 256 messages, two of them unanswered.
func newRawMPub(addr string, size int) (*rawLoop, error) {
	batch := max(1, min(256, pieceBytes/size))
	return newRawLoop(addr, 2, func(t *turn) ([]piece, error) {
		bodies := make([][]byte, batch)
		for i := range bodies {
			bodies[i] = t.body
		}
		pieces := make([]piece, len(t.topics))
		for i, topic := range t.topics {
			mpub, err := wire.AppendMPub(nil, topic, bodies)
			if err != nil {
				return nil, err
			}
			pieces[i] = piece{commands: mpub, answers: 1, messages: batch, topic: i}
		}
		return pieces, nil
	})
}

func newRawLoop(addr string, outstanding int, encode func(*turn) ([]piece, error)) (*rawLoop, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	r := &rawLoop{conn: conn, outstanding: outstanding, encode: encode}
	_, err = conn.Write(wire.AppendIdentify([]byte(wire.Magic), []byte(`{"feature_negotiation":true,"heartbeat_interval":-1}`)))
	if err == nil {
		_, err = wire.NewReader(conn).Next()
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *rawLoop) stop() { _ = r.conn.Close() }

// take is a turn. What is encoded lives no longer: a large heap would make the others' garbage cheaper.
func (r *rawLoop) take(t *turn) error {
	pieces, err := r.encode(t)
	if err != nil {
		return err
	}
	answers := pieces[0].answers // in every piece
	want := bytes.Repeat(wire.AppendOK(nil), answers)
	got := make([]byte, len(want))
	most := max(1, t.most/pieces[0].messages)
	written, answered := 0, 0
	t.begin()
	for {
		open := written < most && !t.over.Load()
		if open && written-answered < r.outstanding {
			if _, err := r.conn.Write(pieces[written%len(pieces)].commands); err != nil {
				return err
			}
			written++
			continue
		}
		if answered == written {
			break
		}
		if _, err := io.ReadFull(r.conn, got); err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("raw: answered %q", got)
		}
		answered++
	}
	t.end()
	for i := range answered {
		p := pieces[i%len(pieces)]
		if p.spread {
			t.ack(p.topic, p.messages, p.messages)
		} else {
			t.acked[p.topic] += uint64(p.messages)
			t.timed += uint64(p.messages)
		}
	}
	return nil
}
