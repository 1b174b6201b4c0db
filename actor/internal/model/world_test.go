//go:build go1.25

package model

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing/synctest"
	"time"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire/wiretest"
)

// world is where a plan is played: a producer, its nsqd, and those who use it, within one bubble of fake time.
type world struct {
	*book
	began   time.Time
	nsqd    *wiretest.Server                // with the plan's faults
	well    *wiretest.Server                // without any: what nsqd is when it has come back
	dialled atomic.Int64                    // how often
	current atomic.Pointer[wiretest.Server] // which of the two a dial reaches
	p       *actor.Producer
	heard   heard        // error frames
	surplus atomic.Int64 // OKs that nobody asked for
	conns   atomic.Int64 // made and not closed by the client

	queues  []chan *entry // of the callers
	callers sync.WaitGroup
	idle    chan struct{} // closed when every caller has done all he had to do
	done    [channels]chan *actor.Transaction
	arrived [channels]int // results on each; who reads the channel counts
	quit    chan struct{} // ends the readers
	readers sync.WaitGroup
	hurry   atomic.Bool // the late reader pauses no more

	halts sync.WaitGroup // Shutdowns under way
}

func newWorld(b *book) *world {
	w := &world{book: b, began: time.Now(), idle: make(chan struct{}), quit: make(chan struct{})}
	b.mendedAt, b.stoppedAt = never, never
	w.nsqd = wiretest.Config{
		InMemory: true, Buffer: b.buffer, MaxMsgSize: b.largest, MaxBodySize: b.whole, Faults: b.faults(&w.surplus),
	}.NewServer()
	w.well = wiretest.NewInMemory()
	w.current.Store(w.nsqd)
	cfg := b.cfg
	cfg.Dial = w.dial
	p, err := actor.NewProducer(w.nsqd.Addr, &cfg)
	if err != nil {
		panic(err)
	}
	w.p = p
	for i := range w.done {
		w.done[i] = make(chan *actor.Transaction, b.rooms[i])
	}
	w.readers.Add(2)
	go w.read(w.done[prompt], 0)
	go w.read(w.done[late], b.late)
	w.callers.Add(b.plan.callers)
	for range b.plan.callers {
		queue := make(chan *entry, stepsPerSeed)
		w.queues = append(w.queues, queue)
		go w.call(queue)
	}
	go func() {
		w.callers.Wait()
		close(w.idle)
	}()
	for i := range b.steps {
		w.entries = append(w.entries, &entry{step: b.steps[i], number: i})
	}
	return w
}

// now returns the time since the beginning.
func (w *world) now() time.Duration { return time.Since(w.began) }

func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n := int(w.dialled.Add(1))
	if n <= len(w.dials) && w.current.Load() == w.nsqd {
		switch d := w.dials[n-1]; d.kind {
		case dialRefused:
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		case dialForever:
			<-ctx.Done()
		case dialSlowly:
			select {
			case <-time.After(d.pause):
			case <-ctx.Done():
			}
		case dialDeaf:
			time.Sleep(d.pause)
			ctx = context.Background()
		}
	}
	conn, err := w.current.Load().Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w.conns.Add(1)
	return &watched{Conn: conn, world: w, dial: n}, nil
}

// run plays the steps. What is left to do then is in ending_test.go.
func (w *world) run() {
	for _, e := range w.entries {
		if e.caller != director {
			w.queues[e.caller] <- e
			continue
		}
		e.called, e.began = true, w.now()
		w.direct(e)
		e.ended, e.returned = w.now(), true
		w.mostBytes = max(w.mostBytes, w.p.Stats().PendingBytes)
	}
	for _, queue := range w.queues {
		close(queue)
	}
}

// direct does a step of the director's.
func (w *world) direct(e *entry) {
	switch e.act {
	case pause:
		time.Sleep(e.delay)
	case settle:
		w.settle()
	case readKept:
		w.readKept()
	case nudge:
		for range e.count {
			runtime.Gosched()
		}
	case stop:
		w.halt(e.give)
	case heartbeat:
		w.nsqd.Heartbeat()
	case stall:
		w.nsqd.Stall()
	case stopReads:
		w.nsqd.StopReading()
	case freeze:
		w.nsqd.Freeze()
	case resume:
		w.nsqd.Resume()
	case closeAll:
		w.nsqd.CloseAll()
	case resetAll:
		w.nsqd.ResetAll()
	case unlisten:
		w.nsqd.CloseListener()
	case listen:
		w.nsqd.Listen()
	case sendJunk:
		w.nsqd.Send(nonsense[e.odd])
	case sendAnswer:
		if w.limited() {
			return
		}
		w.surplus.Add(int64(w.nsqd.Stats().Open) + 1) // one may be accepted meanwhile
		w.nsqd.Send(ok)
	}
}

// settle lets everybody go on until nothing moves but time, and notes how the producer stands then.
func (w *world) settle() {
	synctest.Wait()
	w.rests = append(w.rests, w.p.Stats())
}

// readKept reads the results that have no reader until no more come. Then, while nobody can take them up again, it releases
// each twice: the second time does nothing.
func (w *world) readKept() {
	var all []*actor.Transaction
	for before := -1; len(all) > before; {
		w.settle()
		before = len(all)
		for t := w.takeKept(); t != nil; t = w.takeKept() {
			w.note(t)
			all = append(all, t)
		}
	}
	for _, t := range all {
		t.Release()
		t.Release()
	}
}

func (w *world) takeKept() *actor.Transaction {
	select {
	case t := <-w.done[kept]:
		return t
	default:
		return nil
	}
}

// read is a reader's goroutine.
func (w *world) read(done <-chan *actor.Transaction, pause time.Duration) {
	defer w.readers.Done()
	for {
		select {
		case t := <-done:
			if w.note(t)%4 > 0 { // Release is not an obligation
				t.Release()
			}
		case <-w.quit:
			return
		}
		if pause > 0 && !w.hurry.Load() {
			time.Sleep(pause)
		}
	}
}

// note writes down a result, and returns its entry's number.
func (w *world) note(t *actor.Transaction) int {
	e := t.Args[0].(*entry)
	e.result, e.resultAt, e.place = t.Error, w.now(), w.arrived[e.done]
	w.arrived[e.done]++
	e.results.Add(1)
	return e.number
}

// halt begins to shut the producer down.
func (w *world) halt(give time.Duration) {
	h := &halt{began: w.now(), give: give}
	w.stops = append(w.stops, h)
	w.stoppedAt = min(w.stoppedAt, h.began)
	w.halts.Add(1)
	go func() {
		defer w.halts.Done()
		ctx := context.Background()
		if give == unbounded {
			w.p.Stop()
		} else {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, give)
			defer cancel()
		}
		h.tally, h.err = w.p.Shutdown(ctx)
		h.ended = w.now()
	}()
}

// fill makes the book complete, when nothing runs any more.
func (w *world) fill() {
	w.stats = w.p.Stats()
	w.open = int(w.conns.Load())
	w.attempts, w.frames = int(w.dialled.Load()), w.heard.frames
	w.book.surplus = int(w.surplus.Load())
	for _, srv := range []*wiretest.Server{w.nsqd, w.well} {
		stored := srv.Messages()
		if srv == w.well {
			for i := range stored { // its connections are the later ones
				stored[i].Conn += w.nsqd.Stats().Conns
			}
		}
		slices.SortStableFunc(stored, func(a, b wiretest.Message) int { return a.Conn - b.Conn })
		w.stored = append(w.stored, stored...)
	}
}

// failure is why a play cannot go on.
type failure string

func (w *world) fail(format string, args ...any) {
	w.stats = w.p.Stats()
	panic(failure(fmt.Sprintf(format, args...)))
}
