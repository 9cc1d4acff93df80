package store

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Newest implements Archive.
func (e *Engine) Newest(ctx context.Context, s Scope, limit int) ([]Entry, error) {
	return e.index.newest(ctx, s, limit)
}

// newest asks memory first, and then the pages, as list does. A fragment that
// was committed late may be in memory while later ones are in the pages, so that
// enough in memory is enough only if the pages end before it.
func (ix *index) newest(ctx context.Context, s Scope, limit int) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, ok := ix.view(s)
	if !ok || limit <= 0 {
		return nil, nil
	}
	remakes := ix.remakes.Load()
	recent, b := v.recent.newest(&v, limit)
	rest := span{clock: ServerClock, from: math.MinInt64, to: math.MaxInt64}.behind(Key{})
	if len(recent) == limit {
		rest = rest.behind(recent[0].Key(ServerClock))
	}
	if ask, err := ix.reachable(&b, &rest); !ask || err != nil {
		return recent, err
	}
	old, err := ix.newestPaged(ctx, &v, rest, limit)
	if err := cmp.Or(err, ix.unchanged(remakes)); err != nil {
		return nil, err
	}
	all := mergeEntries(ServerClock, old, recent, len(old)+len(recent))
	return all[max(0, len(all)-limit):], nil
}

// newest returns the last entries of the view, up to limit, and what is in the
// pages besides.
func (x *streamIndex) newest(v *view, limit int) (list []Entry, b besides) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	x.rows.backward(x.rows.behind(), math.MinInt64, func(r *row) bool {
		if r.server() < v.since {
			return false
		}
		if v.sees(r.number, r.producer) {
			list = append(list, r.entry())
		}
		return len(list) < limit
	})
	slices.Reverse(list)
	return list, x.besides
}

// newestPaged returns the last entries of a span by the server's clock that are
// in the pages, up to limit. What was taken already bounds what is looked for
// next, whatever becomes of the pages between two looks.
func (ix *index) newestPaged(ctx context.Context, v *view, s span, limit int) ([]Entry, error) {
	q := PageQuery{Stream: v.key, From: s.after.next(), EndAfter: math.MinInt64, Backward: true}
	var parts [][]Entry // last one first
	for {
		q.Limit = min(pageBatch, 1+limit/PageEntries)
		pages, err := ix.find(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range pages {
			part, err := ix.tailOf(&pages[i], v, &s, q.To, limit)
			if err != nil {
				return nil, err
			}
			parts, limit = append(parts, part), limit-len(part)
			if limit == 0 || pages[i].Start < v.since || pages[i].First.prev() == (Key{}) {
				return joinBackward(parts), nil
			}
			q.To = pages[i].First.prev()
		}
		if len(pages) < q.Limit {
			return joinBackward(parts), nil
		}
	}
}

// tailOf returns the last entries of a page that a view and a span take in, up
// to limit and none behind to, if that is not zero.
func (ix *index) tailOf(p *IndexPage, v *view, s *span, to Key, limit int) (tail []Entry, err error) {
	list, err := ix.decode(p)
	if err != nil {
		return nil, err
	}
	defer ix.scratch.Put(list)
	for i := len(*list) - 1; i >= 0 && len(tail) < limit; i-- {
		e := &(*list)[i]
		if !s.reached(e.startOn(ServerClock), e.Number) {
			break
		}
		if v.seesPaged(e) && (to == Key{} || compareKeys(e.Key(ServerClock), to) <= 0) {
			tail = append(tail, *e)
		}
	}
	slices.Reverse(tail)
	return tail, nil
}

// joinBackward joins lists of which the last one comes first.
func joinBackward(parts [][]Entry) []Entry {
	slices.Reverse(parts)
	return slices.Concat(parts...)
}
