package store

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace"
)

// After implements Index.
func (e *Engine) After(ctx context.Context, s Scope, after millrace.FragmentNumber, limit int) ([]Entry, error) {
	x, err := e.scoped(ctx, s)
	if x == nil {
		return nil, err
	}
	return x.after(after, momentOf(s.Since).ceil(), limit), nil
}

// AtServerTime implements Index.
func (e *Engine) AtServerTime(ctx context.Context, s Scope, t time.Time) (Entry, error) {
	return e.lookUp(ctx, s, t, (*streamIndex).atServer)
}

// AtProducerTime implements Index.
func (e *Engine) AtProducerTime(ctx context.Context, s Scope, t time.Time) (Entry, error) {
	return e.lookUp(ctx, s, t, (*streamIndex).atProducer)
}

func (e *Engine) lookUp(ctx context.Context, s Scope, t time.Time,
	ask func(*streamIndex, moment, int64) (Entry, bool),
) (Entry, error) {
	x, err := e.scoped(ctx, s)
	if err != nil {
		return Entry{}, err
	}
	if x != nil {
		if entry, ok := ask(x, momentOf(t), momentOf(s.Since).ceil()); ok {
			return entry, nil
		}
	}
	return Entry{}, fmt.Errorf("fragment at %v: %w", t, millrace.ErrNotFound)
}

// scoped returns the index of a stream, nil if it has none.
func (e *Engine) scoped(ctx context.Context, s Scope) (*streamIndex, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return e.index.stream(s.Stream), nil
}
