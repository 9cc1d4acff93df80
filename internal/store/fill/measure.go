package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/store"
)

// rounds is how often each figure is taken.
const rounds = 21

// measure prints how the store starts, how large its index is, and how long a
// day of a stream and what playback asks for take.
func measure(ctx context.Context, l *load) error {
	var starts []time.Duration
	var e *store.Engine
	for i := range 3 {
		if e != nil {
			if err := e.Close(); err != nil {
				return err
			}
		}
		begin := time.Now()
		var err error
		if e, err = l.open(ctx, store.Config{Epoch: uint32(2 + i)}); err != nil {
			return err
		}
		starts = append(starts, time.Since(begin))
	}
	defer e.Close()
	stats := e.PackStats()
	fmt.Fprintf(l.out, "%d packs with %d fragments\n", stats.Packs, stats.LiveFragments)
	fmt.Fprintf(l.out, "ready after %v, and again after %v\n", starts[0], starts[1:])
	if err := l.printSizes(stats); err != nil {
		return err
	}
	if err := l.list(ctx, e, "server", store.ServerClock); err != nil {
		return err
	}
	if err := l.list(ctx, e, "producer", store.ProducerClock); err != nil {
		return err
	}
	return l.playback(ctx, e)
}

// printSizes prints what the index takes.
func (l *load) printSizes(s store.PackStats) error {
	var size int64
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(l.indexPath() + suffix)
		if err != nil {
			return err
		}
		size += info.Size()
	}
	fmt.Fprintf(l.out, "%s: %d bytes, %.1f for each fragment\n", filepath.Base(l.indexPath()), size, float64(size)/float64(s.LiveFragments))
	return nil
}

// aDay is how many fragments a stream has in a day.
const aDay = 43_200

// list lists a day of one stream after the other.
func (l *load) list(ctx context.Context, e *store.Engine, name string, clock store.Clock) error {
	var took []time.Duration
	count := 0
	for i := range rounds {
		scope := store.Scope{Stream: l.stream(i * l.streams() / rounds)}
		begin := time.Now()
		list, err := e.List(ctx, scope, store.Listing{Clock: clock, Limit: aDay})
		if err != nil {
			return err
		}
		took, count = append(took, time.Since(begin)), max(count, len(list))
	}
	slices.Sort(took)
	fmt.Fprintf(l.out, "%d fragments by the %s's clock: median %v, from %v to %v\n",
		count, name, took[rounds/2], took[0], took[rounds-1])
	return nil
}
