package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sync/semaphore"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Index is a store.Pages in an SQLite file. Make one with OpenIndex.
type Index struct {
	path    string
	options Options

	// gate is taken by one for a call, and by everyCall where nothing else may
	// be under way. It guards what follows.
	gate   *semaphore.Weighted
	file   *indexFile // nil if it is broken
	broken error
	closed bool
}

var _ store.Pages = (*Index)(nil)

// everyCall is more than the calls that can be under way at once.
const everyCall = math.MaxInt64

//go:embed index_1.sql
var index1 string

//go:embed index_2.sql
var index2 string

func indexKind() kind {
	return kind{
		application: 0x4d6c7269, // "Mlri"
		name:        "an index",
		remedy:      "start the newer release that wrote it, or remove the file: it is made again from the packs",
		pragmas: []string{
			"synchronous(NORMAL)",
			"wal_autocheckpoint(0)", // because its failures are not reported
			fmt.Sprintf("journal_size_limit(%d)", 4*logBytes),
		},
		steps: []step{script(index1), script(index2)},
	}
}

// script is a step that runs statements.
func script(text string) step {
	return func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, text)
		return err
	}
}

// OpenIndex opens the file at path, or makes it, readable by its owner alone,
// and brings its schema up to date. A file of a newer release is a
// *VersionError, and one of somebody else's an error of no kind. A locked or
// full file is store.ErrUnavailable. For one that is damaged there is no error:
// all calls but Reset and Close are millrace.ErrCorrupt then. The folder must
// exist. The caller sees to it that one server at a time uses the file, and
// closes the Index.
func OpenIndex(ctx context.Context, path string, o Options) (*Index, error) {
	x := &Index{path: path, options: o, gate: semaphore.NewWeighted(everyCall)}
	err := x.open(ctx)
	if errors.Is(err, millrace.ErrCorrupt) {
		x.broken, err = err, nil
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

// open is called where nothing else is under way.
func (x *Index) open(ctx context.Context) error {
	if err := x.sweep(); err != nil {
		return fmt.Errorf("open index: %w", err)
	}
	file, err := openIndexFile(ctx, x.path, x.options)
	if err != nil {
		return fmt.Errorf("open index: %w", err)
	}
	x.file, x.broken = file, nil
	return nil
}

// sweep removes the log of a file that has gone, before a new one takes its
// name.
func (x *Index) sweep() error {
	if _, err := os.Lstat(x.path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return x.removeFiles("-wal", "-shm", "-journal")
}

// use runs a call on the file, and says what it was if it fails.
func (x *Index) use(ctx context.Context, action string, call func(*indexFile) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if err := x.gate.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	defer x.gate.Release(1)
	switch {
	case x.closed:
		return fmt.Errorf("%s: %w", action, millrace.ErrClosed)
	case x.file == nil:
		return fmt.Errorf("%s: %w", action, x.broken)
	}
	return explainIndex(action, call(x.file))
}

// Reset implements store.Pages. The file is removed before its log, with the
// folder synced in between: a crash leaves both, or a log without a file, which
// the next start sweeps away. The other way round it could leave a file whose
// newest pages were in a log that has gone.
func (x *Index) Reset(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reset index: %w", err)
	}
	if err := x.gate.Acquire(ctx, everyCall); err != nil {
		return fmt.Errorf("reset index: %w", err)
	}
	defer x.gate.Release(everyCall)
	if x.closed {
		return fmt.Errorf("reset index: %w", millrace.ErrClosed)
	}
	if x.file != nil {
		x.file.close() // what it says does not matter any more
		x.file, x.broken = nil, errors.New("the index was not made again")
	}
	if err := x.removeFiles(""); err != nil {
		return fmt.Errorf("reset index: %w", err)
	}
	return x.open(context.WithoutCancel(ctx))
}

// removeFiles removes files that may be there, and syncs the folder.
func (x *Index) removeFiles(suffixes ...string) error {
	for _, suffix := range suffixes {
		if err := os.Remove(x.path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return syncFolder(filepath.Dir(x.path))
}

// Close implements store.Pages.
func (x *Index) Close() error {
	if err := x.gate.Acquire(context.Background(), everyCall); err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	defer x.gate.Release(everyCall)
	x.closed = true
	if x.file == nil {
		return nil
	}
	file := x.file
	x.file = nil
	if err := file.close(); err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return nil
}
