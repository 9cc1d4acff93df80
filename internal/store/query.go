package store

import (
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

// list returns up to limit entries of a span.
func (ix *index) list(ctx context.Context, s Scope, sp span, limit int) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, ok := ix.view(s)
	if !ok || limit <= 0 {
		return nil, nil
	}
	return v.recent.list(&v, sp, limit), nil
}

// at returns the entry that covers t, or else the first one behind it.
func (ix *index) at(ctx context.Context, s Scope, c Clock, t time.Time) (Entry, error) {
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	if v, ok := ix.view(s); ok {
		if e, ok := v.recent.covering(&v, c, momentOf(t)); ok {
			return e, nil
		}
		if list := v.recent.list(&v, newSpan(c, t, time.Time{}, Key{}), 1); len(list) > 0 {
			return list[0], nil
		}
	}
	return Entry{}, fmt.Errorf("fragment at %v: %w", t, millrace.ErrNotFound)
}
