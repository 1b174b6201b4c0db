package api

import (
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const golden = "api.txt"

var update = flag.Bool("update", false, "write the API as it is to "+golden)

func TestAPI(t *testing.T) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	require.NoError(t, err)
	now, err := surface(strings.TrimSpace(string(root)))
	require.NoError(t, err)
	require.NotEmpty(t, now)
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(strings.Join(now, "\n")+"\n"), 0o644))
		return
	}
	text, err := os.ReadFile(golden)
	require.NoError(t, err)
	before := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
	if wrong := difference(before, now); wrong != "" {
		t.Error(wrong)
	}
}

// difference says what has gone from the API and what has come to it, or nothing.
func difference(before, now []string) string {
	var b strings.Builder
	for _, line := range before {
		if !slices.Contains(now, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "The exported API is not what " + golden + " says:\n\n" + b.String() +
		"\nA line with - breaks the users' code that depends on it. If the change is meant:\n\n" +
		"\tgo test ./actor/internal/api -update\n"
}
