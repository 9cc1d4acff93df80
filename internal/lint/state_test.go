package lint_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// checkInit: no init functions; whatever has to happen is called by somebody.
func checkInit(p pkg) []string {
	var bad []string
	for _, f := range p.product() {
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				bad = append(bad, p.at(fn.Pos(), "init functions are not used here"))
			}
		}
	}
	return bad
}

// checkVariables: a package variable is allowed where nothing can change it:
// sentinel errors, embedded files, interface assertions, compiled expressions,
// checksum tables, and arrays that the package never writes to.
func checkVariables(p pkg) []string {
	written := writtenNames(p)
	var bad []string
	for _, f := range p.product() {
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				bad = append(bad, checkVariable(p, d, spec.(*ast.ValueSpec), written)...)
			}
		}
	}
	return bad
}

func checkVariable(p pkg, d *ast.GenDecl, spec *ast.ValueSpec, written map[string]bool) []string {
	if embedded(d.Doc) || embedded(spec.Doc) {
		return nil
	}
	var bad []string
	for i, name := range spec.Names {
		var value ast.Expr
		if i < len(spec.Values) {
			value = spec.Values[i]
		}
		switch {
		case name.Name == "_":
		case written[name.Name]:
			bad = append(bad, p.at(name.Pos(), "package variable %s is written to", name.Name))
		case !constant(name.Name, value):
			bad = append(bad, p.at(name.Pos(), "package variable %s could change; make it a constant, a function, or an array", name.Name))
		}
	}
	return bad
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}

func constant(name string, value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.CallExpr:
		return slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "crc32.MakeTable"}, selector(v.Fun))
	case *ast.CompositeLit:
		array, ok := v.Type.(*ast.ArrayType)
		return ok && array.Len != nil || errorName(name)
	case *ast.UnaryExpr:
		return v.Op == token.AND && errorName(name)
	}
	return false
}

// writtenNames collects what the package assigns to, increments, or takes the
// address of outside a declaration. Names are not resolved: a local variable
// should not share the name of a package's table anyway.
func writtenNames(p pkg) map[string]bool {
	names := map[string]bool{}
	note := func(e ast.Expr) {
		if name := rootName(e); name != "" {
			names[name] = true
		}
	}
	for _, f := range p.product() {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, left := range n.Lhs {
						note(left)
					}
				}
			case *ast.IncDecStmt:
				note(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					note(n.X)
				}
			}
			return true
		})
	}
	return names
}

// rootName returns a of a, a[i], a[i][j] and *a; a.b is somebody's field.
func rootName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return rootName(e.X)
	case *ast.ParenExpr:
		return rootName(e.X)
	case *ast.StarExpr:
		return rootName(e.X)
	}
	return ""
}

func selector(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok {
			return x.Name + "." + sel.Sel.Name
		}
	}
	return ""
}

// errorName recognises the spelling of a sentinel error.
func errorName(name string) bool {
	return regexp.MustCompile(`^[eE]rr[A-Z]`).MatchString(name)
}
