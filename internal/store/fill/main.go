// Command fill makes a store of many small fragments, and measures how it
// starts and answers.
//
// It goes the way of a server: the engine commits the fragments to packs and
// feeds the index behind that. Its streams are cameras with a fragment every two
// seconds; only the media is small, and the packs are so much smaller that there
// are as many as full ones would be. It measures on what it has made, or on what
// it finds if the directory is there already.
//
// It is for measuring: nobody serves what it has made, and it refuses to touch
// a directory that it has not made.
//
// Run it from the root of the module:
//
//	go run ./internal/store/fill -fragments 10000000 DIRECTORY
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/sqlite"
)

func main() {
	l := load{out: os.Stdout}
	flag.IntVar(&l.Fragments, "fragments", 1_000_000, "how many to make")
	flag.IntVar(&l.PerStream, "day", 43_200, "how many each stream has")
	flag.IntVar(&l.Frames, "frames", 1, "samples of each")
	flag.IntVar(&l.Body, "body", 64, "bytes of media of each")
	flag.Int64Var(&l.PackSize, "pack", 1<<20, "bytes of a pack")
	flag.DurationVar(&l.kill, "kill", 0, "end so long after the last one without closing the store; measure with another run")
	flag.Parse()
	if flag.NArg() != 1 || l.Fragments <= 0 || l.PerStream <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	l.dir = flag.Arg(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, &l); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, l *load) error {
	_, err := os.Stat(l.dir)
	if errors.Is(err, os.ErrNotExist) {
		if err = l.make(ctx); l.kill > 0 {
			return err
		}
	}
	if err != nil {
		return err
	}
	if err := l.recall(); err != nil {
		return err
	}
	return measure(ctx, l)
}

// label is the file in which a directory says that it was made here, and how.
const label = "fill.json"

func (l *load) remember() error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.dir, label), b, 0o600)
}

func (l *load) recall() error {
	b, err := os.ReadFile(filepath.Join(l.dir, label))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is there already, and was not made by this program: %w", l.dir, err)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, l)
}

// open opens the store in the directory as a server would.
func (l *load) open(ctx context.Context, cfg store.Config) (*store.Engine, error) {
	packs, err := disk.Open(filepath.Join(l.dir, "packs"))
	if err != nil {
		return nil, err
	}
	pages, err := sqlite.OpenIndex(ctx, l.indexPath(), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	cfg.FS, cfg.Pages, cfg.PackSize, cfg.Policies = packs, pages, l.PackSize, l.policies()
	e, err := store.Open(ctx, cfg)
	if err != nil {
		pages.Close()
		return nil, err
	}
	return e, nil
}

func (l *load) indexPath() string { return filepath.Join(l.dir, "index.db") }
