package lint_test

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A named test is one that a page points to.
type namedTest struct {
	pkg  string
	name string // with a slash and a script's name behind it, if there is one
}

// testsIn returns the tests that a cell of a table names, in back quotes. A
// package in front of a colon holds for what follows it; a name that begins with a
// slash is another script of the test before.
func testsIn(cell, pkg string) (tests []namedTest) {
	base := ""
	for _, match := range regexp.MustCompile("`([^`]+)`(:?)").FindAllStringSubmatch(cell, -1) {
		name := match[1]
		switch {
		case match[2] != "":
			pkg = name
			continue
		case strings.HasPrefix(name, "/"):
			name = base + name
		default:
			base, _, _ = strings.Cut(name, "/")
		}
		tests = append(tests, namedTest{pkg, name})
	}
	return tests
}

func TestTestsIn(t *testing.T) {
	got := testsIn("`TestA`, `TestB/x`, `/y`; `mkv`: `TestC`", "producer")
	want := []namedTest{{"producer", "TestA"}, {"producer", "TestB/x"}, {"producer", "TestB/y"}, {"mkv", "TestC"}}
	if len(got) != len(want) {
		t.Fatalf("tests are %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("test %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// TestEveryComplaintHasItsTests: each row of the page's tables names tests that
// are there, or says why there need be none.
func TestEveryComplaintHasItsTests(t *testing.T) {
	top := root(t)
	page, err := os.ReadFile(filepath.Join(top, "docs/reference/producer.md"))
	if err != nil {
		t.Fatal(err)
	}
	have := map[namedTest]bool{}
	for _, p := range loadModule(t) {
		for _, name := range testFunctions(p) {
			have[namedTest{p.path, name}] = true
		}
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || len(cells) != 3 || strings.Trim(cells[2], " -") == "" && strings.Contains(cells[0], "---") || strings.TrimSpace(cells[2]) == "tests" {
			continue
		}
		rows++
		tests := testsIn(cells[2], "producer")
		if len(tests) == 0 && !strings.Contains(cells[1], "Cannot happen") {
			t.Errorf("nothing notices: %s", strings.TrimSpace(cells[0]))
		}
		for _, named := range tests {
			name, script, _ := strings.Cut(named.name, "/")
			if !have[namedTest{named.pkg, name}] {
				t.Errorf("there is no %s in %s", name, named.pkg)
			}
			if script == "" {
				continue
			}
			if found, _ := filepath.Glob(filepath.Join(top, named.pkg, "testdata", "*", script+".txtar")); len(found) == 0 {
				t.Errorf("%s has no script %s", name, script)
			}
		}
	}
	if rows < 15 {
		t.Errorf("%d complaints are in %s", rows, path.Base("docs/reference/producer.md"))
	}
}

// testFunctions are the names of a package's tests, fuzz targets included.
func testFunctions(p pkg) (names []string) {
	for _, f := range p.files {
		if !f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && (strings.HasPrefix(fn.Name.Name, "Test") || strings.HasPrefix(fn.Name.Name, "Fuzz")) {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}
