package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const list = `What this is.

== a promise
a/b.go
-- was
	one()
	two()
-- is
	two()
-- test ./a -run One|Two
# why

== another
a/c.go
-- was
	three()
-- is
-- test ./c

~~ a/c.go: four()
# why not
`

func TestParse(t *testing.T) {
	got, harmless, err := parse(strings.NewReader(list))
	if err != nil || len(got) != 2 || !slices.Equal(harmless, []edge{{"a/c.go", "four()"}}) {
		t.Fatalf("%+v, %v, %v", got, harmless, err)
	}
	a, b := got[0], got[1]
	if a.name != "a promise" || a.file != "a/b.go" || a.was != "\tone()\n\ttwo()\n" || a.is != "\ttwo()\n" || strings.Join(a.test, ",") != "./a,-run,One|Two" {
		t.Errorf("first: %+v", a)
	}
	if b.was != "\tthree()\n" || b.is != "" || b.line != 13 {
		t.Errorf("second: %+v", b)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no file":             "== a\n-- was\nx\n-- is\ny\n-- test ./a\n",
		"no test":             "== a\nf.go\n-- was\nx\n-- is\ny\n",
		"no change":           "== a\nf.go\n-- was\nx\n-- is\nx\n-- test ./a\n",
		"a name twice":        strings.Repeat("== a\nf.go\n-- was\nx\n-- is\ny\n-- test ./a\n", 2),
		"text without a part": "== a\nf.go\ng.go\n-- was\nx\n-- is\ny\n-- test ./a\n",
	} {
		if got, _, err := parse(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestApply(t *testing.T) {
	m := mutant{file: "f.go", was: "\tone()\n", is: "\tnone()\n"}
	if got, err := m.apply([]byte("a\n\tone()\nb\n")); err != nil || string(got) != "a\n\tnone()\nb\n" {
		t.Errorf("%q, %v", got, err)
	}
	for _, source := range []string{"a\n", "\tone()\n\tone()\n"} {
		if got, err := m.apply([]byte(source)); err == nil {
			t.Errorf("%q became %q", source, got)
		}
	}
}

func TestJudge(t *testing.T) {
	for out, want := range map[string]verdict{
		"--- FAIL: TestA (0.1s)\nFAIL\n":            noticed,
		"panic: test timed out after 1m\n":          unproved,
		"fatal error: all goroutines are asleep\n":  noticed,
		"something else\n":                          unproved,
		"x\n    --- FAIL: TestA/b (0.1s)\nFAIL p\n": noticed,
	} {
		if got, _ := judge(out); got != want {
			t.Errorf("%q: %v, want %v", out, got, want)
		}
	}
}

// TestThereAreManyMutants: the list is whole, and long.
func TestThereAreManyMutants(t *testing.T) {
	f, err := os.Open("list.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, _, err := parse(f)
	if err != nil || len(all) < 40 {
		t.Errorf("%d mutants, %v", len(all), err)
	}
}

func TestUnlisted(t *testing.T) {
	all := []edge{{"a.go", "if err := f.Sync(); err != nil {"}, {"a.go", "return d.SyncDir()"}, {"b.go", "return d.SyncDir()"}, {"c.go", "f.Sync()"}}
	list := []mutant{{file: "a.go", was: "\tif err := f.Sync(); err != nil {\n\t\treturn err\n"}, {file: "b.go", was: "\treturn d.SyncDir()\n"}}
	got := unlisted(all, list, []edge{{"c.go", "f.Sync()"}})
	if !slices.Equal(got, []string{"a.go: return d.SyncDir()"}) {
		t.Errorf("%q", got)
	}
}

func TestVerdictOf(t *testing.T) {
	if err := verdictOf([]result{{name: "a", verdict: noticed}}); err != nil {
		t.Error(err)
	}
	for v := survived; v <= unproved; v++ {
		if err := verdictOf([]result{{name: "a", verdict: noticed}, {name: "b", verdict: v}}); err == nil || !strings.Contains(err.Error(), "b") {
			t.Errorf("%v: %v", v, err)
		}
	}
}
