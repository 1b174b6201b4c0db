package actor

import (
	"context"
	"log/slog"
)

// logged says how events stand in the log; those without a text do not.
var logged = [events]struct {
	text  string
	level slog.Level
}{
	connected:    {"connected to nsqd", slog.LevelInfo},
	dialFailed:   {"cannot connect to nsqd", slog.LevelWarn},
	disconnected: {"lost the connection to nsqd", slog.LevelWarn},
}

// log writes a record to the user's handler, on the scribe.
func (p *Producer) log(r *record) {
	ctx, handler, e := context.Background(), p.cfg.Logger.Handler(), logged[r.event]
	if e.text == "" || !handler.Enabled(ctx, e.level) {
		return
	}
	entry := slog.NewRecord(r.at, e.level, e.text, 0)
	entry.AddAttrs(slog.String("addr", p.addr))
	if r.cause != nil {
		entry.AddAttrs(slog.Any("error", r.cause))
	}
	handler.Handle(ctx, entry)
}
