package api_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A section is a named part of a text archive.
type section struct{ name, text string }

// readArchive reads a file of sections, each headed by "-- name --" on a line
// of its own, and the comment before the first.
func readArchive(t *testing.T, file string) (comment string, sections []section) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	heading := regexp.MustCompile(`^-- (.+) --\n$`)
	for line := range strings.Lines(string(b)) {
		m := heading.FindStringSubmatch(line)
		switch {
		case m != nil:
			sections = append(sections, section{name: m[1]})
		case len(sections) == 0:
			comment += line
		default:
			sections[len(sections)-1].text += line
		}
	}
	return comment, sections
}

func writeArchive(t *testing.T, file, comment string, sections []section) {
	t.Helper()
	var b strings.Builder
	b.WriteString(comment)
	for _, s := range sections {
		b.WriteString("-- " + s.name + " --\n" + s.text)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
