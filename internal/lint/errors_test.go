package lint_test

import (
	"go/ast"
	"go/token"
	"slices"
)

// checkErrors: errors are told apart with errors.Is and errors.As. io.EOF is
// no exception: our readers return it unwrapped, but they often stand on
// somebody else's, and one rule is easier to keep than one with a gap. The
// method Is is where the comparison belongs, so it is left out.
func checkErrors(p pkg) []string {
	var bad []string
	complain := func(n ast.Node, what string) {
		bad = append(bad, p.at(n.Pos(), "%s; use errors.Is or errors.As", what))
	}
	for _, f := range p.product() {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				return n.Recv == nil || n.Name.Name != "Is"
			case *ast.BinaryExpr:
				if (n.Op == token.EQL || n.Op == token.NEQ) && (sentinel(n.X) || sentinel(n.Y)) {
					complain(n, "an error is compared with "+n.Op.String())
				}
			case *ast.SwitchStmt:
				if n.Tag != nil && slices.ContainsFunc(n.Body.List, casesSentinel) {
					complain(n, "an error is switched on")
				}
			case *ast.TypeAssertExpr:
				if errorValue(n.X) {
					complain(n, "an error's type is asserted")
				}
			}
			return true
		})
	}
	return bad
}

// sentinel recognises a variable that holds an error, by its spelling.
func sentinel(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return errorName(e.Name)
	case *ast.SelectorExpr:
		known := []string{"io.EOF", "context.Canceled", "context.DeadlineExceeded", "fs.SkipDir", "fs.SkipAll"}
		_, qualified := e.X.(*ast.Ident)
		return slices.Contains(known, selector(e)) || qualified && errorName(e.Sel.Name) && ast.IsExported(e.Sel.Name)
	}
	return false
}

func casesSentinel(s ast.Stmt) bool {
	clause, ok := s.(*ast.CaseClause)
	return ok && slices.ContainsFunc(clause.List, sentinel)
}

func errorValue(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && name.Name == "err"
}
