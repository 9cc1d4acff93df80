// Command mutants takes the safety measures of the source away, one at a time,
// and looks whether the tests notice.
//
// The mutants of list.txt are put into a copy of the tree, asleep, and the tests
// are built once. Then each is woken, and the tests that it names are run.
// Tests that fail have noticed. The command fails if a
// mutant survives, if one cannot be applied any more or does not compile, if
// its tests come to no end, and if a test fails that nothing was done to: then
// it proves nothing. It also fails if a call that syncs or renames is not in
// the list. It refuses to touch the tree that it was started in.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root := flag.String("root", ".", "`directory` of the module")
	which := flag.String("run", "", "only mutants whose names match the `pattern`")
	workers := flag.Int("parallel", 2, "how `many` at a time")
	patience := flag.Duration("timeout", 3*time.Minute, "how `long` a test may take")
	trust := flag.Bool("trust", false, "do not run the tests where nothing was changed")
	check := flag.Bool("check", false, "only see that each can be applied")
	flag.Parse()
	pattern, err := regexp.Compile(*which)
	if err != nil {
		return err
	}
	list, err := load(*root, pattern)
	if err != nil {
		return err
	}
	if *check {
		return applyAll(*root, list)
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := build{root: *root, tree: filepath.Join(dir, "tree"), bin: filepath.Join(dir, "bin")}
	if err := errors.Join(copyTree(ctx, b.root, b.tree), os.Mkdir(b.bin, 0o700)); err != nil {
		return fmt.Errorf("copy the tree: %w", err)
	}
	c := campaign{list: list, build: b, workers: *workers, patience: *patience, trusting: *trust, out: os.Stdout}
	return c.run(ctx)
}

// load reads the list, sees that no sync and no rename is left out, and selects.
func load(root string, pattern *regexp.Regexp) ([]mutant, error) {
	path := filepath.Join(root, "tools", "mutants", "list.txt")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, harmless, err := parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	found, err := edges(root)
	if err != nil {
		return nil, err
	}
	if left := unlisted(found, all, harmless); len(left) > 0 {
		return nil, fmt.Errorf("not in the list:\n\t%s", strings.Join(left, "\n\t"))
	}
	list := slices.DeleteFunc(all, func(m mutant) bool { return !pattern.MatchString(m.name) })
	if len(list) == 0 {
		return nil, errors.New("no mutant has such a name")
	}
	return list, nil
}

// applyAll sees that every mutant can be applied to the tree, and changes
// nothing.
func applyAll(root string, list []mutant) error {
	var errs []error
	for _, m := range list {
		source, err := os.ReadFile(filepath.Join(root, m.file))
		if err == nil {
			_, _, no := weave(source, []mutant{m})
			err = no[m.number]
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
		}
	}
	return errors.Join(errs...)
}
