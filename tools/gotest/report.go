package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// maxLine bounds one event; a test that logs a longer line fails the run.
const maxLine = 16 << 20

// An event is one line of "go test -json".
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

type testID struct{ pkg, test string }

// A skip is a test that did not run, and what it said about it.
type skip struct {
	testID
	reason string
}

// tally is what remains of a run.
type tally struct {
	passed, failed int
	skips          []skip
}

// report copies the readable part of events to out and counts the tests.
func report(events io.Reader, out io.Writer) (tally, error) {
	var counts tally
	output := map[testID]*strings.Builder{}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		counts.add(e, output, out)
	}
	if err := lines.Err(); err != nil {
		return counts, fmt.Errorf("read events: %w", err)
	}
	counts.print(out)
	return counts, nil
}

func (c *tally) add(e event, output map[testID]*strings.Builder, out io.Writer) {
	id := testID{e.Package, e.Test}
	switch {
	case e.Action == "build-output":
		fmt.Fprint(out, e.Output)
	case e.Action == "output" && e.Test == "":
		if e.Output != "PASS\n" {
			fmt.Fprint(out, e.Output)
		}
	case e.Action == "output":
		if output[id] == nil {
			output[id] = &strings.Builder{}
		}
		output[id].WriteString(e.Output)
	case e.Test != "":
		c.finish(e.Action, id, output, out)
	}
}

// finish counts a test that has ended. What a passing test wrote is dropped.
func (c *tally) finish(action string, id testID, output map[testID]*strings.Builder, out io.Writer) {
	var text string
	if b := output[id]; b != nil {
		text = b.String()
	}
	switch action {
	case "pass":
		c.passed++
	case "fail":
		c.failed++
		fmt.Fprint(out, text)
	case "skip":
		c.skips = append(c.skips, skip{id, reason(text)})
	default:
		return
	}
	delete(output, id)
}

// reason is what a test said last before it skipped, without the place.
func reason(text string) string {
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if _, said, found := strings.Cut(line, ".go:"); found {
			_, last, _ = strings.Cut(said, ": ")
		}
	}
	return last
}

// print lists what was skipped, one line for each test and reason, and the
// counts.
func (c *tally) print(out io.Writer) {
	times := map[skip]int{}
	var order []skip
	for _, s := range c.skips {
		s.test, _, _ = strings.Cut(s.test, "/")
		if times[s] == 0 {
			order = append(order, s)
		}
		times[s]++
	}
	for _, s := range order {
		fmt.Fprintf(out, "skipped %d in %s %s: %s\n", times[s], s.pkg, s.test, s.reason)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", c.passed, c.failed, len(c.skips))
}

// verdict fails a run that left out what could have run, where that matters.
func (c *tally) verdict(getenv func(string) string) error {
	if getenv("MILLRACE_CI") == "" {
		return nil
	}
	var errs []error
	for _, s := range c.skips {
		if !s.excused(getenv("MILLRACE_VECTORS")) {
			errs = append(errs, fmt.Errorf("%s %s was skipped: %s", s.pkg, s.test, s.reason))
		}
	}
	if c.passed == 0 {
		errs = append(errs, errors.New("no test ran"))
	}
	return errors.Join(errs...)
}

// excused: a case of a table to which its test does not apply may decline, and
// recordings of other people's clients, which are not part of the repository,
// may be absent. A whole test has no excuse, and nothing that is missing is one.
func (s skip) excused(vectors string) bool {
	if strings.Contains(s.reason, "vectors not present") {
		_, err := os.Stat(vectors)
		return vectors == "" || errors.Is(err, os.ErrNotExist)
	}
	missing := regexp.MustCompile(`(?i)not (present|installed|found|available)|missing|needs|requires|short`)
	return strings.Contains(s.test, "/") && !missing.MatchString(s.reason)
}
