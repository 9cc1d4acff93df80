package lint_test

import (
	"bytes"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// minSentences is how much a package has to say about itself: what it is, what
// it promises, what it refuses.
const minSentences = 3

// checkDoc: every package has a comment of at least three sentences.
func checkDoc(p pkg) []string {
	files := p.product()
	if len(files) == 0 {
		return nil
	}
	var text strings.Builder
	for _, f := range files {
		text.WriteString(f.Doc.Text() + "\n")
	}
	if n := sentences(text.String()); n < minSentences {
		return []string{p.at(files[0].Package, "package %s says %d sentences about itself, not %d", files[0].Name.Name, n, minSentences)}
	}
	return nil
}

// sentences counts what ends like one; drawings and code, which are indented,
// do not speak.
func sentences(doc string) int {
	var prose []string
	for line := range strings.Lines(doc) {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			prose = append(prose, line)
		}
	}
	text := strings.NewReplacer("e.g.", "", "i.e.", "", "etc.", "").Replace(strings.Join(prose, ""))
	return len(regexp.MustCompile(`[.!?][)"”]?(\s|$)`).FindAllString(text, -1))
}

// checkName: a package is named for what it holds.
func checkName(p pkg) []string {
	banned := []string{"util", "utils", "common", "helper", "helpers", "types", "manager", "misc", "base"}
	for _, f := range p.files {
		name := strings.TrimSuffix(f.ast.Name.Name, "_test")
		if slices.Contains(banned, name) {
			return []string{p.at(f.ast.Package, "package %s is named for nothing in particular", name)}
		}
	}
	return nil
}

// checkComments: a comment states what is, not what somebody meant to do.
func checkComments(p pkg) []string {
	unfinished := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b|(?i)\b(for now|stub|stubs|placeholder|placeholders)\b`)
	var bad []string
	for _, f := range p.product() {
		for _, group := range f.Comments {
			for _, c := range group.List {
				if word := unfinished.FindString(c.Text); word != "" {
					bad = append(bad, p.at(c.Pos(), "a comment says %q", word))
				}
			}
		}
	}
	return bad
}

// checkText: what is committed speaks to anybody, anywhere. Tests are left
// out: they may look for files beside the repository.
func checkText(name string, content []byte) []string {
	if strings.HasSuffix(name, "_test.go") || bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0 {
		return nil
	}
	private := regexp.MustCompile(`/work/|\.\./shared\b|/tmp/brief|\.library\b|(?i)\bissues? #?[0-9]`)
	var bad []string
	for line := range bytes.Lines(content) {
		if found := private.Find(line); found != nil {
			bad = append(bad, name+": mentions "+string(found))
		}
	}
	return bad
}

// checkLength: at 600 lines a file is split, generated ones excepted.
func checkLength(p pkg) []string {
	const most = 600
	var bad []string
	for _, f := range p.product() {
		lines := p.fset.File(f.Pos()).LineCount()
		if lines > most && !ast.IsGenerated(f) {
			bad = append(bad, p.at(f.Package, "%d lines; look for the second noun", lines))
		}
	}
	return bad
}
