package profile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// byteOrderMark is what some editors begin a file with.
const byteOrderMark = "\ufeff"

// readSections reads an AWS file. One that is not there is empty.
func readSections(path string) (map[string]map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read AWS settings: %w", err)
	}
	defer f.Close()
	sections, err := parseSections(f)
	if err != nil {
		return nil, fmt.Errorf("read AWS settings: %s: %w", path, err)
	}
	return sections, nil
}

// parseSections reads sections of keys and values. An indented key belongs to the
// key above it that has no value, and is called "above.key".
func parseSections(r io.Reader) (map[string]map[string]string, error) {
	sections := map[string]map[string]string{}
	var section map[string]string
	var parent string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimPrefix(lines.Text(), byteOrderMark)
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if name, ok := sectionName(text); ok {
			if section = sections[name]; section == nil {
				section = map[string]string{}
				sections[name] = section
			}
			parent = ""
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok || section == nil {
			continue
		}
		key, value = strings.ToLower(strings.TrimSpace(key)), trimComment(value)
		indented := line[0] == ' ' || line[0] == '\t'
		switch {
		case indented && parent != "":
			section[parent+"."+key] = value
		case value == "":
			parent = key
		default:
			parent = ""
			section[key] = value
		}
	}
	return sections, lines.Err()
}

// sectionName reads a line such as [default], [profile name] or [profile "a name"].
func sectionName(text string) (string, bool) {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok {
		return "", false
	}
	inner, _, ok = strings.Cut(inner, "]")
	kind, name, _ := strings.Cut(strings.Join(strings.Fields(inner), " "), " ")
	for _, quote := range [...]string{`"`, `'`} {
		if bare, quoted := strings.CutPrefix(name, quote); quoted {
			name = strings.TrimSuffix(bare, quote)
		}
	}
	return strings.TrimSpace(kind + " " + name), ok
}

// trimComment cuts what follows a space and a # or ; off.
func trimComment(value string) string {
	for _, mark := range [...]string{" #", " ;", "\t#", "\t;"} {
		value, _, _ = strings.Cut(value, mark)
	}
	return strings.TrimSpace(value)
}
