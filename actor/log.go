package actor

import (
	"context"
	"log/slog"
	"time"
)

// event is something in the life of the connection that Config.Logger hears of.
type event struct {
	text  string
	level slog.Level
}

var (
	connected    = event{"connected to nsqd", slog.LevelInfo}
	disconnected = event{"lost the connection to nsqd", slog.LevelWarn}
	dialFailed   = event{"cannot connect to nsqd", slog.LevelWarn}
)

// record is an event with its circumstances.
type record struct {
	event
	at    time.Time
	cause error
}

// unlogged is how many records may wait for a slow handler; more are dropped.
const unlogged = 16

// log hands an event to the scribe, a goroutine that lives as long as there is something to write. The handler is the user's,
// and may block: that stops the scribe and nobody else.
func (p *Producer) log(e event, cause error) {
	if p.cfg.Logger == nil {
		return
	}
	select {
	case p.records <- record{e, time.Now(), cause}:
	default:
		return
	}
	if p.scribing.Set() {
		go p.scribe()
	}
}

// scribe writes records until there are none.
//
// Invariant: no record is left without a scribe. It stops being the scribe before it looks a last time, and log looks for a
// scribe after it has left its record.
func (p *Producer) scribe() {
	for {
		select {
		case r := <-p.records:
			p.write(r)
		default:
			p.scribing.Clear()
			if len(p.records) == 0 || !p.scribing.Set() {
				return
			}
		}
	}
}

func (p *Producer) write(r record) {
	ctx, handler := context.Background(), p.cfg.Logger.Handler()
	if !handler.Enabled(ctx, r.level) {
		return
	}
	entry := slog.NewRecord(r.at, r.level, r.text, 0)
	entry.AddAttrs(slog.String("addr", p.addr))
	if r.cause != nil {
		entry.AddAttrs(slog.Any("error", r.cause))
	}
	handler.Handle(ctx, entry)
}
