package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// logBytes is how much may be in the log before it is folded into the file.
const logBytes = 4 << 20

// Sync implements store.Pages.
//
// With synchronous=NORMAL a commit appends to the log and syncs nothing: after
// a crash the log is read up to the first frame whose checksum, which chains
// all frames, does not hold, and cut behind the last commit before it. That is
// the state of some change. What makes all changes durable is a checkpoint that
// reaches the end of the log, which FULL does or says that it did not: it first
// syncs the log (and the folder, the first time), then writes its pages to the
// file, then syncs the file. Only then is the log taken for folded in, and may
// be begun anew, the header of which is synced before anything follows. So
// a crash before the end finds the log whole, and one after it does not need
// the log. A checkpoint that finds nothing to do follows one that did all this.
//
// If one of these syncs fails, the kernel may have dropped what was to be
// written and call the next sync a success. Nothing is written after that.
func (x *Index) Sync(ctx context.Context) error {
	return x.use(ctx, "sync the index", func(f *indexFile) error {
		return f.checkpoint(context.WithoutCancel(ctx), "FULL")
	})
}

// checkpoint folds the log into the file: FULL all of it, which waits for
// readers that still use an older state; PASSIVE as much as nobody uses.
func (f *indexFile) checkpoint(ctx context.Context, mode string) error {
	if err := f.usable(); err != nil {
		return err
	}
	var busy, frames, folded int64
	err := f.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &folded)
	return f.judge(busy, err)
}

// judge says what the outcome of a checkpoint means.
func (f *indexFile) judge(busy int64, err error) error {
	switch {
	case err == nil && busy != 0:
		return fmt.Errorf("the log is in use: %w", store.ErrUnavailable)
	case err == nil:
		f.logged.Store(0)
	case !errors.Is(classifyIndex(err), store.ErrUnavailable):
		f.lost.Store(true)
	}
	return err
}

// usable is an error once a sync has failed.
func (f *indexFile) usable() error {
	if f.lost.Load() {
		return fmt.Errorf("a sync has failed: %w", millrace.ErrCorrupt)
	}
	return nil
}

// grow notes what a change has added to the log, and folds the log in when it
// has become long. That it fails is for the next change to say: this one was
// made.
func (f *indexFile) grow(ctx context.Context, c *store.PageChange) {
	const touched = 3 * pageSize // by one row: of a table, and of its index
	n := int64(touched * (1 + len(c.RemoveStreams) + len(c.Remove) + len(c.Put) + len(c.RemovePacks) + len(c.PutPacks)))
	for i := range c.Put {
		n += int64(len(c.Put[i].Data))
	}
	if f.logged.Add(n) >= logBytes {
		f.checkpoint(ctx, "PASSIVE")
	}
}
