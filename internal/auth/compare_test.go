package auth_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// secretName is how things are called that are compared in constant time.
var secretName = regexp.MustCompile(`(?i)secret|token$|password|signature$|^sig$|\bmac$`)

// timed are the functions that tell by their time how far two things agree.
var timed = regexp.MustCompile(`^(bytes\.(Equal|Compare|HasPrefix)|strings\.(EqualFold|Compare|HasPrefix|Contains)|slices\.(Equal|Compare)|reflect\.DeepEqual|cmp\.Compare)$`)

// TestSecretsAreComparedInOnePlace: no product file of the packages that see
// them compares one with == or with a function that takes its time. Whether one
// is there at all is no secret.
func TestSecretsAreComparedInOnePlace(t *testing.T) {
	looked := 0
	for _, dir := range []string{".", "../wire", "../api", "../server"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			looked++
			for _, bad := range comparedSecrets(t, name, nil) {
				t.Error(bad)
			}
		}
	}
	if looked < 40 {
		t.Errorf("only %d files were looked at", looked)
	}
}

// TestComparedSecretsAreSeen: the rule finds what it is there for.
func TestComparedSecretsAreSeen(t *testing.T) {
	for src, want := range map[string]int{
		`k.Secret == secret`:                         1,
		`key.Token != token`:                         1,
		`got == a.signature`:                         1,
		`bytes.Equal(signature, b)`:                  1,
		`strings.EqualFold(x, r.Secret)`:             1,
		`k.Secret == ""`:                             0,
		`len(token) > 3`:                             0,
		`token != ""`:                                0,
		`subtle.ConstantTimeCompare(secret, b) == 1`: 0,
		`hmac.Equal(signature, b)`:                   0,
	} {
		if got := comparedSecrets(t, "x.go", "package x\nvar _ = "+src+"\n"); len(got) != want {
			t.Errorf("%s: %v", src, got)
		}
	}
}

func comparedSecrets(t *testing.T, name string, src any) (bad []string) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && (isSecret(n.X) || isSecret(n.Y)) && !isConstant(n.X) && !isConstant(n.Y) {
				bad = append(bad, files.Position(n.Pos()).String()+": a secret is compared with "+n.Op.String())
			}
		case *ast.CallExpr:
			fun, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || !timed.MatchString(nameOf(fun.X)+"."+fun.Sel.Name) {
				break
			}
			for _, arg := range n.Args {
				if isSecret(arg) {
					bad = append(bad, files.Position(n.Pos()).String()+": a secret is compared by "+fun.Sel.Name)
				}
			}
		}
		return true
	})
	return bad
}

// isSecret goes by the name of a variable or a field.
func isSecret(e ast.Expr) bool { return secretName.MatchString(nameOf(e)) }

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.SliceExpr:
		return nameOf(e.X)
	case *ast.ParenExpr:
		return nameOf(e.X)
	}
	return ""
}

// isConstant is true for literals and nil, and for the constants whose names
// sound like a secret.
func isConstant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "GetSessionToken" || strings.HasPrefix(e.Name, "query")
	}
	return false
}
