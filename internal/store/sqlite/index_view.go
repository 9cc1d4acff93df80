package sqlite

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// An IndexView is an index that is only looked at. Make one with ViewIndex.
type IndexView struct {
	*Index
	done func()
}

var _ store.Pages = (*IndexView)(nil)

// errView says that a view cannot be changed.
var errView = errors.New("the index is only looked at")

// ViewIndex opens the index at path, which must exist, for reading alone:
// neither the file nor anything beside it is changed, and a server may be using
// it. For a damaged file, and for one of an older release, all calls but Close
// are millrace.ErrCorrupt; a file of a newer release is a *VersionError. The
// caller closes the view.
func ViewIndex(ctx context.Context, path string) (*IndexView, error) {
	db, done, err := openStill(path)
	if err != nil {
		return nil, fmt.Errorf("view index: %w", err)
	}
	v := &IndexView{&Index{path: path, gate: semaphore.NewWeighted(everyCall)}, done}
	f := &indexFile{pools: pools{reader: db}}
	switch err := f.look(ctx, path); {
	case errors.Is(err, millrace.ErrCorrupt):
		v.broken = err
	case err != nil:
		done()
		return nil, fmt.Errorf("view index: %w", err)
	default:
		v.file = f
	}
	return v, nil
}

// look makes sure that the file is what this release knows.
func (f *indexFile) look(ctx context.Context, path string) error {
	k := indexKind()
	if err := k.identify(ctx, f.reader, path); err != nil {
		return corruptIfOdd(err)
	}
	if err := k.refuseNewer(ctx, f.reader, path); err != nil {
		return corruptIfOdd(err)
	}
	version, err := schemaVersion(ctx, f.reader)
	if err == nil && version < len(k.steps) {
		err = fmt.Errorf("index of schema version %d: %w", version, millrace.ErrCorrupt)
	}
	if err != nil {
		return corruptIfOdd(err)
	}
	return classifyIndex(f.prepareFinds(ctx))
}

// Apply implements store.Pages: it fails.
func (v *IndexView) Apply(context.Context, *store.PageChange) error { return errView }

// Sync implements store.Pages: it fails.
func (v *IndexView) Sync(context.Context) error { return errView }

// Reset implements store.Pages: it fails.
func (v *IndexView) Reset(context.Context) error { return errView }

// Close implements store.Pages.
func (v *IndexView) Close() error {
	if err := v.gate.Acquire(context.Background(), everyCall); err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	defer v.gate.Release(everyCall)
	if !v.closed {
		v.closed, v.file = true, nil
		v.done()
	}
	return nil
}
