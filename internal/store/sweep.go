package store

import (
	"context"
	"math"

	"github.com/millrace/millrace"
)

// Forgotten is what has left the store.
type Forgotten struct {
	Fragments int   // that left the index
	Bytes     int64 // of their media
	Packs     int   // that were removed
	PackBytes int64 // that their files took
	Punched   int64 // bytes that were given back of packs that stay
	Rewritten int   // fragments that were written to a new pack, for the old one to go
}

func (f *Forgotten) add(bytes int64) { f.Fragments, f.Bytes = f.Fragments+1, f.Bytes+bytes }

func (f *Forgotten) join(o Forgotten) {
	f.Fragments, f.Bytes, f.Packs, f.PackBytes = f.Fragments+o.Fragments, f.Bytes+o.Bytes, f.Packs+o.Packs, f.PackBytes+o.PackBytes
}

// Sweep takes what is gone by now out of the index, so that its bytes do not
// count as live any more: what is older than its stream's policy keeps, and
// what was deleted. Queries do not see any of that before either. A stream
// without a policy is left alone. Both ends of an error are safe: what was not
// swept now is at the next call. It is a part of a pass: nobody calls it beside
// one.
func (e *Engine) Sweep(ctx context.Context, x Expiry) (r Forgotten, err error) {
	err = e.mending(ctx, e.remake, func() error {
		r, err = e.index.sweep(ctx, x)
		return err
	})
	return r, err
}

// sweep takes what the rules do not let be seen away, stream by stream, and all
// of the streams that were dropped.
func (ix *index) sweep(ctx context.Context, x Expiry) (r Forgotten, err error) {
	release, err := ix.takePages(ctx)
	if err != nil {
		return r, err
	}
	defer release()
	for _, key := range ix.keys() {
		n, err := ix.sweepStream(ctx, key, x)
		r.join(n)
		if err != nil {
			return r, err
		}
	}
	for _, key := range ix.left() {
		n, err := ix.evict(ctx, key)
		r.join(n)
		if err != nil {
			return r, err
		}
	}
	if ix.pages == nil {
		return r, nil
	}
	if err := ix.purge(ctx); err != nil {
		return r, err
	}
	return r, ix.sync(ctx)
}

func (ix *index) sweepStream(ctx context.Context, key millrace.StreamKey, x Expiry) (r Forgotten, err error) {
	if err := ctx.Err(); err != nil {
		return r, err
	}
	rule := ix.rule(key)
	if rule == nil {
		return r, nil
	}
	v, ok := ix.view(Scope{Stream: key, Since: rule.Since(x)})
	if !ok {
		return r, nil
	}
	v.recent.sweep(&v, func(gone *row) {
		ix.packs.lose(gone)
		r.add(int64(gone.size))
	})
	if v.recent.inPages().count > 0 {
		n, err := ix.sweepPages(ctx, &v)
		r.join(n)
		if err != nil {
			return r, err
		}
	}
	ix.swept(key, v.hiding, v.since)
	return r, nil
}

// sweepPages takes what has expired and then what was deleted out of the pages.
func (ix *index) sweepPages(ctx context.Context, v *view) (r Forgotten, err error) {
	dies := func(e *Entry) bool { return !v.sees(e.Number, e.ProducerTime.UnixMilli()) }
	if v.recent.inPages().first.ServerTime().UnixMilli() < v.since {
		old := span{clock: ServerClock, from: math.MinInt64, to: v.since}.behind(Key{})
		if r, err = ix.evacuate(ctx, v.key, v.recent, old, dies); err != nil {
			return r, err
		}
	}
	for i := range v.hiding {
		d := &v.hiding[i]
		if d.Last.ServerTime().UnixMilli() < v.since {
			continue // all that it covers has expired
		}
		n, err := ix.evacuate(ctx, v.key, v.recent, newSpan(d.Clock, d.From, d.To, Key{}), dies)
		r.join(n)
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// left lists the streams that were dropped and are still in the pages.
func (ix *index) left() []millrace.StreamKey {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return sortedKeys(ix.leaving)
}
