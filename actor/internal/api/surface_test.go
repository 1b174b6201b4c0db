package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// compiled is what the go command says of a package that it has compiled.
type compiled struct {
	ImportPath, Name, Dir, Export string
	DepOnly                       bool
	Module                        *struct{ Path string }
}

// surface returns a line for each exported thing of the public packages of the module in dir, sorted. It reads what the compiler
// leaves for those that import a package, so that it has what a user's compiler sees, and no comments.
func surface(dir string) (lines []string, err error) {
	list := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Name,Dir,Export,DepOnly,Module", "./...")
	list.Dir = dir
	out, err := list.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("go list: %w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, err
	}
	exports := make(map[string]string)
	var public []compiled
	for in := json.NewDecoder(strings.NewReader(string(out))); in.More(); {
		var p compiled
		if err := in.Decode(&p); err != nil {
			return nil, err
		}
		exports[p.ImportPath] = p.Export
		if p.DepOnly {
			continue
		}
		// So that the go command sees what this depends on, and takes no earlier result of the test for that of a changed source.
		if _, err := os.ReadDir(p.Dir); err != nil {
			return nil, err
		}
		if p.Name != "main" && !slices.Contains(strings.Split(p.ImportPath, "/"), "internal") {
			public = append(public, p)
		}
	}
	from := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, p := range public {
		if p.Export == "" {
			continue // it has only tests
		}
		pkg, err := from.Import(p.ImportPath)
		if err != nil {
			return nil, err
		}
		w := writer{pkg: pkg, module: p.Module.Path}
		w.write()
		lines = append(lines, w.lines...)
	}
	slices.Sort(lines)
	return lines, nil
}

// writer writes down one package.
type writer struct {
	pkg    *types.Package
	module string
	lines  []string
}

func (w *writer) line(format string, args ...any) {
	w.lines = append(w.lines, w.within(w.pkg)+": "+fmt.Sprintf(format, args...))
}

// within returns the package's path within the module; a foreign one's is whole.
func (w *writer) within(pkg *types.Package) string {
	if path, inside := strings.CutPrefix(pkg.Path(), w.module+"/"); inside {
		return path
	}
	return pkg.Path()
}

// text writes a type, without the names of parameters.
func (w *writer) text(t types.Type) string {
	return types.TypeString(unnamed(t), func(p *types.Package) string {
		if p == w.pkg {
			return ""
		}
		return w.within(p)
	})
}

// unnamed takes the names from the parameters of a function, and of functions that it takes or returns.
func unnamed(t types.Type) types.Type {
	f, ok := t.(*types.Signature)
	if !ok {
		return t
	}
	tuple := func(named *types.Tuple) *types.Tuple {
		var vars []*types.Var
		for i := range named.Len() {
			vars = append(vars, types.NewVar(token.NoPos, nil, "", unnamed(named.At(i).Type())))
		}
		return types.NewTuple(vars...)
	}
	var typeParams []*types.TypeParam
	for i := range f.TypeParams().Len() {
		p := f.TypeParams().At(i)
		typeParams = append(typeParams, types.NewTypeParam(p.Obj(), p.Constraint()))
	}
	return types.NewSignatureType(nil, nil, typeParams, tuple(f.Params()), tuple(f.Results()), f.Variadic())
}

func (w *writer) write() {
	for _, name := range w.pkg.Scope().Names() {
		object := w.pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		switch o := object.(type) {
		case *types.Const:
			w.line("const %s %s = %s", name, w.text(o.Type()), o.Val().ExactString())
		case *types.Var:
			w.line("var %s %s", name, w.text(o.Type()))
		case *types.Func:
			w.line("func %s%s", name, strings.TrimPrefix(w.text(o.Type()), "func"))
		case *types.TypeName:
			w.typeName(o)
		}
	}
}

func (w *writer) typeName(o *types.TypeName) {
	named, ok := o.Type().(*types.Named)
	if o.IsAlias() || !ok {
		w.line("type %s = %s", o.Name(), w.text(types.Unalias(o.Type())))
		return
	}
	head := w.text(named) // with type parameters
	switch under := named.Underlying().(type) {
	case *types.Struct:
		w.line("type %s struct", head)
		w.fields(o.Name(), under)
	case *types.Interface:
		w.line("type %s interface", head)
		w.methods(o.Name(), under)
		return
	default:
		w.line("type %s %s", head, w.text(under))
	}
	byValue := types.NewMethodSet(named)
	for i, all := 0, types.NewMethodSet(types.NewPointer(named)); i < all.Len(); i++ {
		m := all.At(i).Obj()
		if !m.Exported() {
			continue
		}
		receiver := "*" + o.Name()
		if byValue.Lookup(m.Pkg(), m.Name()) != nil {
			receiver = o.Name()
		}
		w.line("method (%s) %s%s", receiver, m.Name(), strings.TrimPrefix(w.text(m.Type()), "func"))
	}
}

// fields writes a struct's exported fields, and those that it has from an embedded struct whose own name is not exported.
func (w *writer) fields(of string, s *types.Struct) {
	for i := range s.NumFields() {
		f := s.Field(i)
		switch inner, isStruct := f.Type().Underlying().(*types.Struct); {
		case f.Exported() && f.Embedded():
			w.line("field %s embeds %s", of, w.text(f.Type()))
		case f.Exported():
			w.line("field %s.%s %s", of, f.Name(), w.text(f.Type()))
		case f.Embedded() && isStruct:
			w.fields(of, inner)
		}
	}
}

// methods writes an interface's methods. One that is not exported is why nobody else can implement it.
func (w *writer) methods(of string, i *types.Interface) {
	for m := range i.NumMethods() {
		method := i.Method(m)
		if !method.Exported() {
			w.line("interface %s has methods that are not exported", of)
			continue
		}
		w.line("interface %s.%s%s", of, method.Name(), strings.TrimPrefix(w.text(method.Type()), "func"))
	}
	if !i.IsMethodSet() {
		w.line("interface %s = %s", of, w.text(i))
	}
}
