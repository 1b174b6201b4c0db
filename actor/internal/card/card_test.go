package card

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type check func(root string) (wrong []string, err error)

var checks = map[string]check{
	"top level": checkTopLevel,
	"imports":   checkImports,
	"locks":     checkLocks,
	"go.mod":    checkGoMod,
}

func TestCard(t *testing.T) {
	root := repositoryRoot(t)
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			wrong, err := check(root)
			require.NoError(t, err)
			assert.Empty(t, wrong)
		})
	}
}

// repositoryRoot looks upwards from this test for the library's go.mod.
func repositoryRoot(t *testing.T) string {
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if first, _, _ := strings.Cut(string(text), "\n"); err == nil && strings.TrimSpace(first) == "module "+module {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.mod of "+module+" above this test")
		dir = parent
	}
}

// goodMod and goodFiles pass every check; a case adds or replaces files.
const goodMod = "module " + module + "\n\ngo 1.23\n\nrequire github.com/stretchr/testify v1.11.1\n\n" +
	"require gopkg.in/yaml.v3 v3.0.1 // indirect\n"

var goodFiles = map[string]string{
	"go.mod":                  goodMod,
	"README.md":               "",
	".gitignore":              "",
	"actor_test.go":           "package producer_test\n",
	"actor/a.go":              "package actor\n\nimport (\n\t\"sync\"\n\t\"sync/atomic\"\n\n\t\"" + module + "/wire\"\n)\n\nvar p sync.Pool\nvar n atomic.Int64\nvar x wire.X\n",
	"actor/a_test.go":         "package actor\n\nimport (\n\t\"sync\"\n\t\"testing\"\n\n\t\"example.com/x\"\n)\n\nvar m sync.Mutex\n",
	"actor/internal/m/go.mod": "module m\n",
	"actor/internal/m/m.go":   "package m\n\nimport \"example.com/x\"\n",
	"actor/cmd/c/main.go":     "package main\n\nimport \"sync\"\n\nvar m sync.Mutex\n",
	"wire/w.go":               "package wire\n\nimport \"io\"\n\ntype X io.Reader\n",
	"wire/wiretest/s.go":      "package wiretest\n\nimport \"sync\"\n\nvar m sync.Mutex\n",
	"state/s.go":              "package state\n",
}

func TestChecksCanFail(t *testing.T) {
	lib := func(importLine, use string) string {
		return "package p\n\nimport " + importLine + "\n\nvar _ = " + use + "\n"
	}
	cases := []struct {
		check, file, text string
		want              string // the only finding; none: nothing is wrong
	}{
		{"top level", "state/more.go", "package state\n", ""},
		{"top level", "util/u.go", "package util\n", "util does not belong to the top level"},
		{"top level", "CHANGELOG.md", "", "CHANGELOG.md does not belong to the top level"},

		{"imports", "actor/b.go", lib(`"golang.org/x/sync/errgroup"`, "errgroup.Group{}"), "actor/b.go imports golang.org/x/sync/errgroup"},
		{"imports", "actor/pool/b.go", lib(`"example.com/x"`, "x.X"), "actor/pool/b.go imports example.com/x"},
		{"imports", "state/b_windows.go", lib(`_ "example.com/x"`, "1"), "state/b_windows.go imports example.com/x"},
		{"imports", "wire/b.go", lib(`"C"`, "C.x"), "wire/b.go imports C"},
		{"imports", "wire/b.go", lib(`"`+module+`x/wire"`, "wire.X"), "wire/b.go imports " + module + "x/wire"},
		{"imports", "actor/b.go", lib(`"`+module+`/wire/wiretest"`, "wiretest.X"), "actor/b.go imports " + module + "/wire/wiretest, which is not for the library"},
		{"imports", "actor/b.go", lib(`"`+module+`/state"`, "state.X"), ""},
		{"imports", "wire/wiretest/b.go", lib(`"testing"`, "testing.Short"), "wire/wiretest/b.go imports testing"},

		{"locks", "actor/b.go", lib(`"sync"`, "sync.Mutex{}"), "actor/b.go:5 uses sync.Mutex"},
		{"locks", "actor/b.go", lib(`"sync"`, "new(sync.RWMutex)"), "actor/b.go:5 uses sync.RWMutex"},
		{"locks", "actor/b.go", lib(`"sync"`, "sync.NewCond(nil)"), "actor/b.go:5 uses sync.NewCond"},
		{"locks", "actor/b.go", lib(`"sync"`, "struct{ sync.Once }{}"), "actor/b.go:5 uses sync.Once"},
		{"locks", "actor/pool/b.go", lib(`"sync"`, "sync.OnceValues[int, error](nil)"), "actor/pool/b.go:5 uses sync.OnceValues"},
		{"locks", "state/b.go", lib(`s "sync"`, "s.WaitGroup{}"), "state/b.go:5 uses sync.WaitGroup"},
		{"locks", "wire/b_plan9.go", lib("`sync`", "sync.Map{}"), "wire/b_plan9.go:5 uses sync.Map"},
		{"locks", "wire/b.go", lib(`. "sync"`, "Mutex{}"), "wire/b.go imports sync as ."},
		{"locks", "wire/b.go", lib(`"sync"`, "sync.Pool{}"), ""},
		{"locks", "wire/b.go", lib(`sync "example.com/x"`, "sync.Mutex{}"), ""}, // another check's matter

		{"go.mod", "go.mod", goodMod + "require example.com/x v1.0.0\n", "go.mod requires example.com/x"},
		{"go.mod", "go.mod", goodMod + "require example.com/x v1.0.0 // indirect\n", "go.mod requires example.com/x"},
		{"go.mod", "go.mod", strings.Replace(goodMod, "// indirect", "", 1), "go.mod requires gopkg.in/yaml.v3"},
		{"go.mod", "go.mod", goodMod + "replace gopkg.in/yaml.v3 => ../x\n", "go.mod has replace, exclude or tool lines"},
		{"go.mod", "go.mod", strings.Replace(goodMod, "1.23", "1.26", 1), "go.mod says go 1.26"},
		{"go.mod", "go.mod", strings.Replace(goodMod, module, module+"/v2", 1), "go.mod is of module " + module + "/v2"},
	}
	for _, c := range cases {
		t.Run(c.check+" "+c.file, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range goodFiles {
				plant(t, root, name, text)
			}
			for name, check := range checks {
				wrong, err := check(root)
				require.NoError(t, err)
				require.Empty(t, wrong, "the good tree, %s", name)
			}
			plant(t, root, c.file, c.text)
			wrong, err := checks[c.check](root)
			require.NoError(t, err)
			if c.want == "" {
				assert.Empty(t, wrong)
			} else {
				assert.Equal(t, []string{c.want}, wrong)
			}
		})
	}
}

// A tree that cannot be read is an error, not a clean bill.
func TestChecksNeedATree(t *testing.T) {
	for name, check := range checks {
		_, err := check(filepath.Join(t.TempDir(), "missing"))
		assert.Error(t, err, name)
	}
}

func plant(t *testing.T, root, name, text string) {
	path := filepath.Join(root, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}
