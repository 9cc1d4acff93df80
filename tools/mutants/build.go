package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A build is a copy of the tree with mutants in it, and programs of its tests.
type build struct {
	root string // that is copied
	tree string // the copy
	bin  string
}

// make weaves mutants into the copy and makes the tests. What is not a program,
// or cannot be woven in, is left out, and refused says why, by number.
func (b *build) make(ctx context.Context, list []mutant) (refused map[int]result, err error) {
	refused = make(map[int]result)
	for {
		where, err := b.weave(list, refused)
		if err != nil {
			return nil, err
		}
		out, err := b.compile(ctx, list)
		if err == nil {
			return refused, nil
		}
		before := len(refused)
		blame(out, where, list, refused)
		if len(refused) == before {
			return nil, fmt.Errorf("build tests: %w\n%s", err, out)
		}
	}
}

// weave writes the files with all mutants that were not refused.
func (b *build) weave(list []mutant, refused map[int]result) (where map[string][]stretch, err error) {
	files := make(map[string][]mutant)
	for _, m := range list {
		if _, no := refused[m.number]; !no {
			files[m.file] = append(files[m.file], m)
		}
	}
	where = make(map[string][]stretch)
	for name, mutants := range files {
		source, err := os.ReadFile(filepath.Join(b.root, name))
		if err != nil {
			return nil, err
		}
		woven, stretches, no := weave(source, mutants)
		for _, m := range mutants {
			if err := no[m.number]; err != nil {
				refused[m.number] = m.result(stale, fmt.Sprintf("line %d: %v", m.line, err))
			}
		}
		where[name] = stretches
		pkg := regexp.MustCompile(`(?m)^package (\w+)`).FindSubmatch(source)
		if pkg == nil {
			return nil, fmt.Errorf("%s: no package", name)
		}
		if err := errors.Join(
			os.WriteFile(filepath.Join(b.tree, name), woven, 0o600),
			os.WriteFile(filepath.Join(b.tree, path.Dir(name), "mutant_awake.go"), waker(string(pkg[1])), 0o600),
		); err != nil {
			return nil, err
		}
	}
	return where, nil
}

// compile makes the tests of all packages that the list names. Without the names
// of folders in what is built, a later call need not build again what has not
// changed.
func (b *build) compile(ctx context.Context, list []mutant) (out string, err error) {
	args := []string{"test", "-trimpath", "-vet=off", "-c", "-o", b.bin + string(filepath.Separator)}
	cmd := exec.CommandContext(ctx, "go", append(args, packages(list)...)...)
	cmd.Dir = b.tree
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// packages lists the packages whose tests a list names.
func packages(list []mutant) (all []string) {
	for _, m := range list {
		pkgs, _ := m.tests()
		all = append(all, pkgs...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// blame finds out which mutants the compiler does not take.
func blame(out string, where map[string][]stretch, list []mutant, refused map[int]result) {
	for _, found := range regexp.MustCompile(`(?m)^(?:\./)?(\S+\.go):(\d+):\d+: (.*)$`).FindAllStringSubmatch(out, -1) {
		line, _ := strconv.Atoi(found[2])
		number := 0
		for _, s := range where[filepath.ToSlash(found[1])] {
			if s.from <= line {
				number = s.number
			}
		}
		for _, m := range list {
			if _, known := refused[number]; m.number == number && !known {
				refused[number] = m.result(uncompiled, found[3])
			}
		}
	}
}

// run runs tests of one package with one mutant awake, 0 for none, and returns
// what they said.
func (b *build) run(ctx context.Context, pkg, pattern, patience string, number int) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(b.bin, path.Base(pkg)+".test"),
		"-test.count=1", "-test.short", "-test.failfast", "-test.paniconexit0", "-test.timeout="+patience, "-test.run="+pattern)
	cmd.Dir = filepath.Join(b.tree, pkg)
	cmd.Env = append(os.Environ(), choice+"="+strconv.Itoa(number))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// tests are the packages and the pattern that a mutant's tests have.
func (m mutant) tests() (pkgs []string, pattern string) {
	for i := range m.test {
		if m.test[i] == "-run" {
			return pkgs, strings.Join(m.test[i+1:], " ")
		}
		pkgs = append(pkgs, "./"+path.Clean(m.test[i]))
	}
	return pkgs, ""
}

func (m mutant) result(v verdict, detail string) result {
	return result{name: m.name, file: m.file, verdict: v, detail: detail}
}
