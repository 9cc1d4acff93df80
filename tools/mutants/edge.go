package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// safeguarded are the folders in which each call that makes something durable,
// or gives a file its name, must be in the list.
func safeguarded() []string {
	return []string{"internal/store", "internal/upkeep", "internal/auth", "internal/server", "internal/pack"}
}

// testTools are folders of which only tests make use.
func testTools() []string { return []string{"mem", "fault", "storetest", "fill", "testdata"} }

// An edge is a line of the source on which durability depends.
type edge struct{ file, line string }

// edges lists the lines of a tree that sync or rename, but for those of other
// systems than Unix, where no tests run.
func edges(root string) (all []edge, err error) {
	call := regexp.MustCompile(`\.(Sync|SyncDir|Rename)\(|\b(syncDir|syncFolder|syncFile|datasync)\(`)
	for _, folder := range safeguarded() {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			name := d.Name()
			switch {
			case err != nil:
				return err
			case d.IsDir() && slices.Contains(testTools(), name):
				return filepath.SkipDir
			case d.IsDir(), !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"),
				strings.HasSuffix(name, "_other.go"), strings.HasSuffix(name, "_windows.go"):
				return nil
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			file, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(b)) {
				line = strings.TrimSpace(line)
				if call.MatchString(line) && !strings.HasPrefix(line, "//") && !isHeading(line) {
					all = append(all, edge{filepath.ToSlash(file), line})
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for syncs: %w", err)
		}
	}
	return all, nil
}

// isHeading reports whether a line begins a function and is not one whole.
func isHeading(line string) bool {
	return strings.HasPrefix(line, "func ") && strings.HasSuffix(line, "{")
}

// unlisted are the edges that no mutant takes away, and that the list does not
// say can go.
func unlisted(all []edge, list []mutant, harmless []edge) []string {
	var lines []string
	for _, e := range all {
		taken := slices.ContainsFunc(list, func(m mutant) bool {
			return m.file == e.file && slices.ContainsFunc(strings.Split(m.was, "\n"), func(l string) bool { return strings.TrimSpace(l) == e.line })
		})
		if !taken && !slices.Contains(harmless, e) {
			lines = append(lines, fmt.Sprintf("%s: %s", e.file, e.line))
		}
	}
	return lines
}
