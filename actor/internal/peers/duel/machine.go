package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/nsqio/go-nsq"
)

// setting says what was measured where.
func setting(nsqdVersion string, rounds int) string {
	return fmt.Sprintf("%s, %d cores, %s/%s, %s, nsqd %s on the same machine, go-nsq %s; 128-byte bodies where none are named. "+
		"Rounds: %d, in turn, within one run; medians, and the lowest and the highest ratio. "+
		"Absolute figures vary with the machine and the hour.",
		processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), nsqdVersion, nsq.VERSION, rounds)
}

// processor is the model as Linux names it, elsewhere only that there is one.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for _, line := range strings.Split(string(text), "\n") {
		if field, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(field) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "processor unknown"
}
