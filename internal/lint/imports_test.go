package lint_test

import (
	"go/ast"
	"path"
	"strconv"
	"strings"
)

// checkTable: every import of the product is allowed by the package's row.
func checkTable(p pkg) []string {
	r, known := rowOf(importTable(), p.path)
	if !known {
		return []string{p.path + ": has no row in the import table (internal/lint/table_test.go)"}
	}
	var bad []string
	for _, f := range p.product() {
		for _, imported := range importsOf(f) {
			rel, isOurs := ours(imported)
			switch {
			case isOurs && !r.allows(rel):
				bad = append(bad, p.at(f.Package, "%s may not import %s", p.path, rel))
			case !isOurs && r.stdOnly && !standard(imported):
				bad = append(bad, p.at(f.Package, "%s may import the standard library alone, not %s", p.path, imported))
			}
		}
	}
	return bad
}

// checkGroups: imports stand in up to three groups, in this order: standard
// library, others, ours.
func checkGroups(p pkg) []string {
	var bad []string
	for _, f := range p.files {
		group, lastLine := -1, 0
		for _, spec := range f.ast.Imports {
			line := p.fset.Position(spec.Pos()).Line
			class := groupOf(spec)
			newGroup := line > lastLine+1
			if class < group || class > group && !newGroup && lastLine > 0 || class == group && newGroup && !documented(spec) {
				bad = append(bad, p.at(spec.Pos(), "import %s is out of its group (standard, others, ours)", spec.Path.Value))
			}
			group, lastLine = class, line
		}
	}
	return bad
}

func groupOf(spec *ast.ImportSpec) int {
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return 0
	}
	if _, isOurs := ours(imported); isOurs {
		return 2
	}
	if standard(imported) {
		return 0
	}
	return 1
}

// documented: a comment above an import makes a gap that is no new group.
func documented(spec *ast.ImportSpec) bool { return spec.Doc != nil }

// checkLeaks: the client libraries are public, so no exported declaration of
// theirs may mention a type of an internal package.
func checkLeaks(p pkg) []string {
	top, _, _ := strings.Cut(p.path, "/")
	if top != "producer" && top != "consumer" && top != "credentials" {
		return nil
	}
	var bad []string
	for _, f := range p.product() {
		internal := internalNames(f)
		for _, decl := range f.Decls {
			for _, public := range publicTypes(decl) {
				ast.Inspect(public, func(n ast.Node) bool {
					sel, ok := n.(*ast.SelectorExpr)
					if !ok {
						return true
					}
					if x, ok := sel.X.(*ast.Ident); ok && internal[x.Name] {
						bad = append(bad, p.at(sel.Pos(), "the public declaration mentions %s.%s of an internal package", x.Name, sel.Sel.Name))
					}
					return true
				})
			}
		}
	}
	return bad
}

func internalNames(f *ast.File) map[string]bool {
	names := map[string]bool{}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !strings.Contains(imported, "/internal/") {
			continue
		}
		if spec.Name != nil {
			names[spec.Name.Name] = true
			continue
		}
		names[path.Base(imported)] = true
	}
	return names
}

// publicTypes returns the parts of a declaration that a user of the package
// sees: signatures of exported functions and methods, exported fields.
func publicTypes(decl ast.Decl) []ast.Node {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d.Recv)) {
			return []ast.Node{d.Type}
		}
	case *ast.GenDecl:
		var parts []ast.Node
		for _, spec := range d.Specs {
			parts = append(parts, publicSpec(spec)...)
		}
		return parts
	}
	return nil
}

func publicSpec(spec ast.Spec) []ast.Node {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		if s.Type != nil && s.Names[0].IsExported() {
			return []ast.Node{s.Type}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		structure, ok := s.Type.(*ast.StructType)
		if !ok {
			return []ast.Node{s.Type}
		}
		var parts []ast.Node
		for _, field := range structure.Fields.List {
			if len(field.Names) == 0 || field.Names[0].IsExported() {
				parts = append(parts, field.Type)
			}
		}
		return parts
	}
	return nil
}

func exportedReceiver(recv *ast.FieldList) bool {
	exported := false
	ast.Inspect(recv.List[0].Type, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			exported = exported || name.IsExported()
			return false
		}
		return true
	})
	return exported
}
