package sqlite

import (
	"context"
	"database/sql"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// SetTags implements store.Tags.
func (c *Control) SetTags(ctx context.Context, key millrace.StreamKey, tags map[string]string, most int) error {
	return c.write(ctx, "set tags", func(tx *sql.Tx) error {
		if err := expectTagged(ctx, tx, key); err != nil {
			return err
		}
		if err := putTags(ctx, tx, key, tags); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM tags WHERE stream = ?", key.ID).Scan(&n); err != nil {
			return err
		}
		if n > most {
			return store.ErrLimit // which undoes it
		}
		return nil
	})
}

// DeleteTags implements store.Tags.
func (c *Control) DeleteTags(ctx context.Context, key millrace.StreamKey, names []string) error {
	return c.write(ctx, "delete tags", func(tx *sql.Tx) error {
		if err := expectTagged(ctx, tx, key); err != nil {
			return err
		}
		for _, name := range names {
			if _, err := tx.ExecContext(ctx, "DELETE FROM tags WHERE stream = ? AND name = ?", key.ID, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tags implements store.Tags.
func (c *Control) Tags(ctx context.Context, key millrace.StreamKey) (map[string]string, error) {
	tags := map[string]string{}
	err := c.read(ctx, "read tags", func(tx *sql.Tx) error {
		if err := expectTagged(ctx, tx, key); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT name, value FROM tags WHERE stream = ?", key.ID)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name, value string
			if err := rows.Scan(&name, &value); err != nil {
				return err
			}
			tags[name] = value
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return tags, nil
}

// expectTagged fails unless the stream is there and active.
func expectTagged(ctx context.Context, tx *sql.Tx, key millrace.StreamKey) error {
	_, status, err := state(ctx, tx, key)
	if err == nil && status != millrace.StatusActive {
		return millrace.ErrNotFound
	}
	return err
}

func putTags(ctx context.Context, tx *sql.Tx, key millrace.StreamKey, tags map[string]string) error {
	for name, value := range tags {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO tags (stream, name, value) VALUES (?, ?, ?)
			ON CONFLICT (stream, name) DO UPDATE SET value = excluded.value`, key.ID, name, value)
		if err != nil {
			return err
		}
	}
	return nil
}
