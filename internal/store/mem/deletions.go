package mem

import (
	"context"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// AddDeletion implements store.Deletions.
func (c *Control) AddDeletion(ctx context.Context, d store.Deletion) (store.Deletion, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.findActive(ctx, d.Stream); err != nil {
		return store.Deletion{}, err
	}
	d.ID = uint64(len(c.deleted) + 1)
	d.From, d.To, d.At = millis(d.From), millis(d.To), millis(d.At)
	c.deleted = append(c.deleted, d)
	return d, nil
}

// Deletions implements store.Deletions.
func (c *Control) Deletions(ctx context.Context, stream millrace.StreamKey, after uint64, limit int) ([]store.Deletion, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	list := slices.Clone(c.deleted[min(after, uint64(len(c.deleted))):])
	list = slices.DeleteFunc(list, func(d store.Deletion) bool {
		return stream != (millrace.StreamKey{}) && d.Stream != stream
	})
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list, nil
}

// KeepSince implements store.Deletions.
func (c *Control) KeepSince(ctx context.Context, since map[millrace.StreamKey]time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return err
	}
	for _, r := range c.streams {
		if at, ok := since[r.stream.Key]; ok {
			r.keep(at)
		}
	}
	return nil
}

// keep raises the stream's KeptSince.
func (r *record) keep(since time.Time) {
	if since = keptSince(since); since.After(r.stream.KeptSince) {
		r.stream.KeptSince = since
	}
}

// keptSince is t as a control state keeps it: in whole milliseconds, counted
// up; a time before 1970 is none.
func keptSince(t time.Time) time.Time {
	if t.UnixMilli() < 0 || t.IsZero() {
		return time.Time{}
	}
	return millis(t.Add(time.Millisecond - 1))
}

func millis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
