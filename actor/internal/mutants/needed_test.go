package mutants

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Most of the time that a mutant takes is the compiler's, with test files that nothing of what is run needs. suite is what the
// test files of a package declare and use, to leave those out.
type suite struct {
	files  map[string]map[string]bool // each file with the names that it uses
	homes  map[string][]string        // the files that declare a name on the top level, or a method of it
	always []string                   // files that have a say in every run
}

func readSuite(t *testing.T, dir string) suite {
	t.Helper()
	s := suite{files: map[string]map[string]bool{}, homes: map[string][]string{}}
	names, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	require.NoError(t, err)
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		name = filepath.Base(name)
		s.files[name] = uses(file)
		for _, declared := range declares(file) {
			in := file.Name.Name + "." + declared
			s.homes[in] = append(s.homes[in], name)
			if declared == "init" || declared == "TestMain" {
				s.always = append(s.always, name)
			}
		}
	}
	return s
}

// has reports whether there is such a test.
func (s suite) has(test string) bool {
	for name := range s.homes {
		if _, name, _ = strings.Cut(name, "."); name == test && strings.HasPrefix(test, "Test") {
			return true
		}
	}
	return false
}

// uses returns the names in a file, but for those of fields and methods, which need not be what a file declares by that name.
func uses(file *ast.File) map[string]bool {
	used, in := map[string]bool{}, file.Name.Name+"."
	var look func(ast.Node) bool
	look = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			used[in+n.Name] = true
		case *ast.SelectorExpr:
			ast.Inspect(n.X, look)
			if tested, external := strings.CutSuffix(file.Name.Name, "_test"); external { // it may be what an internal test exports
				used[tested+"."+n.Sel.Name] = true
			}
			return false
		}
		return true
	}
	ast.Inspect(file, look)
	delete(used, in+"_")
	return used
}

// declares returns the names of a file's top level, and for a method that of its type.
func declares(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			name := decl.Name
			if decl.Recv != nil {
				ast.Inspect(decl.Recv.List[0].Type, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok {
						name = id
						return false
					}
					return true
				})
			}
			names = append(names, name.Name)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, spec.Name.Name)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

// idle returns the test files that the tests do not need. It knows names and no scopes, so that it keeps some too many.
func (s suite) idle(tests *regexp.Regexp) (files []string) {
	needed := map[string]bool{}
	var need func(file string)
	need = func(file string) {
		if needed[file] {
			return
		}
		needed[file] = true
		for name := range s.files[file] {
			for _, home := range s.homes[name] {
				need(home)
			}
		}
	}
	for _, file := range s.always {
		need(file)
	}
	for name, homes := range s.homes {
		if _, name, _ = strings.Cut(name, "."); strings.HasPrefix(name, "Test") && tests.MatchString(name) {
			for _, file := range homes {
				need(file)
			}
		}
	}
	for file := range s.files {
		if !needed[file] {
			files = append(files, file)
		}
	}
	return files
}
