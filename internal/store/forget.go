package store

import (
	"context"
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
		if err := e.removePack(p.number); err != nil {
			return r, err
		}
		r.Packs++
		r.PackBytes += p.size
	}
	if r.Packs == 0 {
		return r, nil
	}
	if err := e.cfg.FS.SyncDir(); err != nil {
		return r, fmt.Errorf("sync directory: %w", err)
	}
	return r, nil
}

func (e *Engine) removePack(number uint64) error {
	e.handles.drop(number)
	if err := e.cfg.FS.Remove(packName(number)); err != nil {
		return fmt.Errorf("remove pack: %w", err)
	}
	e.packs.remove(number)
	e.cfg.Events.Removed(number)
	return nil
}
