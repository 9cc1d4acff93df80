package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A campaign tries mutants in copies of the tree.
type campaign struct {
	list     []mutant
	trees    []string // a mutant at a time has each
	patience time.Duration
	trusting bool // nobody need see that the tests pass
	out      io.Writer

	mu      sync.Mutex // guards what follows
	results []result
}

// run tries everything: first that the tests pass on what nothing was done to.
func (c *campaign) run(ctx context.Context) error {
	began := time.Now()
	if !c.trusting {
		if err := c.control(ctx); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%d tests pass where nothing was changed (%v)\n", len(c.tests()), time.Since(began).Round(time.Second))
	}
	c.results = nil
	c.each(ctx, len(c.list), func(ctx context.Context, tree string, i int) {
		r := c.try(ctx, tree, c.list[i])
		if ctx.Err() == nil {
			c.note(r, len(c.list))
		}
	})
	summarize(c.out, c.results)
	fmt.Fprintf(c.out, "%d of %d mutants tried, in %v\n", len(c.results), len(c.list), time.Since(began).Round(time.Second))
	if err := ctx.Err(); err != nil {
		return err
	}
	return verdictOf(c.results)
}

// control runs all tests where nothing was changed.
func (c *campaign) control(ctx context.Context) error {
	tests := c.tests()
	c.each(ctx, len(tests), func(ctx context.Context, tree string, i int) {
		r := c.test(ctx, tree, tests[i])
		if r.verdict != survived && ctx.Err() == nil {
			r.name = "nothing changed: go test " + strings.Join(tests[i], " ")
			c.note(r, 0)
		}
	})
	if len(c.results) > 0 {
		return errors.New("tests fail where nothing was changed")
	}
	return ctx.Err()
}

// tests lists the different tests of all mutants.
func (c *campaign) tests() [][]string {
	var tests [][]string
	for _, m := range c.list {
		if !slices.ContainsFunc(tests, func(t []string) bool { return slices.Equal(t, m.test) }) {
			tests = append(tests, m.test)
		}
	}
	return tests
}

// each does n pieces of work, one at a time in each tree.
func (c *campaign) each(ctx context.Context, n int, work func(ctx context.Context, tree string, i int)) {
	next := make(chan int)
	var workers sync.WaitGroup
	for _, tree := range c.trees {
		workers.Go(func() {
			for i := range next {
				work(ctx, tree, i)
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

// try applies a mutant, runs its tests and takes it back.
func (c *campaign) try(ctx context.Context, tree string, m mutant) result {
	path := filepath.Join(tree, m.file)
	source, err := os.ReadFile(path)
	var changed []byte
	if err == nil {
		changed, err = m.apply(source)
	}
	if err != nil {
		return result{name: m.name, file: m.file, verdict: stale, detail: fmt.Sprintf("line %d: %v", m.line, err)}
	}
	r := result{verdict: unproved}
	if err = os.WriteFile(path, changed, 0o600); err == nil {
		r = c.test(ctx, tree, m.test)
	}
	if err := errors.Join(err, os.WriteFile(path, source, 0o600)); err != nil {
		r.verdict, r.detail = unproved, err.Error()
	}
	r.name, r.file = m.name, m.file
	return r
}

// test runs tests in a tree. Without the names of folders in what is built, all
// trees share it.
func (c *campaign) test(ctx context.Context, tree string, args []string) result {
	began := time.Now()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-trimpath", "-count=1", "-short", "-failfast", "-vet=off", "-timeout", c.patience.String()}, args...)...)
	cmd.Dir = tree
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	r := result{took: time.Since(began)}
	var exit *exec.ExitError
	switch {
	case err == nil && !someRan(out.String()):
		r.verdict, r.detail = unproved, "there are no such tests: go test "+strings.Join(args, " ")
	case err == nil:
		r.verdict, r.detail = survived, "go test "+strings.Join(args, " ")
	case !errors.As(err, &exit):
		r.verdict, r.detail = unproved, err.Error()
	default:
		r.verdict, r.detail = judge(out.String())
	}
	return r
}

// someRan reports whether there was a test in any of the packages.
func someRan(out string) bool {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "ok ") && !strings.Contains(line, "[no tests to run]") {
			return true
		}
	}
	return false
}

// judge finds out why tests failed. That they took too long proves nothing: the
// machine may be busy.
func judge(out string) (verdict, string) {
	said := regexp.MustCompile(`(?m)^\s+\w+_test\.go:\d+: .*$`).FindString(out)
	switch {
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
		return uncompiled, out
	case strings.Contains(out, "panic: test timed out"):
		return unproved, "the tests took too long"
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			return noticed, strings.TrimSpace(name + ": " + shorten(strings.TrimSpace(said)))
		}
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return noticed, shorten(line)
		}
	}
	return unproved, out
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
func (c *campaign) note(r result, of int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = append(c.results, r)
	how := "ok"
	if r.verdict != noticed {
		how = "FAIL"
	}
	fmt.Fprintf(c.out, "%3d/%-3d %-4s %6.1fs  %s\n                      %s: %s\n", len(c.results), of, how, r.took.Seconds(), r.name,
		r.verdict, strings.ReplaceAll(r.detail, "\n", "\n                      "))
}
