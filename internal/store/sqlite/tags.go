package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// SetTags implements store.Tags.
func (c *Control) SetTags(ctx context.Context, key millrace.StreamKey, tags map[string]string, most int) error {
	return c.write(ctx, "set tags", func(tx *sql.Tx) error {
		if err := expectActive(ctx, tx, key); err != nil {
			return err
		}
		if err := putTags(ctx, tx, key, tags); err != nil {
			return err
		}
		all, err := tagsOf(ctx, tx, key)
		if err == nil && len(all) > most {
			return store.ErrLimit // which undoes it
		}
		return err
	})
}

// DeleteTags implements store.Tags.
func (c *Control) DeleteTags(ctx context.Context, key millrace.StreamKey, names []string) error {
	return c.write(ctx, "delete tags", func(tx *sql.Tx) error {
		if err := expectActive(ctx, tx, key); err != nil {
			return err
		}
		for _, name := range names {
			if err := tagsTable.remove(ctx, tx, int64(key.ID), name); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tags implements store.Tags.
func (c *Control) Tags(ctx context.Context, key millrace.StreamKey) (map[string]string, error) {
	var tags map[string]string
	err := c.read(ctx, "read tags", func(tx *sql.Tx) error {
		err := expectActive(ctx, tx, key)
		if err == nil {
			tags, err = tagsOf(ctx, tx, key)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return tags, nil
}

// tagsOf returns all tags of a stream.
func tagsOf(ctx context.Context, tx *sql.Tx, key millrace.StreamKey) (map[string]string, error) {
	tags := map[string]string{}
	err := tagsTable.each(ctx, tx, "WHERE stream = ?", []any{int64(key.ID)}, func(r row) error {
		v := values{table: tagsTable, row: r}
		v.number()
		name := v.text()
		tags[name] = v.text()
		return errors.Join(v.err, tagsTable.expect(r, 0, int64(key.ID)))
	})
	return tags, err
}

// expectActive fails unless the stream is there and active.
func expectActive(ctx context.Context, tx *sql.Tx, key millrace.StreamKey) error {
	_, err := active(ctx, tx, key)
	if errors.Is(err, millrace.ErrConflict) {
		return millrace.ErrNotFound
	}
	return err
}

func putTags(ctx context.Context, tx *sql.Tx, key millrace.StreamKey, tags map[string]string) error {
	for name, value := range tags {
		if err := tagsTable.put(ctx, tx, row{int64(key.ID), name, value}); err != nil {
			return err
		}
	}
	return nil
}

// removeTags forgets all tags of a stream.
func removeTags(ctx context.Context, tx *sql.Tx, key millrace.StreamKey) error {
	tags, err := tagsOf(ctx, tx, key)
	if err != nil {
		return err
	}
	for name := range tags {
		if err := tagsTable.remove(ctx, tx, int64(key.ID), name); err != nil {
			return err
		}
	}
	return nil
}
