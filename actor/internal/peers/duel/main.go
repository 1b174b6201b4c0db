// Duel lets go-nsq's producer, this library's, and the bare wire take turns at one nsqd, which it starts, and says how they
// compare, as a table and as a chart:
//
//	go run -C actor/internal/peers ./duel -svg duel.svg
//
// Each row of the table is a load: a closed loop of callers that publish one message after the other; one goroutine that
// publishes asynchronously; an open loop, whose messages are due at even intervals and whose latency counts from the instant
// that was due, however late the one before was; producers that are idle, or full. Within a row the contestants take short
// turns, round by round, each with one producer and one connection for the whole row, and each round gives a ratio. The table
// has the medians, and the lowest and the highest ratio. A lone caller's turns are ten times shorter and ten times as many. After
// every turn nsqd must have counted exactly what was acked, topic by topic, or the program fails.
//
// "raw PUB" is one goroutine that writes commands encoded before, as many unanswered as the row has callers, in two writes, and
// reads the answers; "raw MPUB" the same with MPUBs of 256 messages, two of them unanswered. They are what one connection can do.
//
// "schedule alone" is the open loop with nothing to publish. Its instants reach the callers that late by themselves, which is part
// of every figure beside it; where it is large, the machine had other things to do, and the row says little.
//
// Client CPU is the user and system time of the whole process during a turn. Allocations, collections and pauses are the
// runtime's. The heap of a full producer is what 4,096 publishes of 128 bytes, each with a body of its own, make it hold.
//
// Without -rows the rows are those that the library promises something about, some more, and the costs: see defaults. -rows
// chooses from all of them and from the combinations of callers, topics and bodies too; -list shows the names:
//
//	go run -C actor/internal/peers ./duel -rows 'closed/.*/topics=1000/'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "duel:", err)
		}
		os.Exit(1)
	}
}

// run is the program: the table goes to out, the progress to progress.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	e := thorough
	flags := flag.NewFlagSet("duel", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.IntVar(&e.rounds, "rounds", e.rounds, "rounds of each row")
	flags.DurationVar(&e.turn, "turn", e.turn, "length of a turn in a closed loop or async")
	flags.DurationVar(&e.open, "open", e.open, "length of a turn in an open loop")
	rows := flags.String("rows", "", "choose rows by a regular expression of their names; default: see the package's documentation")
	svg := flags.String("svg", "", "write the chart to this file")
	smoke := flags.Bool("quick", false, "see whether it works: one round of very short turns, whose figures mean nothing")
	list := flags.Bool("list", false, "print the names of all rows and do nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *smoke {
		e = quick
	}
	if e.rounds < 1 || e.turn <= 0 || e.open <= 0 || flags.NArg() > 0 {
		return errors.New("rounds and turns must be positive, and there are no arguments beside flags")
	}
	chosen, err := choose(*rows)
	if err != nil {
		return err
	}
	if *list {
		for _, r := range catalogue() {
			fmt.Fprintln(out, r.name())
		}
		return nil
	}
	var lines []line
	var version string
	for i, r := range chosen {
		began := time.Now()
		fmt.Fprintf(progress, "%d/%d %s ", i+1, len(chosen), r.name())
		err := hosted(func(h *host) (err error) {
			var more []line
			more, version, err = fight(ctx, h, r, e, contestants)
			lines = append(lines, more...)
			return err
		})
		if err != nil {
			fmt.Fprintln(progress)
			return err
		}
		fmt.Fprintf(progress, "%.1f s\n", time.Since(began).Seconds())
	}
	where := setting(version, e.rounds)
	if err := writeTable(out, lines); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n", where)
	if *svg == "" {
		return nil
	}
	file, err := os.Create(*svg)
	if err != nil {
		return err
	}
	return errors.Join(writeChart(file, lines, where), file.Close())
}

// choose returns the rows whose names match, or the defaults.
func choose(pattern string) ([]row, error) {
	if pattern == "" {
		return defaults(), nil
	}
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	var chosen []row
	for _, r := range catalogue() {
		if match.MatchString(r.name()) {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no row matches %s", pattern)
	}
	return chosen, nil
}
