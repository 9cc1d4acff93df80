package lint_test

import (
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestRules breaks each rule at least once, and shows what it lets pass.
func TestRules(t *testing.T) {
	doc := "// Package p is one thing. It promises another. It refuses a third.\n"
	imports := func(paths ...string) string {
		return "package p\nimport (\n\t\"" + strings.Join(paths, "\"\n\t\"") + "\"\n)\n"
	}
	in := func(rel string) string { return modulePath + "/" + rel }

	cases := []struct {
		name  string
		check func(pkg) []string
		path  string
		src   string
		bad   int
	}{
		{"an import that the row allows", checkTable, "internal/tail", imports("io", modulePath, in("internal/store")), 0},
		{"an import that the row does not allow", checkTable, "internal/tail", imports(in("internal/api")), 1},
		{"one store that imports another", checkTable, "internal/store/disk", imports(in("internal/store/sqlite")), 1},
		{"a package that nobody has placed", checkTable, "internal/attic", "package attic\n", 1},
		{"a package below a wildcard row", checkTable, "producer/source/rtsp", imports(in("producer"), "example.com/rtsp"), 0},
		{"a library in a core that does without", checkTable, "mkv", imports("github.com/at-wat/ebml-go"), 1},
		{"a server package inside a client library", checkTable, "consumer", imports(in("internal/egress")), 1},
		{"the root, which imports nothing of ours", checkTable, ".", imports(in("mkv")), 1},
		{"the server, which may import all of internal", checkTable, "internal/server", imports(in("internal/store/disk")), 0},
		{"the command, which may not reach past the server", checkTable, "cmd/millrace", imports(in("internal/ingest")), 1},

		{"three groups in order", checkGroups, "p", imports("io", "os\"\n\n\t\"example.com/x\"\n\n\t\""+modulePath), 0},
		{"two kinds in one group", checkGroups, "p", imports("io", "example.com/x"), 1},
		{"ours before others", checkGroups, "p", imports(modulePath + "\"\n\n\t\"example.com/x"), 1},
		{"one kind in two groups", checkGroups, "p", imports("io\"\n\n\t\"os"), 1},

		{
			"an exported function that shows an internal type", checkLeaks, "producer",
			"package p\nimport \"" + in("internal/wire") + "\"\nfunc Sign(k wire.Key) {}\n", 1,
		},
		{
			"an exported field of an internal type", checkLeaks, "consumer/export",
			"package p\nimport w \"" + in("internal/wire") + "\"\ntype T struct { K w.Key; k w.Key }\n", 1,
		},
		{
			"internal types inside", checkLeaks, "producer",
			"package p\nimport \"" + in("internal/wire") + "\"\ntype T struct { k wire.Key }\nfunc (t T) sign(k wire.Key) { _ = wire.Key{} }\n", 0,
		},

		{"an init function", checkInit, "p", "package p\nfunc init() {}\n", 1},
		{"a method named init", checkInit, "p", "package p\nfunc (T) init() {}\n", 0},

		{"a counter", checkVariables, "p", "package p\nvar n int\n", 1},
		{"a map that looks like a constant", checkVariables, "p", "package p\nvar m = map[string]int{}\n", 1},
		{"a slice", checkVariables, "p", "package p\nvar s = []int{1}\n", 1},
		{"a pool", checkVariables, "p", "package p\nvar pool = sync.Pool{}\n", 1},
		{"an array that stays as it is", checkVariables, "p", "package p\nvar a = [...]int{1, 2}\nfunc f() int { return a[1] }\n", 0},
		{"an array that is written to", checkVariables, "p", "package p\nvar a = [2]int{}\nfunc f() { a[1] = 3 }\n", 1},
		{"an array whose address is given away", checkVariables, "p", "package p\nvar a = [2]int{}\nfunc f() { g(&a) }\n", 1},
		{"sentinel errors", checkVariables, "p", "package p\nvar (\n\tErrGone = errors.New(\"gone\")\n\terrX = &Error{}\n)\n", 0},
		{"a sentinel error that is replaced", checkVariables, "p", "package p\nvar ErrGone = errors.New(\"gone\")\nfunc f() { ErrGone = nil }\n", 1},
		{"an interface assertion", checkVariables, "p", "package p\nvar _ I = (*T)(nil)\n", 0},
		{"an embedded file", checkVariables, "p", "package p\n\n//go:embed a.txt\nvar text string\n", 0},
		{"an expression", checkVariables, "p", "package p\nvar re = regexp.MustCompile(`a`)\n", 0},

		{"== with a sentinel of our own", checkErrors, "p", "package p\nfunc f(err error) bool { return err == ErrGone }\n", 1},
		{"!= with somebody else's", checkErrors, "p", "package p\nfunc f(err error) bool { return err != sql.ErrNoRows }\n", 1},
		{"== with io.EOF", checkErrors, "p", "package p\nfunc f(err error) bool { return err == io.EOF }\n", 1},
		{"== with nil", checkErrors, "p", "package p\nfunc f(err error) bool { return err == nil }\n", 0},
		{"a field that only sounds like an error", checkErrors, "p", "package p\nfunc f(t T) bool { return t.a.ErrCount == 1 }\n", 0},
		{"a switch over an error", checkErrors, "p", "package p\nfunc f(err error) { switch err { case io.EOF: } }\n", 1},
		{"a type assertion", checkErrors, "p", "package p\nfunc f(err error) { _, _ = err.(*E) }\n", 1},
		{"a type switch", checkErrors, "p", "package p\nfunc f(err error) { switch err.(type) { } }\n", 1},
		{"the method Is", checkErrors, "p", "package p\nfunc (E) Is(target error) bool { return target == ErrGone }\n", 0},

		{"three sentences", checkDoc, "p", doc + "package p\n", 0},
		{"one sentence", checkDoc, "p", "// Package p is, e.g., short.\npackage p\n", 1},
		{"a drawing is no sentence", checkDoc, "p", "// Package p.\n//\n//\ta. b. c. d.\npackage p\n", 1},
		{"no comment", checkDoc, "p", "package p\n", 1},

		{"a package for everything", checkName, "util", "package util\n", 1},
		{"a package for one thing", checkName, "mkv", "package mkv\n", 0},

		{"a note to oneself", checkComments, "p", "package p\n\n// TODO: finish\n", 1},
		{"a promise", checkComments, "p", "package p\n\n// Good enough for now.\n", 1},
		{"the same words in code", checkComments, "p", "package p\n\nconst s = \"placeholder\"\n", 0},

		{"a long file", checkLength, "p", "package p\n" + strings.Repeat("// x\n", 600) + "var x int\n", 1},
		{"a short file", checkLength, "p", "package p\n", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := pkg{path: c.path, fset: token.NewFileSet()}
			if err := p.parse("p.go", c.src); err != nil {
				t.Fatal(err)
			}
			if got := c.check(p); len(got) != c.bad {
				t.Errorf("%d complaints, want %d: %q\n%s", len(got), c.bad, got, c.src)
			}
		})
	}
}

// TestRulesLookAtProductOnly: what is wrong in a product is fine in a test.
func TestRulesLookAtProductOnly(t *testing.T) {
	src := "package p\nvar n int\nfunc init() { _ = err == io.EOF }\n"
	p := pkg{path: "p", fset: token.NewFileSet()}
	if err := p.parse("p_test.go", src); err != nil {
		t.Fatal(err)
	}
	for _, check := range []func(pkg) []string{checkInit, checkVariables, checkErrors, checkDoc} {
		if got := check(p); len(got) != 0 {
			t.Errorf("complaints about a test file: %q", got)
		}
	}
}

func TestCheckText(t *testing.T) {
	cases := []struct {
		name, file, text string
		bad              int
	}{
		{"a path of the machine", "README.md", "see /work/main/x\n", 1},
		{"a folder beside the repository", "mkv/doc.go", "// ../shared/vectors\n", 1},
		{"the same in a test", "mkv/reader_test.go", "const dir = \"../shared/vectors\"\n", 0},
		{"a number of a tracker", "CHANGELOG.md", "closes issue 12\n", 1},
		{"the workings of a network", "docs/x.md", "a network of 2 nodes; issued 3 tokens\n", 0},
		{"bytes", "clip.mkv", "\x00/work/\n", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := checkText(c.file, []byte(c.text)); len(got) != c.bad {
				t.Errorf("%d complaints, want %d: %q", len(got), c.bad, got)
			}
		})
	}
}

// TestTableIsInOrder: no package has two rows, and no row names a package that
// could not exist.
func TestTableIsInOrder(t *testing.T) {
	var names []string
	for _, r := range importTable() {
		names = append(names, strings.TrimSuffix(r.pkg, "/..."))
	}
	seen := map[string]bool{}
	for _, r := range importTable() {
		if seen[r.pkg] {
			t.Errorf("%s has two rows", r.pkg)
		}
		seen[r.pkg] = true
		for _, allowed := range r.mayImport {
			name := strings.TrimSuffix(allowed, "/...")
			if name != "internal" && !slices.Contains(names, name) {
				t.Errorf("%s may import %s, which has no row", r.pkg, allowed)
			}
		}
	}
}
