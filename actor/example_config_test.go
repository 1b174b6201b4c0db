package actor_test

import (
	"flag"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/nsqactor/producer/actor"
)

// Options come from wherever a service keeps them, by go-nsq's names. What is wrong with one stands in the error, and whether they go
// together NewProducer says, or Validate.
func ExampleConfig_Set() {
	file := "dial_timeout 2s\nmax_pending 1000\ndeflate yes\nsnappy true\nmax_in_flight 7"

	cfg := actor.NewConfig()
	for _, line := range strings.Split(file, "\n") {
		option, value, _ := strings.Cut(line, " ")
		if err := cfg.Set(option, value); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(cfg.DialTimeout, cfg.MaxPending)
	fmt.Println(cfg.Validate())
	// Output:
	// option deflate is "yes", must be true or false: a bool, a string, or an integer, of which 0 is false
	// option max_in_flight is a consumer's; a producer has no use for it
	// 2s 1000
	// Snappy is set, but not SnappyReader and SnappyWriter, which do it
}

// A program takes the options on its command line as NSQ's own programs do.
func ExampleConfigFlag() {
	cfg := actor.NewConfig()
	flags := flag.NewFlagSet("program", flag.ContinueOnError) // stands for package flag's own
	flags.SetOutput(io.Discard)
	flags.Var(actor.ConfigFlag{Config: cfg}, "producer-opt", "option of the producer, as name,value (may be given several times)")

	arguments := []string{"--producer-opt=write-timeout,500ms", "--producer-opt=tls_v1"} // stand for os.Args[1:]
	if err := flags.Parse(arguments); err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.WriteTimeout, cfg.TlsV1)
	fmt.Println(flags.Parse([]string{"--producer-opt=write_timeout,soon"}) != nil)
	// Output:
	// 500ms true
	// true
}
