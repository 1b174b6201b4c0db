//go:build go1.25

package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var plant = flag.Bool("mutants", false, "run the mutants")

const bound = 30 * time.Second // of a mutant's tests; some hang

// TestMutantsAreCaught plants each mutant by itself, and demands that its tests fail, which pass without it.
func TestMutantsAreCaught(t *testing.T) {
	if !*plant {
		t.Skip("-mutants runs them, for a quarter of an hour")
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "there is no go command")
		t.Skip("there is no go command to build the mutants with")
	}
	f := &field{goCommand: goCommand, dir: t.TempDir(), suites: map[string]suite{}, sound: map[string]func() (string, error){}}
	f.module, err = filepath.Abs(root)
	require.NoError(t, err)
	packages := map[string][]string{}
	for _, m := range all {
		dir := path.Dir(m.file)
		packages[dir] = append(packages[dir], m.tests)
	}
	for dir, tests := range packages {
		f.suites[dir] = readSuite(t, dir)
		f.sound[dir] = sync.OnceValues(func() (string, error) { return f.build(dir, strings.Join(tests, "|"), nil) })
	}
	slots := make(chan struct{}, 2) // a build each, which keeps a processor busy
	began := time.Now()
	t.Run("all", func(t *testing.T) {
		for _, m := range all {
			t.Run(m.name(), func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				f.catch(t, m)
			})
		}
	})
	t.Logf("%d mutants, %d caught, in %v", f.planted.Load(), f.caught.Load(), time.Since(began).Round(time.Second))
}

// field is where mutants are built and run.
type field struct {
	goCommand, module, dir string
	suites                 map[string]suite                  // of the packages' directories
	sound                  map[string]func() (string, error) // likewise, the test binaries without a fault
	planted, caught        atomic.Int64
}

// catch demands that the mutant's tests pass without it and fail with it.
func (f *field) catch(t *testing.T, m mutant) {
	f.planted.Add(1)
	dir := path.Dir(m.file)
	sound, err := f.sound[dir]()
	require.NoError(t, err)
	out, err := f.run(dir, sound, m.tests)
	require.NoError(t, err, "without the mutant:\n%s", cut(out))
	require.Regexp(t, `(?m)^--- PASS: `, out, "no test of %q runs", m.tests)
	began := time.Now()
	mutated := m.mutate(t)
	binary, err := f.build(dir, m.tests, map[string]string{m.file: mutated})
	require.NoError(t, err)
	built := time.Now()
	out, err = f.run(dir, binary, m.tests)
	require.NoError(t, os.Remove(binary)) // each has some megabytes
	var exit *exec.ExitError
	require.True(t, err == nil || errors.As(err, &exit) && exit.Exited(), "%v:\n%s", err, cut(out))
	by := complaint.FindString(out)
	require.True(t, err != nil && by != "", "not caught:\n%s", cut(out))
	f.caught.Add(1)
	t.Logf("%s, in %.1f s, built in %.1f s", by, time.Since(built).Seconds(), built.Sub(began).Seconds())
}

// complaint is how a test that has failed says so, or a process that could not go on.
var complaint = regexp.MustCompile(`(?m)^ *--- FAIL: \S+|^panic: .*|^fatal error: .*`)

// build makes the test binary of a package, with those of its test files that the tests need, and texts in the place of files.
func (f *field) build(dir, tests string, texts map[string]string) (binary string, err error) {
	temp, err := os.MkdirTemp(f.dir, "")
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, file := range f.suites[dir].idle(regexp.MustCompile(anchored(tests))) {
		replace[filepath.Join(f.module, dir, file)] = ""
	}
	for file, text := range texts {
		mutated := filepath.Join(temp, path.Base(file))
		replace[filepath.Join(f.module, filepath.FromSlash(file))] = mutated
		err = errors.Join(err, os.WriteFile(mutated, []byte(text), 0o600))
	}
	text, failed := json.Marshal(map[string]any{"Replace": replace})
	overlay := filepath.Join(temp, "overlay.json")
	if err = errors.Join(err, failed, os.WriteFile(overlay, text, 0o600)); err != nil {
		return "", err
	}
	binary = filepath.Join(temp, "tests.exe")
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-gcflags=-N -l", "-overlay=" + overlay, "-o=" + binary, "."}
	build := exec.Command(f.goCommand, args...)
	build.Dir = filepath.Join(f.module, dir)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("does not build: %w\n%s", err, out)
	}
	return binary, nil
}

// run runs tests of a binary where go test would.
func (f *field) run(dir, binary, tests string) (out string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*bound)
	defer cancel()
	args := []string{"-test.v", "-test.paniconexit0", "-test.timeout=" + bound.String(), "-test.run=" + anchored(tests)}
	run := exec.CommandContext(ctx, binary, args...)
	run.Dir = filepath.Join(f.module, dir)
	text, err := run.CombinedOutput()
	return string(text), err
}

func anchored(tests string) string { return "^(" + tests + ")$" }

func cut(out string) string { return out[:min(len(out), 5000)] }
