package store

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace"
)

// After implements Index.
func (e *Engine) After(ctx context.Context, s Scope, after millrace.FragmentNumber, limit int) ([]Entry, error) {
	sp := newSpan(ServerClock, time.Time{}, time.Time{}, KeyOf(ServerClock, after, time.Time{}))
	return e.index.list(ctx, s, sp, limit)
}

// List implements Index.
func (e *Engine) List(ctx context.Context, s Scope, l Listing) ([]Entry, error) {
	limit := l.Limit
	if limit <= 0 {
		limit = math.MaxInt
	}
	return e.index.list(ctx, s, newSpan(l.Clock, l.From, l.To, l.After), limit)
}

// AtServerTime implements Index.
func (e *Engine) AtServerTime(ctx context.Context, s Scope, t time.Time) (Entry, error) {
	return e.index.at(ctx, s, ServerClock, t)
}

// AtProducerTime implements Index.
func (e *Engine) AtProducerTime(ctx context.Context, s Scope, t time.Time) (Entry, error) {
	return e.index.at(ctx, s, ProducerClock, t)
}

// list returns up to limit entries of a span. Memory is asked first, and then
// the pages: an entry that goes from there to here meanwhile is found once or
// twice, and never not.
func (ix *index) list(ctx context.Context, s Scope, sp span, limit int) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, ok := ix.view(s)
	if !ok || limit <= 0 {
		return nil, nil
	}
	remakes := ix.remakes.Load()
	recent, b := v.recent.list(&v, sp, limit)
	if ask, err := ix.reachable(&b, &sp); !ask || err != nil {
		return recent, err
	}
	old, err := ix.listPaged(ctx, &v, sp, limit)
	if err := cmp.Or(err, ix.unchanged(remakes)); err != nil {
		return nil, err
	}
	return mergeEntries(sp.clock, old, recent, limit), nil
}

// mergeEntries merges two lists in the order of a clock, up to limit entries.
// What is in both is taken from the first.
func mergeEntries(c Clock, a, b []Entry, limit int) []Entry {
	if len(a) == 0 || len(b) == 0 {
		return append(a, b...)
	}
	compare := compareOn(c)
	list := make([]Entry, 0, min(limit, len(a)+len(b)))
	for len(list) < limit && len(a)+len(b) > 0 {
		order := 1
		switch {
		case len(b) == 0:
			order = -1
		case len(a) > 0:
			order = compare(a[0], b[0])
		}
		if order <= 0 {
			list, a = append(list, a[0]), a[1:]
		} else {
			list = append(list, b[0])
		}
		if order >= 0 {
			b = b[1:]
		}
	}
	return list
}

// at returns the entry that covers t, or else the first one behind it. Memory
// is asked both, and then the pages.
func (ix *index) at(ctx context.Context, s Scope, c Clock, t time.Time) (Entry, error) {
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	found, err := ix.atMoment(ctx, s, c, momentOf(t))
	if err != nil {
		return Entry{}, err
	}
	if found == nil {
		return Entry{}, fmt.Errorf("fragment at %v: %w", t, millrace.ErrNotFound)
	}
	return *found, nil
}

func (ix *index) atMoment(ctx context.Context, s Scope, c Clock, t moment) (*Entry, error) {
	v, ok := ix.view(s)
	if !ok {
		return nil, nil
	}
	remakes := ix.remakes.Load()
	behind := span{clock: c, from: t.ceil(), to: math.MaxInt64}.behind(Key{})
	covers, follows, b := v.recent.at(&v, t, behind)
	all := span{clock: c, from: math.MinInt64}.behind(Key{})
	if ask, err := ix.reachable(&b, &all); !ask || err != nil {
		return firstOf(covers, follows), err
	}
	old, err := ix.coverPaged(ctx, &v, c, t)
	if covers = laterOf(c, covers, old); err == nil && covers == nil {
		follows, err = ix.followPaged(ctx, &v, behind, follows)
	}
	return firstOf(covers, follows), cmp.Or(err, ix.unchanged(remakes))
}

// followPaged returns the first entry of a span, which is in the pages or was
// found in memory.
func (ix *index) followPaged(ctx context.Context, v *view, behind span, found *Entry) (*Entry, error) {
	list, err := ix.listPaged(ctx, v, behind, 1)
	if len(list) > 0 && (found == nil || compareOn(behind.clock)(list[0], *found) < 0) {
		found = &list[0]
	}
	return found, err
}

func firstOf(a, b *Entry) *Entry {
	if a != nil {
		return a
	}
	return b
}

// laterOf is which of two that cover a time counts: the one that starts later,
// and of two that start together the newest by the server's clock, and the
// lowest number by the producer's.
func laterOf(c Clock, a, b *Entry) *Entry {
	if a == nil || b == nil {
		return firstOf(a, b)
	}
	order := compareOn(c)(*a, *b)
	if c == ProducerClock && a.ProducerTime.Equal(b.ProducerTime) {
		order = -order
	}
	if order < 0 {
		return b
	}
	return a
}
