package actor

import (
	"context"
	"time"

	"github.com/nsqactor/producer/state"
)

// stopBound is how long Stop gives what is pending.
const stopBound = 5 * time.Second

// Stop is Shutdown with a bound of 5 s, which returns sooner if all is through. A second Stop, at once or later, returns when the
// first is through.
func (p *Producer) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopBound)
	defer cancel()
	p.Shutdown(ctx)
}

// Shutdown stops the producer: from now on publishes return ErrStopped, those that were accepted go on to their outcome and
// asynchronous results to their readers, until all are through or ctx ends. Then what was not written ends as not sent, what
// was written and not answered as unknown, and results that nobody has taken are dropped and counted as undelivered:
// what ends with ctx is told in the tally alone, unless its done channel has room for it; room for MaxPending results is enough.
//
// It returns when the connection is closed and the producer's goroutines are gone, but for one that is in a function of yours which
// does not return, of Logger, Trace or Dial, with the tally of what ended since the first Shutdown began: within 20 ms of ctx's end,
// as long as MaxPending is in the thousands; ending a publish takes up to a microsecond. The error is nil if all were through, and
// otherwise that of the context whose end cut them off, bare. It may be called by several goroutines, and again: each waits for the
// same end, and the first bound that is over is over for all.
func (p *Producer) Shutdown(ctx context.Context) (Tally, error) {
	if p.phase.Advance(state.Idle, state.Closed) {
		close(p.stopping)
		close(p.settled)
		if p.returned != nil {
			close(p.returned)
		}
		close(p.ended)
		return Tally{}, nil
	}
	if p.phase.Advance(state.Live, state.Draining) {
		p.base = p.counts.tally()
		close(p.stopping)
		p.ring()
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		if p.cutting.Set() {
			p.cutErr = ctx.Err()
			close(p.cut)
			p.ring()
		}
		<-p.ended
	}
	tally := p.counts.tally().since(p.base)
	if p.severed {
		return tally, p.cutErr
	}
	return tally, nil
}
