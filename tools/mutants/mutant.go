package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A mutant is one change that takes a safety measure away, and the tests that
// have to notice.
type mutant struct {
	name string // what is promised, and broken by the change
	file string // path from the module's root
	was  string // occurs once in the file
	is   string
	test []string // arguments of "go test": packages, and -run with a pattern

	line   int // where it stands in the list
	number int // its place in the list, from 1
}

// The lines that begin the parts of a mutant, and one that stands for itself.
const (
	harmlessMark = "~~ "

	nameMark = "== "
	wasMark  = "-- was"
	isMark   = "-- is"
	testMark = "-- test "
)

// parse reads a list: see list.txt, which begins with a description. harmless
// are lines that nothing depends on.
func parse(r io.Reader) (list []mutant, harmless []edge, err error) {
	var part *string // that lines go to
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		last := len(list) - 1
		switch {
		case strings.HasPrefix(line, nameMark):
			list = append(list, mutant{name: strings.TrimPrefix(line, nameMark), line: n, number: len(list) + 1})
			part = nil
		case strings.HasPrefix(line, harmlessMark):
			file, text, _ := strings.Cut(strings.TrimPrefix(line, harmlessMark), ": ")
			harmless = append(harmless, edge{file, text})
			part = nil
		case last < 0: // the description
		case strings.HasPrefix(line, testMark):
			list[last].test = strings.Fields(strings.TrimPrefix(line, testMark))
			part = nil
		case line == wasMark:
			part = &list[last].was
		case line == isMark:
			part = &list[last].is
		case part != nil:
			*part += line + "\n"
		case line != "" && list[last].file == "":
			list[last].file = line
		case line != "" && !strings.HasPrefix(line, "#"):
			return nil, nil, fmt.Errorf("line %d: %q belongs to nothing", n, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, nil, fmt.Errorf("read list: %w", err)
	}
	return list, harmless, check(list)
}

// check finds mutants that say too little.
func check(list []mutant) error {
	var errs []error
	seen := map[string]bool{}
	for _, m := range list {
		if m.file == "" || m.was == "" || m.was == m.is || len(m.test) == 0 {
			errs = append(errs, fmt.Errorf("line %d: %q needs a file, what it was, what it is, and a test", m.line, m.name))
		}
		if seen[m.name] {
			errs = append(errs, fmt.Errorf("line %d: %q is there twice", m.line, m.name))
		}
		seen[m.name] = true
	}
	return errors.Join(errs...)
}

// apply makes the change. Text that is not there, or there twice, is an error:
// then the list has to be brought up to date.
func (m mutant) apply(source []byte) ([]byte, error) {
	switch bytes.Count(source, []byte(m.was)) {
	case 1:
		return bytes.Replace(source, []byte(m.was), []byte(m.is), 1), nil
	case 0:
		return nil, fmt.Errorf("%s does not have the text any more", m.file)
	}
	return nil, fmt.Errorf("%s has the text more than once", m.file)
}
