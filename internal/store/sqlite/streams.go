package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Create implements store.Streams.
func (c *Control) Create(ctx context.Context, s millrace.Stream, tags map[string]string) (millrace.Stream, error) {
	err := c.write(ctx, "create stream", func(tx *sql.Tx) error {
		_, err := named(ctx, tx, s.Name)
		if err == nil {
			return millrace.ErrExists
		}
		if !errors.Is(err, millrace.ErrNotFound) {
			return err
		}
		if s, err = identity(ctx, tx, s); err != nil {
			return err
		}
		if err := streamsTable.put(ctx, tx, rowOf(s)); err != nil {
			return err
		}
		s.KeptSince = sinceOf(sinceMillis(s.KeptSince))
		return putTags(ctx, tx, s.Key, tags)
	})
	if err != nil {
		return millrace.Stream{}, err
	}
	return s, nil
}

// identity gives the stream its key and a creation time later than any before.
func identity(ctx context.Context, tx *sql.Tx, s millrace.Stream) (millrace.Stream, error) {
	var id, generation int64
	created := s.Created.UnixMilli()
	known, err := namesTable.one(ctx, tx, "WHERE name = ?", string(s.Name))
	switch {
	case errors.Is(err, millrace.ErrNotFound): // no id is ever given back
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM names").Scan(&id); err != nil {
			return s, err
		}
		id++
	case err != nil:
		return s, err
	default:
		v := values{table: namesTable, row: known}
		id, _, generation, created = v.number(), v.text(), v.number(), max(created, v.number()+1)
		if err := errors.Join(v.err, namesTable.expect(known, 1, string(s.Name))); err != nil {
			return s, err
		}
	}
	generation++
	s.Key = millrace.StreamKey{ID: uint64(id), Generation: uint32(generation)}
	s.Created = time.UnixMilli(created).UTC()
	s.ARN.Name, s.ARN.Created = s.Name, s.Created
	return s, namesTable.put(ctx, tx, row{id, string(s.Name), generation, created})
}

// Stream implements store.Streams.
func (c *Control) Stream(ctx context.Context, name millrace.StreamName) (millrace.Stream, error) {
	var s millrace.Stream
	err := c.read(ctx, "read stream", func(tx *sql.Tx) (err error) {
		s, err = named(ctx, tx, name)
		return err
	})
	return s, err
}

func named(ctx context.Context, tx *sql.Tx, name millrace.StreamName) (millrace.Stream, error) {
	r, err := streamsTable.one(ctx, tx, "WHERE name = ?", string(name))
	if err != nil {
		return millrace.Stream{}, err
	}
	if err := streamsTable.expect(r, 2, string(name)); err != nil {
		return millrace.Stream{}, err
	}
	return streamOf(r)
}

// List implements store.Streams.
func (c *Control) List(ctx context.Context, p store.Page) ([]millrace.Stream, error) {
	limit := -1
	if p.Limit > 0 {
		limit = p.Limit
	}
	var list []millrace.Stream
	after := p.After
	err := c.read(ctx, "list streams", func(tx *sql.Tx) error {
		args := []any{string(p.After), p.Prefix, p.Prefix, p.Prefix, limit}
		return streamsTable.each(ctx, tx, listTail(p.Deleting), args, func(r row) error {
			s, err := streamOf(r)
			if err != nil {
				return err
			}
			if s.Name <= after {
				return streamsTable.corrupt(r, "is out of order")
			}
			after = s.Name
			list = append(list, s)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Count implements store.Streams. The number is the table's tally, which every
// change keeps.
func (c *Control) Count(ctx context.Context) (int, error) {
	var y tally
	err := c.read(ctx, "count streams", func(tx *sql.Tx) (err error) {
		y, err = streamsTable.tally(ctx, tx)
		return err
	})
	return int(y.rows), err
}

// listTail selects a page: after a name, with a prefix (given three times), up
// to a limit. No character of a name sorts behind 0x7e, so that 0x7f ends the
// prefix's range.
func listTail(deleting bool) string {
	condition := ""
	if deleting {
		condition = " AND status = 'DELETING'" // word for word the index's
	}
	return "WHERE name > ? AND name >= ? AND (? = '' OR name < ? || char(127))" + condition + " ORDER BY name LIMIT ?"
}

// Update implements store.Streams.
func (c *Control) Update(ctx context.Context, s millrace.Stream, was string) error {
	return c.write(ctx, "update stream", func(tx *sql.Tx) error {
		kept, err := active(ctx, tx, s.Key)
		if err != nil {
			return err
		}
		if kept.Version != was {
			return millrace.ErrConflict
		}
		kept.Version, kept.Retention, kept.Tier = s.Version, s.Retention, s.Tier
		kept.DeviceName, kept.MediaType = s.DeviceName, s.MediaType
		if s.KeptSince.After(kept.KeptSince) {
			kept.KeptSince = s.KeptSince
		}
		return streamsTable.put(ctx, tx, rowOf(kept))
	})
}

// BeginDelete implements store.Streams.
func (c *Control) BeginDelete(ctx context.Context, key millrace.StreamKey, was string) error {
	return c.write(ctx, "begin deletion", func(tx *sql.Tx) error {
		s, err := active(ctx, tx, key)
		if err != nil {
			return err
		}
		if was != "" && s.Version != was {
			return millrace.ErrConflict
		}
		s.Status = millrace.StatusDeleting
		return streamsTable.put(ctx, tx, rowOf(s))
	})
}

// FinishDelete implements store.Streams.
func (c *Control) FinishDelete(ctx context.Context, key millrace.StreamKey) error {
	return c.write(ctx, "finish deletion", func(tx *sql.Tx) error {
		s, err := keyed(ctx, tx, key)
		if errors.Is(err, millrace.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if s.Status != millrace.StatusDeleting {
			return millrace.ErrConflict
		}
		if err := removeTags(ctx, tx, key); err != nil {
			return err
		}
		if err := removeDocuments(ctx, tx, key); err != nil {
			return err
		}
		return streamsTable.remove(ctx, tx, int64(key.ID))
	})
}

// active returns a stream that is active. One that is not is ErrConflict.
func active(ctx context.Context, tx *sql.Tx, key millrace.StreamKey) (millrace.Stream, error) {
	s, err := keyed(ctx, tx, key)
	if err == nil && s.Status != millrace.StatusActive {
		return millrace.Stream{}, millrace.ErrConflict
	}
	return s, err
}

func keyed(ctx context.Context, tx *sql.Tx, key millrace.StreamKey) (millrace.Stream, error) {
	r, err := streamsTable.byKey(ctx, tx, int64(key.ID))
	if err != nil {
		return millrace.Stream{}, err
	}
	s, err := streamOf(r)
	if err == nil && s.Key != key {
		return millrace.Stream{}, millrace.ErrNotFound // another generation
	}
	return s, err
}
