package card

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/nsqactor/producer"

// Each check returns what it found wrong, a line per finding, with paths relative to the root.

var topLevel = []string{"go.mod", "go.sum", "actor", "wire", "state", "actor_test.go", "bench_test.go", "LICENSE", "README.md"}

func checkTopLevel(root string) (wrong []string, err error) {
	entries, err := os.ReadDir(root)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			wrong = append(wrong, e.Name()+" does not belong to the top level")
		}
	}
	return wrong, err
}

// checkImports checks the library, and that none of the packages aside imports package testing in its non-test files: programs
// that import wiretest must not get testing's flags.
func checkImports(root string) (wrong []string, err error) {
	err = eachFile(root, func(name string, inLibrary bool, _ *token.FileSet, file *ast.File) {
		for _, path := range imports(file) {
			switch {
			case path == "testing" || strings.HasPrefix(path, "testing/"):
				wrong = append(wrong, name+" imports "+path)
			case !inLibrary:
			case path == module || strings.HasPrefix(path, module+"/"):
				if aside(strings.TrimPrefix(path, module)) {
					wrong = append(wrong, name+" imports "+path+", which is not for the library")
				}
			case !standard(path):
				wrong = append(wrong, name+" imports "+path)
			}
		}
	})
	return wrong, err
}

// checkLocks allows sync.Pool and nothing else of package sync; sync/atomic is another package.
func checkLocks(root string) (wrong []string, err error) {
	err = eachFile(root, func(name string, inLibrary bool, set *token.FileSet, file *ast.File) {
		if !inLibrary {
			return
		}
		for _, spec := range file.Imports {
			if importPath(spec) != "sync" {
				continue
			}
			local := "sync"
			if spec.Name != nil {
				local = spec.Name.Name
			}
			if local == "." || local == "_" {
				wrong = append(wrong, name+" imports sync as "+local)
				continue
			}
			ast.Inspect(file, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := selector.X.(*ast.Ident); ok && x.Name == local && selector.Sel.Name != "Pool" {
					wrong = append(wrong, fmt.Sprintf("%s:%d uses sync.%s", name, set.Position(n.Pos()).Line, selector.Sel.Name))
				}
				return true
			})
		}
	})
	return wrong, err
}

const testify = "github.com/stretchr/testify"

var testifyNeeds = []string{"github.com/davecgh/go-spew", "github.com/pmezard/go-difflib", "gopkg.in/yaml.v3"}

func checkGoMod(root string) (wrong []string, err error) {
	out, err := exec.Command("go", "mod", "edit", "-json", filepath.Join(root, "go.mod")).Output()
	if err != nil {
		return nil, err
	}
	var mod struct {
		Module  struct{ Path string }
		Go      string
		Require []struct {
			Path     string
			Indirect bool
		}
		Replace, Exclude, Tool []any
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, err
	}
	if mod.Module.Path != module {
		wrong = append(wrong, "go.mod is of module "+mod.Module.Path)
	}
	if mod.Go != "1.23" {
		wrong = append(wrong, "go.mod says go "+mod.Go)
	}
	for _, r := range mod.Require {
		if r.Path != testify && !(r.Indirect && slices.Contains(testifyNeeds, r.Path)) {
			wrong = append(wrong, "go.mod requires "+r.Path)
		}
	}
	if len(mod.Replace)+len(mod.Exclude)+len(mod.Tool) > 0 {
		wrong = append(wrong, "go.mod has replace, exclude or tool lines")
	}
	return wrong, nil
}

// eachFile parses the non-test Go files of actor, wire and state, for all systems and build tags, nested modules aside, and
// says which belong to the library.
func eachFile(root string, visit func(name string, inLibrary bool, set *token.FileSet, file *ast.File)) error {
	set := token.NewFileSet()
	for _, top := range []string{"actor", "wire", "state"} {
		walk := func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil || entry.Name() == "testdata" {
					return fs.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			visit(name, !aside(name), set, file)
			return nil
		}
		if err := filepath.WalkDir(filepath.Join(root, top), walk); err != nil {
			return err
		}
	}
	return nil
}

// aside reports whether the path leads into a place that is not part of the library.
func aside(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(element string) bool {
		return element == "wiretest" || element == "cmd" || element == "internal"
	})
}

// standard reports whether the import path is of the standard library: the go command keeps names without a dot in their first
// element for it. Package "C" means cgo.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && path != "C"
}

func imports(file *ast.File) (paths []string) {
	for _, spec := range file.Imports {
		paths = append(paths, importPath(spec))
	}
	return paths
}

func importPath(spec *ast.ImportSpec) string {
	path, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
	return path
}
