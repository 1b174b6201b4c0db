package readme

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/nsqactor/producer/actor"
	"github.com/nsqactor/producer/wire"
)

const (
	root   = "../../.."
	module = "github.com/nsqactor/producer"
)

func readme(t *testing.T) string {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	return string(text)
}

var goFence = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// snippets returns what README.md has of Go.
func snippets(t *testing.T) (all []string) {
	for _, fence := range goFence.FindAllStringSubmatch(readme(t), -1) {
		all = append(all, fence[1])
	}
	return all
}

// packages are what a snippet that is no program of its own can name without importing it.
var packages = map[string]string{
	"actor": module + "/actor", "pool": module + "/actor/pool", "lookup": module + "/actor/pool/lookup",
	"wire": module + "/wire", "wiretest": module + "/wire/wiretest", "testing": "testing",
}

// program makes a program's file of a snippet: of a whole one, of declarations, or of statements.
func program(snippet string) string {
	if strings.HasPrefix(snippet, "package ") {
		return snippet
	}
	if !regexp.MustCompile(`(?m)^(func|type|var|const) `).MatchString(snippet) {
		snippet = "func _() {\n" + snippet + "}\n"
	}
	file := "package p\n"
	for name, path := range packages {
		if regexp.MustCompile(`\b` + name + `\.`).MatchString(snippet) {
			file += fmt.Sprintf("import %q\n", path)
		}
	}
	return file + snippet
}

// check returns what the compiler would say of a file, but for variables that nobody uses, as statements out of their program have.
func check(set *token.FileSet, from types.Importer, text string) (wrong []error) {
	file, err := parser.ParseFile(set, "README.go", text, 0)
	if err != nil {
		return []error{err}
	}
	conf := types.Config{Importer: from, Error: func(err error) {
		if wrongly, ok := err.(types.Error); !ok || !wrongly.Soft {
			wrong = append(wrong, err)
		}
	}}
	conf.Check("p", set, []*ast.File{file}, nil)
	return wrong
}

func TestSnippetsCompile(t *testing.T) {
	set := token.NewFileSet()
	from := importer.ForCompiler(set, "source", nil)
	all := snippets(t)
	require.Len(t, all, 3)
	for _, snippet := range all {
		require.Empty(t, check(set, from, program(snippet)), snippet)
	}
	require.NotEmpty(t, check(set, from, program("actor.Nothing()\n")))
}

// run runs a command in a folder and returns what it printed.
func run(t *testing.T, dir string, command ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%v:\n%s", command, out)
	return string(out)
}

// indented returns the lines of README.md's indented blocks that begin so.
func indented(t *testing.T, start string) (lines []string) {
	for _, line := range strings.Split(readme(t), "\n") {
		if strings.HasPrefix(line, "    "+start) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestFirstCommand(t *testing.T) {
	if _, err := exec.LookPath("seq"); err != nil {
		t.Skip("there is no seq")
	}
	command := indented(t, "seq ")
	require.Len(t, command, 1)
	out := run(t, root, "bash", "-o", "pipefail", "-c", command[0])
	require.Contains(t, out, "acked 100000 ")
	require.Contains(t, out, "took 100000 messages")
}

// A program in a module of its own, with the library beside it, vendored as README.md says; then its first test, which needs more.
func TestVendoring(t *testing.T) {
	above := t.TempDir()
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(here, filepath.Join(above, "producer")))
	service := filepath.Join(above, "service")
	require.NoError(t, os.Mkdir(service, 0o777))
	write := func(name, snippet string) {
		text := strings.Replace(program(snippet), "package p\n", "package main\n", 1)
		require.NoError(t, os.WriteFile(filepath.Join(service, name), []byte(text), 0o666))
	}
	run(t, service, "go", "mod", "init", "service")
	write("main.go", snippets(t)[0])

	commands := indented(t, "go mod ")
	require.Len(t, commands, 3)
	for _, command := range commands {
		run(t, service, strings.Fields(command)...)
	}
	run(t, service, "go", "build", "-mod=vendor", "-o", filepath.Join(above, "program"), ".")
	vendored := run(t, service, "go", "list", "-mod=vendor", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	require.ElementsMatch(t, []string{"service", module + "/actor", module + "/wire", module + "/state"}, strings.Fields(vendored))
	require.NoDirExists(t, filepath.Join(service, "vendor", module, "wire", "wiretest"))

	write("main_test.go", snippets(t)[1])
	run(t, service, strings.Fields(commands[2])...)
	require.Contains(t, run(t, service, "go", "test", "-mod=vendor", "-v", "."), "--- PASS: Test")
}

func TestLimits(t *testing.T) {
	d := actor.NewConfig()
	for row, holds := range map[string]bool{
		"`MaxPending`, `MaxPendingBytes` | 4,096; 32 MiB |": d.MaxPending == 4096 && d.MaxPendingBytes == 32<<20,
		"`MaxMsgSize` | 1 MiB |":                            d.MaxMsgSize == 1<<20,
		"`MaxBodySize` | 5 MiB |":                           d.MaxBodySize == 5<<20,
		"a delay | 1 h |":                                   wire.MaxDelay == time.Hour,
		"`DialTimeout`, `HandshakeTimeout` | 1 s, 5 s |":    d.DialTimeout == time.Second && d.HandshakeTimeout == 5*time.Second,
		"a pause of 50 ms to 5 s":                           d.BackoffMin == 50*time.Millisecond && d.BackoffMax == 5*time.Second,
		"`ResponseTimeout` | 5 s |":                         d.ResponseTimeout == 5*time.Second,
		"`MaxAttempts` | 3 |":                               d.MaxAttempts == 3,
	} {
		require.Contains(t, readme(t), row)
		require.True(t, holds, row)
	}
}
