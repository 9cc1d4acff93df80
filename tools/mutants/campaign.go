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

	mu     sync.Mutex // guards what follows
	failed []string
}

// A verdict is what became of a mutant or of a test.
type verdict uint8

const (
	noticed  verdict = iota // tests failed
	survived                // tests passed
	broken                  // nothing was proved
)

// run tries everything: first that the tests pass on what nothing was done to.
func (c *campaign) run(ctx context.Context) error {
	began := time.Now()
	if !c.trusting {
		if err := c.control(ctx); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%d tests pass where nothing was changed (%v)\n", len(c.tests()), time.Since(began).Round(time.Second))
	}
	c.each(ctx, len(c.list), func(ctx context.Context, tree string, i int) { c.try(ctx, tree, c.list[i]) })
	if err := ctx.Err(); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d mutants, %d noticed, in %v\n", len(c.list), len(c.list)-len(c.failed), time.Since(began).Round(time.Second))
	if len(c.failed) > 0 {
		return fmt.Errorf("not noticed:\n\t%s", strings.Join(c.failed, "\n\t"))
	}
	return nil
}

// control runs all tests where nothing was changed.
func (c *campaign) control(ctx context.Context) error {
	tests := c.tests()
	c.each(ctx, len(tests), func(ctx context.Context, tree string, i int) {
		v, detail, took := c.test(ctx, tree, tests[i])
		if v != survived && ctx.Err() == nil {
			c.report("FAIL", "nothing changed: go test "+strings.Join(tests[i], " "), detail, took)
		}
	})
	if len(c.failed) > 0 {
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
func (c *campaign) try(ctx context.Context, tree string, m mutant) {
	path := filepath.Join(tree, m.file)
	source, err := os.ReadFile(path)
	if err == nil {
		var changed []byte
		if changed, err = m.apply(source); err == nil {
			err = os.WriteFile(path, changed, 0o600)
		}
	}
	if err != nil {
		c.report("FAIL", m.name, err.Error(), 0)
		return
	}
	v, detail, took := c.test(ctx, tree, m.test)
	if err := os.WriteFile(path, source, 0o600); err != nil {
		v, detail = broken, err.Error()
	}
	switch {
	case ctx.Err() != nil:
	case v == noticed:
		c.report("ok", m.name, detail, took)
	case v == survived:
		c.report("FAIL", m.name, "survives go test "+strings.Join(m.test, " "), took)
	default:
		c.report("FAIL", m.name, detail, took)
	}
}

// test runs tests in a tree. Tests that take too long have noticed that
// something is wrong.
func (c *campaign) test(ctx context.Context, tree string, args []string) (verdict, string, time.Duration) {
	began := time.Now()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-count=1", "-short", "-failfast", "-vet=off", "-timeout", c.patience.String()}, args...)...)
	cmd.Dir = tree
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	took := time.Since(began)
	var exit *exec.ExitError
	switch {
	case err == nil && !someRan(out.String()):
		return broken, "there are no such tests", took
	case err == nil:
		return survived, "", took
	case !errors.As(err, &exit):
		return broken, err.Error(), took
	}
	return judge(out.String(), took)
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

// judge finds out why tests failed.
func judge(out string, took time.Duration) (verdict, string, time.Duration) {
	if strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]") {
		return broken, "does not compile:\n" + out, took
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			return noticed, name, took
		}
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return noticed, line, took
		}
	}
	return broken, out, took
}

func (c *campaign) report(how, name, detail string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if how != "ok" {
		c.failed = append(c.failed, name)
	}
	fmt.Fprintf(c.out, "%-4s %6.1fs  %s\n              %s\n", how, took.Seconds(), name, strings.ReplaceAll(detail, "\n", "\n              "))
}
