package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source is a package with one of each kind of exported thing, and some that are not.
const source = `// Package wide is about width.
package wide

import "io"

// Limit is a limit.
const Limit = 7

// State is a state.
type State uint8

// On is one.
const On State = 1 + iota

var Default = []byte{1}

func New(w io.Writer, done func(name string) error) (*Box, error) { return nil, nil }

func Map[T any](all []T, by func(T) string) map[string]T { return nil }

type Box struct {
	Size int
	hidden
	Inner
	n int
}

func (b *Box) Open(force bool) {}
func (b Box) String() string { return "" }
func (b Box) shut() {}

type hidden struct{ Depth int }

type Inner struct{ X, y int }

type Set[T comparable] map[T]struct{}

func (s Set[T]) Add(v T) {}

type Opener interface{ Open(force bool) }

type Sealed interface{ Opener; seal() }

type Name = string

type secret int
func (secret) Method() {}
func internal() {}
`

func TestSurface(t *testing.T) {
	lines, err := surface(module(t, source))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"wide: const Limit untyped int = 7",
		"wide: const On State = 1",
		"wide: field Box embeds Inner",
		"wide: field Box.Depth int",
		"wide: field Box.Size int",
		"wide: field Inner.X int",
		"wide: func Map[T any]([]T, func(T) string) map[string]T",
		"wide: func New(io.Writer, func(string) error) (*Box, error)",
		"wide: interface Opener.Open(bool)",
		"wide: interface Sealed has methods that are not exported",
		"wide: interface Sealed.Open(bool)",
		"wide: method (*Box) Open(bool)",
		"wide: method (Box) String() string",
		"wide: method (Set) Add(T)",
		"wide: type Box struct",
		"wide: type Inner struct",
		"wide: type Name = string",
		"wide: type Opener interface",
		"wide: type Sealed interface",
		"wide: type Set[T comparable] map[T]struct{}",
		"wide: type State uint8",
		"wide: var Default []byte",
	}, lines)
}

func TestCheckCanFail(t *testing.T) {
	before, err := surface(module(t, source))
	require.NoError(t, err)
	for _, c := range []struct{ name, old, new, want string }{
		{"comments", "// Limit is a limit.", "// Limit bounds nothing, and has other words.", ""},
		{"names of parameters", "done func(name string) error", "finished func(topic string) error", ""},
		{"unexported", "n int\n}", "m, n int64\n}", ""},
		{"unexported function", "func internal() {}", "func internal(int) {}", ""},
		{"function gone", "func Map[T any](all []T, by func(T) string) map[string]T { return nil }", "",
			"- wide: func Map[T any]([]T, func(T) string) map[string]T\n"},
		{"new function", "func internal() {}", "func Another() {}", "+ wide: func Another()\n"},
		{"other parameter", "done func(name string) error", "done func(name []byte) error",
			"- wide: func New(io.Writer, func(string) error) (*Box, error)\n+ wide: func New(io.Writer, func([]byte) error) (*Box, error)\n"},
		{"other receiver", "func (b Box) String()", "func (b *Box) String()",
			"- wide: method (Box) String() string\n+ wide: method (*Box) String() string\n"},
		{"method of an interface", "type Opener interface{ ", "type Opener interface{ Close(); ",
			"+ wide: interface Opener.Close()\n+ wide: interface Sealed.Close()\n"},
		{"field gone", "	Size int\n", "", "- wide: field Box.Size int\n"},
		{"value of a constant", "Limit = 7", "Limit = 8", "- wide: const Limit untyped int = 7\n+ wide: const Limit untyped int = 8\n"},
		{"type of a constant", "const Limit = 7", "const Limit int = 7", "- wide: const Limit untyped int = 7\n+ wide: const Limit int = 7\n"},
		{"other type", "type State uint8", "type State uint16", "- wide: type State uint8\n+ wide: type State uint16\n"},
		{"other variable", "Default = []byte{1}", "Default = [1]byte{1}", "- wide: var Default []byte\n+ wide: var Default [1]byte\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(source, c.old, c.new, 1)
			require.NotEqual(t, source, changed)
			now, err := surface(module(t, changed))
			require.NoError(t, err)
			got := difference(before, now)
			if c.want == "" {
				assert.Empty(t, got)
				return
			}
			assert.Contains(t, got, "\n\n"+c.want+"\n", "the difference and no more")
			assert.Contains(t, got, "go test ./actor/internal/api -update")
		})
	}
}

// Whole packages count too, and what users cannot import does not.
func TestPackages(t *testing.T) {
	dir := module(t, source)
	plant(t, dir, "more/more.go", "package more\n\nfunc F() {}\n")
	plant(t, dir, "cmd/tool/main.go", "package main\n\nfunc Exported() {}\n\nfunc main() {}\n")
	plant(t, dir, "internal/deep/deep.go", "package deep\n\nfunc Exported() {}\n")
	plant(t, dir, "tests/a_test.go", "package tests\n\nfunc Exported() {}\n")
	before, err := surface(module(t, source))
	require.NoError(t, err)
	now, err := surface(dir)
	require.NoError(t, err)
	assert.Contains(t, difference(before, now), "\n\n+ more: func F()\n\n")
	assert.Contains(t, difference(now, before), "\n\n- more: func F()\n\n")
}

// What cannot be compiled is an error, not an empty API.
func TestSourceThatDoesNotCompile(t *testing.T) {
	_, err := surface(module(t, source+"func Broken() int {}\n"))
	require.ErrorContains(t, err, "missing return")
	_, err = surface(filepath.Join(t.TempDir(), "missing"))
	require.Error(t, err)
}

// module returns the directory of a module with the source as its package wide.
func module(t *testing.T, source string) string {
	dir := t.TempDir()
	plant(t, dir, "go.mod", "module example.com/m\n\ngo 1.23\n")
	plant(t, dir, "wide/wide.go", source)
	return dir
}

func plant(t *testing.T, dir, name, text string) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}
