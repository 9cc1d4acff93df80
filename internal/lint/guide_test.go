package lint_test

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goBlocks returns the fenced blocks of Go of a page.
func goBlocks(page string) (blocks []string) {
	var block strings.Builder
	inside := false
	for line := range strings.Lines(page) {
		switch fence := strings.TrimSpace(line); {
		case fence == "```go":
			inside = true
		case inside && fence == "```":
			blocks = append(blocks, block.String())
			block.Reset()
			inside = false
		case inside:
			block.WriteString(line)
		}
	}
	return blocks
}

// flush moves text to the left, as far as its first line stands to the right, so
// that what is indented differently can be compared.
func flush(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	indent := first[:len(first)-len(strings.TrimLeft(first, "\t"))]
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimPrefix(line, indent))
	}
	return b.String()
}

// shows reports whether a block is a run of lines of a source file, wherever that
// has them indented to.
func shows(source, block string) bool {
	lines := strings.SplitAfter(source, "\n")
	length := strings.Count(block, "\n")
	first, _, _ := strings.Cut(block, "\n")
	for i := 0; i+length <= len(lines); i++ {
		if strings.TrimSpace(lines[i]) == strings.TrimSpace(first) && flush(strings.Join(lines[i:i+length], "")) == flush(block) {
			return length > 0
		}
	}
	return false
}

func TestShows(t *testing.T) {
	source := "func f() {\n\tif a {\n\t\tb()\n\t}\n\tc()\n}\n"
	for name, tc := range map[string]struct {
		block string
		want  bool
	}{
		"the whole":          {source, true},
		"lines of it":        {"if a {\n\tb()\n}\nc()\n", true},
		"a line":             {"b()\n", true},
		"a line left out":    {"if a {\n}\n", false},
		"another word":       {"if b {\n\tb()\n}\n", false},
		"another depth":      {"if a {\nb()\n}\n", false},
		"half a line":        {"b(\n", false},
		"more than there is": {"c()\n}\n}\n", false},
		"nothing":            {"", false},
	} {
		if got := shows(source, tc.block); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := goBlocks("a\n```go\nb()\n\nc()\n```\n```sh\nls\n```\n```go\nd()\n```\n"); len(got) != 2 || got[0] != "b()\n\nc()\n" || got[1] != "d()\n" {
		t.Errorf("blocks are %q", got)
	}
}

// What the guide shows in Go are lines of tests, which run: nobody copies what
// does not work.
func TestGoInTheGuideIsThatOfTests(t *testing.T) {
	top := root(t)
	var sources []string
	blocks := 0
	err := walk(top, func(rel string) error {
		if !strings.HasSuffix(rel, "_test.go") || path.Dir(rel) == "internal/lint" {
			return nil
		}
		source, err := os.ReadFile(filepath.Join(top, rel))
		sources = append(sources, string(source))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(top, "docs/guide/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pages {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range goBlocks(string(page)) {
			blocks++
			if !slices.ContainsFunc(sources, func(source string) bool { return shows(source, block) }) {
				t.Errorf("%s shows Go that no test has:\n%s", filepath.Base(name), block)
			}
		}
	}
	if blocks == 0 {
		t.Error("no Go was found; the walk is broken")
	}
}

// The README's program is an example that is built and run, and short.
func TestTheProgramInTheREADMEIsAnExample(t *testing.T) {
	const most = 20 // lines
	top := root(t)
	page, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(filepath.Join(top, "examples/frames/main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if blocks := goBlocks(string(page)); len(blocks) != 1 || blocks[0] != string(program) {
		t.Errorf("the README shows %q, not examples/frames/main.go alone", blocks)
	}
	if n := strings.Count(string(program), "\n"); n > most {
		t.Errorf("the program has %d lines, not %d", n, most)
	}
}
