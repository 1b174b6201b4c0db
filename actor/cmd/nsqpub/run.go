package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/nsqactor/producer/wire"
	"github.com/nsqactor/producer/wire/wiretest"
)

// drainBound is how long the program goes on after a signal. The first half is for publishing what was read already, all of it
// for the answers.
const drainBound = 5 * time.Second

// run is the program: it returns the exit status. ctx ends when a signal comes.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, manual())
		return exitOK
	case err != nil:
		return misused(stderr, err)
	case o.version:
		fmt.Fprintln(stdout, "nsqpub", version(), runtime.Version())
		return exitOK
	}

	var double *wiretest.Server
	if len(o.addrs)+len(o.lookupds) == 0 {
		double = wiretest.Config{Discard: true}.NewServer()
		defer double.Close()
		o.addrs = []string{double.Addr}
		fmt.Fprintf(stderr, "nsqpub: no --nsqd-tcp-address, publishing into the built-in double of nsqd at %s, which drops what it gets\n", double.Addr)
	}
	producer, err := o.open()
	if err != nil {
		return misused(stderr, err)
	}
	p := newPublisher(o, producer)
	if o.rejects != "" {
		file, err := os.OpenFile(o.rejects, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return misused(stderr, fmt.Errorf("--rejects: %w", err))
		}
		defer file.Close()
		p.rejects.w = file
	}

	in := newLines(newInput(ctx, stdin), o.delimiter, cmp.Or(o.producer.MaxMsgSize, wire.DefaultMaxMsgSize))
	began := time.Now()
	endProgress := func() {}
	if isTerminal(stderr) {
		pending := func() uint64 { return statsOf(producer).Pending }
		endProgress = progress{&p.account, pending, sizeOf(stdin), in.passed.Load, began}.show(stderr)
	}
	cut := p.publishAll(ctx, in)
	took := time.Since(began)
	endProgress()
	p.account.summarize(stderr, took)
	summarizeNodes(stderr, statsOf(producer))
	if double != nil {
		fmt.Fprintf(stderr, "the double took %d messages\n", double.MessageCount(o.topic))
	}

	status := exitOK
	if p.account.lost() > 0 {
		status = exitLost
	}
	if cut != nil {
		fmt.Fprintf(stderr, "nsqpub: standard input was not read to its end: %v\n", cut)
		status = exitLost
	}
	if err := p.rejects.failure(); err != nil {
		fmt.Fprintf(stderr, "nsqpub: the rejects are not complete: %v\n", err)
		status = exitLost
	}
	if o.json {
		if err := p.account.summarizeJSON(stdout, took, statsOf(producer), double != nil); err != nil {
			fmt.Fprintf(stderr, "nsqpub: the summary could not be written as JSON: %v\n", err)
			status = exitLost
		}
	}
	return status
}

func misused(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "nsqpub: %v\nnsqpub --help prints the manual\n", err)
	return exitUsage
}

// after returns a context that ends d after ctx has. Its cancel function frees what it holds.
func after(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(d, cancel)
		context.AfterFunc(later, func() { timer.Stop() })
	})
	return later, func() {
		stop()
		cancel()
	}
}
