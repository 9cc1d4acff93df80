package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace"
)

// Forgotten is what Forget has let go.
type Forgotten struct {
	Fragments int   // that expired
	Bytes     int64 // of their media
	Packs     int   // that were removed
	PackBytes int64 // that their files took
}

// Forget puts the fragments out of reach of which expired says so, oldest
// first per stream, and removes the sealed packs in which nothing is live any
// more. Of each stream it asks expired until it says no. Both ends of an error
// are safe: what was not removed now is at the next call.
func (e *Engine) Forget(ctx context.Context, expired func(key millrace.StreamKey, serverTime time.Time) bool) (Forgotten, error) {
	n, bytes, err := e.index.expire(ctx, expired)
	r := Forgotten{Fragments: n, Bytes: bytes}
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
	e.packs.remove(p.number)
	if err := e.cfg.FS.Remove(packName(p.number)); err != nil {
		e.packs.add(p)
		return fmt.Errorf("remove pack: %w", err)
	}
	e.handles.drop(p.number)
	e.cfg.Events.Removed(p.number)
	return nil
}
