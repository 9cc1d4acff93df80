package lint_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A pkg is one directory of Go files, parsed but not type-checked: the rules
// look at syntax alone, which keeps them fast and independent of build tags.
type pkg struct {
	path  string // relative to the root, "." for the root itself
	fset  *token.FileSet
	files []file
}

type file struct {
	name string
	test bool
	ast  *ast.File
}

// product returns the files that are not tests.
func (p pkg) product() []*ast.File {
	var files []*ast.File
	for _, f := range p.files {
		if !f.test {
			files = append(files, f.ast)
		}
	}
	return files
}

// at renders a complaint about a place in the package.
func (p pkg) at(pos token.Pos, format string, args ...any) string {
	place := p.fset.Position(pos)
	return fmt.Sprintf("%s:%d: %s", path.Join(p.path, filepath.Base(place.Filename)), place.Line, fmt.Sprintf(format, args...))
}

func (p *pkg) parse(name string, src any) error {
	f, err := parser.ParseFile(p.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p.files = append(p.files, file{filepath.Base(name), strings.HasSuffix(name, "_test.go"), f})
	return nil
}

// importsOf lists the import paths of one file.
func importsOf(f *ast.File) []string {
	var paths []string
	for _, spec := range f.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// ours cuts the module path off; ok is false for packages of others.
func ours(importPath string) (rel string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// standard reports whether the path belongs to the standard library, whose
// first element never has a dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

// root is the top of the repository, seen from this package.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("the repository's root is not where it should be: %v", err)
	}
	return dir
}

// loadModule parses every package of the root module. Nested modules have
// tables of their own, and directories named testdata hold no packages, except
// for the generator of the fixtures.
func loadModule(t *testing.T) []pkg {
	t.Helper()
	top := root(t)
	byDir := map[string]*pkg{}
	err := walk(top, func(rel string) error {
		if !strings.HasSuffix(rel, ".go") || !ofModule(top, rel) {
			return nil
		}
		dir := path.Dir(rel)
		if byDir[dir] == nil {
			byDir[dir] = &pkg{path: dir, fset: token.NewFileSet()}
		}
		return byDir[dir].parse(filepath.Join(top, rel), nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for _, p := range byDir {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b pkg) int { return strings.Compare(a.path, b.path) })
	return all
}

func ofModule(top, rel string) bool {
	for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
		if _, err := os.Stat(filepath.Join(top, dir, "go.mod")); err == nil {
			return false
		}
		if path.Base(dir) == "testdata" && !strings.HasPrefix(rel, "testdata/gen/") {
			return false
		}
	}
	return true
}

// walk visits every file of the repository by its slash-separated path,
// leaving out what .gitignore leaves out.
func walk(top string, visit func(rel string) error) error {
	ignored := []string{".git", ".cache", "dist", "data", "millrace"}
	return fs.WalkDir(os.DirFS(top), ".", func(rel string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains(ignored, rel) && d.IsDir():
			return fs.SkipDir
		case !d.Type().IsRegular() || slices.Contains(ignored, rel):
			return nil
		}
		return visit(rel)
	})
}
