package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/millrace/millrace"
)

// An indexFile is the open file of an Index.
type indexFile struct {
	pools
	finds   [findKinds]*sql.Stmt // on the reading connections
	changes [changeKinds]*sql.Stmt

	logged atomic.Int64 // bytes that went into the log since the last checkpoint, about
	lost   atomic.Bool  // a sync has failed
}

func openIndexFile(ctx context.Context, path string, o Options) (*indexFile, error) {
	p, err := openPools(ctx, path, o, indexKind())
	if err != nil {
		return nil, corruptIfOdd(err)
	}
	f := &indexFile{pools: p}
	if err := f.prepare(ctx); err != nil {
		p.close()
		return nil, classifyIndex(err)
	}
	return f, nil
}

func (f *indexFile) prepare(ctx context.Context) (err error) {
	if err := f.prepareFinds(ctx); err != nil {
		return err
	}
	for kind, text := range changeTexts {
		if f.changes[kind], err = f.writer.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

func (f *indexFile) prepareFinds(ctx context.Context) (err error) {
	for kind := range f.finds {
		if f.finds[kind], err = f.reader.PrepareContext(ctx, findQuery(findKind(kind))); err != nil {
			return err
		}
	}
	return nil
}

// explainIndex turns an error of SQLite into one of the seam's kinds.
func explainIndex(action string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", action, classifyIndex(err))
}

func classifyIndex(err error) error { return corruptIfOdd(classify(err)) }

// corruptIfOdd marks what only a file that is not as it was made can cause: our
// statements fit our schema and change nothing that would not be allowed.
func corruptIfOdd(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_ERROR, lib.SQLITE_CONSTRAINT, lib.SQLITE_MISMATCH:
		return fmt.Errorf("%w: %w", millrace.ErrCorrupt, err)
	}
	return err
}
