package actor

import (
	"fmt"
	"strings"
)

// ConfigFlag sets the options of a Config from a command line, in the manner of NSQ's own programs. It is a flag.Value:
//
//	cfg := actor.NewConfig()
//	flag.Var(actor.ConfigFlag{Config: cfg}, "producer-opt", "option of the producer, as name,value (may be given several times)")
//
// takes --producer-opt=dial_timeout,2s and --producer-opt=tls_v1. Package flag repeats in its error an argument that Set refuses,
// a secret under a misspelt name too, and a command line can be read by others while the program runs. Config must not be nil.
type ConfigFlag struct{ Config *Config }

// Set takes "name,value", or "name" alone, which means true, as [Config.Set] does, and returns its error. A value may have commas.
func (f ConfigFlag) Set(option string) error {
	name, value, given := strings.Cut(option, ",")
	if name, _, wrong := strings.Cut(name, "="); wrong { // what follows may be a secret
		return fmt.Errorf("option %.80q is given with =, its value must stand behind a comma", name)
	}
	if !given {
		return f.Config.Set(name, true)
	}
	return f.Config.Set(name, value)
}

// String returns nothing: a Config has no short form, and may hold a secret.
func (f ConfigFlag) String() string { return "" }
