package pool

import (
	"context"
	"log/slog"
)

// log tells Config.Logger why an answer of the resolver's was not followed, on a goroutine of its own: the handler is the user's,
// and may block. While it does, further ones are dropped.
func (p *Pool) log(cause error) {
	if p.cfg.Logger == nil || !p.logging.Set() {
		return
	}
	go func() {
		defer p.logging.Clear()
		p.cfg.Logger.LogAttrs(context.Background(), slog.LevelWarn, "nsq pool stays as it is", slog.Any("error", cause))
	}()
}
