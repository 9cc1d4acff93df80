// Command gotest runs "go test" and watches for tests that did not run.
//
// It prints what "go test" prints, package by package, then every skipped test
// with its reason, then one line with the three counts. Where MILLRACE_CI is
// set it promises more than "go test" does: a skipped test fails the run,
// unless what it needs is truly not there (see excused). It takes the
// arguments of "go test" as they are, and refuses -json and -v, which it uses
// itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if slices.Contains(args, "-json") || slices.Contains(args, "-v") {
		return errors.New("-json and -v are mine")
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("open pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start go test: %w", err)
	}
	counts, readErr := report(events, out)
	if err := errors.Join(readErr, cmd.Wait()); err != nil {
		return err
	}
	return counts.verdict(os.Getenv)
}
