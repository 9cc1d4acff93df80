package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Forgotten is what has left the store.
type Forgotten struct {
	Fragments int   // that left the index
	Bytes     int64 // of their media
	Packs     int   // that were removed
	PackBytes int64 // that their files took
}

func (f *Forgotten) add(bytes int64) { f.Fragments, f.Bytes = f.Fragments+1, f.Bytes+bytes }

// Sweep takes what is gone by now out of the index, so that its bytes do not
// count as live any more: what is older than its stream's policy keeps, and
// what was deleted. Queries do not see any of that before either. A stream
// without a policy is left alone. now is by the clock by which fragments
// expire. Both ends of an error are safe: what was not swept now is at the next
// call.
func (e *Engine) Sweep(ctx context.Context, now time.Time) (Forgotten, error) {
	return e.index.sweep(ctx, now)
}

// Maintain sweeps, and removes the sealed packs in which nothing is live.
func (e *Engine) Maintain(ctx context.Context, now time.Time) (Forgotten, error) {
	r, err := e.Sweep(ctx, now)
	if err != nil {
		return r, err
	}
	for _, p := range e.packs.dead() {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		if rerr := e.removePack(p); rerr != nil {
			err = errors.Join(err, rerr)
			continue
		}
		r.Packs++
		r.PackBytes += p.size
	}
	if r.Packs == 0 {
		return r, err
	}
	if serr := e.cfg.FS.SyncDir(); serr != nil {
		err = errors.Join(err, fmt.Errorf("sync directory: %w", serr))
	}
	return r, err
}

// removePack takes the pack out of the table first, so that a reader that opens
// its file now finds out and closes it.
func (e *Engine) removePack(p packInfo) error {
	p, ok := e.packs.remove(p.number)
	if !ok {
		return nil
	}
	if err := e.cfg.FS.Remove(packName(p.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.packs.add(p)
		return fmt.Errorf("remove pack: %w", err)
	}
	e.handles.drop(p.number)
	e.cfg.Events.Removed(p.number)
	return nil
}

// sweep takes what the rules do not let be seen away, stream by stream.
func (ix *index) sweep(ctx context.Context, now time.Time) (r Forgotten, err error) {
	for key := range ix.snapshot() {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		rule := ix.rule(key)
		if rule == nil {
			continue
		}
		v, ok := ix.view(Scope{Stream: key, Since: rule.Since(now)})
		if !ok {
			continue
		}
		v.recent.sweep(&v, func(gone *row) {
			ix.lose(gone)
			r.add(int64(gone.size))
		})
		ix.applied(key, v.hiding)
	}
	return r, nil
}
