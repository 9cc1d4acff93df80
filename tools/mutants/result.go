package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A verdict is what became of a mutant, or of tests where nothing was changed.
type verdict uint8

const (
	noticed    verdict = iota // tests failed
	survived                  // tests passed
	stale                     // the text to change is not there, or not once
	uncompiled                // the change is no program
	unproved                  // the tests did not come to an end, or there are none
)

func (v verdict) String() string {
	return [...]string{"noticed", "survived", "cannot be applied", "does not compile", "proves nothing"}[v]
}

// A result is a verdict and its reason.
type result struct {
	name    string
	file    string
	verdict verdict
	detail  string
	took    time.Duration
}

// summarize writes a table: how many mutants of each file were noticed, and
// those that were not.
func summarize(out io.Writer, all []result) {
	files := make(map[string][2]int)
	for _, r := range all {
		n := files[r.file]
		n[1]++
		if r.verdict == noticed {
			n[0]++
		}
		files[r.file] = n
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nfile\tnoticed\tof\n")
	for _, name := range sortedNames(files) {
		fmt.Fprintf(w, "%s\t%d\t%d\n", name, files[name][0], files[name][1])
	}
	sum := make(map[string]int)
	for _, r := range all {
		sum[r.verdict.String()]++
	}
	fmt.Fprintf(w, "\nverdict\tmutants\n")
	for v := noticed; v <= unproved; v++ {
		fmt.Fprintf(w, "%v\t%d\n", v, sum[v.String()])
	}
	fmt.Fprintln(w)
	_ = w.Flush() // what is printed nobody can read then
}

func sortedNames(files map[string][2]int) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// verdictOf is an error that names all mutants that tests did not notice.
func verdictOf(all []result) error {
	bad := slices.DeleteFunc(slices.Clone(all), func(r result) bool { return r.verdict == noticed })
	if len(bad) == 0 {
		return nil
	}
	slices.SortFunc(bad, func(a, b result) int { return cmp.Or(cmp.Compare(a.verdict, b.verdict), cmp.Compare(a.name, b.name)) })
	var lines []string
	for _, r := range bad {
		first, _, _ := strings.Cut(r.detail, "\n")
		lines = append(lines, fmt.Sprintf("%v: %s (%s)", r.verdict, r.name, shorten(first)))
	}
	return errors.New("not noticed:\n\t" + strings.Join(lines, "\n\t"))
}
