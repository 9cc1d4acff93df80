package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A campaign tries mutants, some at a time.
type campaign struct {
	list     []mutant
	build    build
	workers  int
	patience time.Duration
	trusting bool // nobody need see that the tests pass
	out      io.Writer

	mu      sync.Mutex // guards what follows
	results []result
}

// run tries everything: first that the tests pass while all mutants sleep.
func (c *campaign) run(ctx context.Context) error {
	began := time.Now()
	refused, err := c.build.make(ctx, c.list)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d mutants are in the tests of %d packages (%v)\n", len(c.list)-len(refused), len(packages(c.list)), since(began))
	if !c.trusting {
		if err := c.control(ctx); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%d tests pass where nothing was changed (%v)\n", len(c.tests()), since(began))
	}
	c.each(ctx, len(c.list), func(i int) {
		r, no := refused[c.list[i].number]
		if !no {
			r = c.try(ctx, c.list[i], c.list[i].number)
		}
		c.note(ctx, r, len(c.list))
	})
	summarize(c.out, c.results)
	fmt.Fprintf(c.out, "%d of %d mutants tried, in %v\n", len(c.results), len(c.list), since(began))
	if err := ctx.Err(); err != nil {
		return err
	}
	return verdictOf(c.results)
}

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Second) }

// control runs all tests while all mutants sleep.
func (c *campaign) control(ctx context.Context) error {
	tests := c.tests()
	c.each(ctx, len(tests), func(i int) {
		r := c.try(ctx, tests[i], 0)
		if r.verdict != survived {
			r.name = "nothing changed: " + strings.Join(tests[i].test, " ")
			r.verdict = unproved
			c.note(ctx, r, 0)
		}
	})
	if len(c.results) > 0 {
		return errors.New("tests fail where nothing was changed")
	}
	return ctx.Err()
}

// tests lists one mutant for each of the different tests.
func (c *campaign) tests() []mutant {
	var tests []mutant
	for _, m := range c.list {
		if !slices.ContainsFunc(tests, func(o mutant) bool { return slices.Equal(o.test, m.test) }) {
			tests = append(tests, m)
		}
	}
	return tests
}

// each does n pieces of work, a few at a time.
func (c *campaign) each(ctx context.Context, n int, work func(i int)) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range max(c.workers, 1) {
		workers.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		if ctx.Err() == nil {
			next <- i
		}
	}
	close(next)
	workers.Wait()
}

// try runs the tests of a mutant, with the one of that number awake.
func (c *campaign) try(ctx context.Context, m mutant, number int) result {
	began := time.Now()
	r := m.result(unproved, "there are no such tests: "+strings.Join(m.test, " "))
	pkgs, pattern := m.tests()
	for _, pkg := range pkgs {
		out, err := c.build.run(ctx, pkg, pattern, c.patience.String(), number)
		var exit *exec.ExitError
		switch {
		case err == nil && strings.Contains(out, "testing: warning: no tests to run"):
			continue
		case err == nil:
			r.verdict, r.detail = survived, strings.Join(m.test, " ")
			continue
		case errors.As(err, &exit):
			r.verdict, r.detail = judge(out)
		default:
			r.verdict, r.detail = unproved, err.Error()
		}
		break
	}
	r.took = time.Since(began)
	return r
}

// judge finds out why tests failed. That they took too long proves nothing: the
// machine may be busy.
func judge(out string) (verdict, string) {
	if strings.Contains(out, "panic: test timed out") {
		return unproved, "the tests took too long"
	}
	said := ""
	if lines := regexp.MustCompile(`(?m)^\s+\w+_test\.go:\d+: .*$`).FindAllString(out, -1); len(lines) > 0 {
		said = lines[len(lines)-1] // those before may be what the test logs
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			return noticed, strings.TrimSpace(name + ": " + shorten(strings.TrimSpace(said)) + replayOf(out))
		}
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return noticed, shorten(line)
		}
	}
	return unproved, out
}

// replayOf is the line that a test prints to be run again, if there is one.
func replayOf(out string) string {
	if m := regexp.MustCompile(`MILLRACE_REPLAY='([^']*)'`).FindStringSubmatch(out); m != nil {
		return "\n" + m[1]
	}
	return ""
}

// shorten is for a line of a report.
func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// note keeps a result and says it, with how many there are of how many.
func (c *campaign) note(ctx context.Context, r result, of int) {
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = append(c.results, r)
	how := "ok"
	if r.verdict != noticed {
		how = "FAIL"
	}
	fmt.Fprintf(c.out, "%3d/%-3d %-4s %6.1fs  %s\n                      %v: %s\n", len(c.results), of, how, r.took.Seconds(), r.name,
		r.verdict, strings.ReplaceAll(r.detail, "\n", "\n                      "))
}
