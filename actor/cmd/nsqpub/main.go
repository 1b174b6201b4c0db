package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/actor/pool"
	"github.com/nsqactor/producer/wire"
)

// Exit statuses, as the manual has them.
const (
	exitOK    = 0
	exitLost  = 1
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// options is the command line.
type options struct {
	topic     string
	addrs     []string // of nsqd
	lookupds  []string // of nsqlookupd, in the place of addrs; neither: the double
	mode      pool.Mode
	delimiter byte
	rate      int
	inFlight  int
	rejects   string
	json      bool
	version   bool
	producer  actor.Config
}

const mostInFlight = 1_000_000

// parse returns the options, or flag.ErrHelp, or what is wrong with args.
func parse(args []string) (*options, error) {
	o := &options{delimiter: '\n'}
	flags := flag.NewFlagSet("nsqpub", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.topic, "topic", "", "")
	flags.Func("nsqd-tcp-address", "", func(value string) error { return addAddress(&o.addrs, value) })
	flags.Func("lookupd-http-address", "", func(value string) error { return addAddress(&o.lookupds, value) })
	flags.Func("mode", "", func(value string) (err error) {
		o.mode, err = pool.ParseMode(value)
		return err
	})
	flags.Func("delimiter", "", o.setDelimiter)
	flags.IntVar(&o.rate, "rate", 0, "")
	flags.IntVar(&o.inFlight, "in-flight", 1024, "")
	flags.StringVar(&o.rejects, "rejects", "", "")
	flags.BoolVar(&o.json, "json", false, "")
	flags.BoolVar(&o.version, "version", false, "")
	var passed []string // set behind the other flags, over which they win
	flags.Func("producer-opt", "", func(option string) error {
		passed = append(passed, option)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if o.version {
		return o, nil
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("%q is not a flag; messages come from standard input", flags.Arg(0))
	case o.topic == "":
		return nil, errors.New("--topic is missing")
	case len(o.addrs) > 0 && len(o.lookupds) > 0:
		return nil, errors.New("use --nsqd-tcp-address or --lookupd-http-address, not both")
	case o.rate < 0:
		return nil, fmt.Errorf("--rate is %d, must not be negative", o.rate)
	case o.inFlight < 1 || o.inFlight > mostInFlight:
		return nil, fmt.Errorf("--in-flight is %d, must be from 1 to %d", o.inFlight, mostInFlight)
	}
	if err := wire.CheckTopic(o.topic); err != nil {
		return nil, fmt.Errorf("--topic: %w", err)
	}
	return o, o.configure(passed)
}

// configure fills in the producer's Config. Its errors hold no option's whole text, as package flag's would: that may be a secret
// under a misspelt name.
func (o *options) configure(passed []string) error {
	o.producer = actor.Config{MaxPending: o.inFlight, UserAgent: "nsqpub/" + version()}
	var wrong []error
	for _, option := range passed {
		if err := (actor.ConfigFlag{Config: &o.producer}).Set(option); err != nil {
			wrong = append(wrong, fmt.Errorf("--producer-opt: %w", err))
		}
	}
	return errors.Join(wrong...)
}

// addAddress refuses an empty address, which an unset variable in a script comes to: it must not mean the double. And it refuses
// a list with commas, which is none for NSQ's own programs either; only the path of a Unix socket may have them.
func addAddress(list *[]string, value string) error {
	if value == "" {
		return errors.New("is empty; leave the flag out for the built-in double")
	}
	if strings.Contains(value, ",") && !strings.HasPrefix(value, "unix:") {
		return errors.New("has a comma; give the flag once for each address")
	}
	*list = append(*list, value)
	return nil
}

func (o *options) setDelimiter(value string) error {
	if len(value) == 1 {
		o.delimiter = value[0]
		return nil
	}
	if value == `\0` {
		o.delimiter = 0
		return nil
	}
	if c, multibyte, rest, err := strconv.UnquoteChar(value, 0); err == nil && !multibyte && rest == "" {
		o.delimiter = byte(c)
		return nil
	}
	return errors.New(`must be one byte, or one of \n \r \t \0 \\ \xHH`)
}

//go:embed doc.go
var source string

// manual returns the package's doc comment.
func manual() string {
	_, text, _ := strings.Cut(source, "/*\n")
	text, _, _ = strings.Cut(text, "*/")
	return text
}

// version returns the module's version as the go command recorded it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
