package lint_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A tableRow is a row of a table with three columns, the last of which names
// tests.
type tableRow struct{ name, here, tests string }

// rowsIn returns the rows of the tables of a page's section, without their heads.
func rowsIn(page, section string) (rows []tableRow) {
	inside := false
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "## ") {
			inside = strings.TrimSpace(line) == "## "+section
		}
		if !inside || !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.Contains(cells[0], "---") || strings.TrimSpace(cells[2]) == "tests" {
			continue
		}
		rows = append(rows, tableRow{strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])})
	}
	return rows
}

func TestRowsIn(t *testing.T) {
	got := rowsIn("| a | b | `TestNo` |\n## One\n| x | y | tests |\n| --- | --- | --- |\n| a | b | `TestA` |\n## Two\n| c | d | |\n", "One")
	if len(got) != 1 || got[0] != (tableRow{"a", "b", "`TestA`"}) {
		t.Errorf("rows are %q", got)
	}
}

// everyTest finds the tests, fuzz targets, examples and benchmarks of all modules,
// those included that stand behind a build tag.
func everyTest(t *testing.T, top string) map[namedTest]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example|Benchmark)\w*)\(`)
	have := map[namedTest]bool{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != top {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(top, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, match := range function.FindAllStringSubmatch(string(text), -1) {
			have[namedTest{filepath.ToSlash(dir), match[1]}] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return have
}

// TestWhatOthersHaveIsHereOrSaysWhyNot: each row of the page that puts the
// libraries of others beside the consumer library names tests that are there, or
// says why it has none.
func TestWhatOthersHaveIsHereOrSaysWhyNot(t *testing.T) {
	top := root(t)
	page, err := os.ReadFile(filepath.Join(top, "docs/reference/consumer.md"))
	if err != nil {
		t.Fatal(err)
	}
	have := everyTest(t, top)
	for section, least := range map[string]int{"Beside the Java and Python libraries": 48, "Complaints": 12} {
		rows := rowsIn(string(page), section)
		for _, r := range rows {
			tests := testsIn(r.tests, "consumer")
			if len(tests) == 0 && !strings.HasPrefix(r.here, "Not here: ") {
				t.Errorf("%s: nothing notices, and nothing says why not", r.name)
			}
			for _, named := range tests {
				if name, _, _ := strings.Cut(named.name, "/"); !have[namedTest{named.pkg, name}] {
					t.Errorf("%s: there is no %s in %s", r.name, name, named.pkg)
				}
			}
		}
		if len(rows) < least {
			t.Errorf("%d rows are in %q, want %d", len(rows), section, least)
		}
	}
}
