package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Create implements store.Streams.
func (c *Control) Create(ctx context.Context, s millrace.Stream, tags map[string]string) (millrace.Stream, error) {
	err := c.write(ctx, "create stream", func(tx *sql.Tx) error {
		var taken bool
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM streams WHERE name = ?", string(s.Name)).Scan(&taken)
		if err != nil {
			return err
		}
		if taken {
			return millrace.ErrExists
		}
		if s, err = identity(ctx, tx, s); err != nil {
			return err
		}
		if err := insert(ctx, tx, s); err != nil {
			return err
		}
		return putTags(ctx, tx, s.Key, tags)
	})
	if err != nil {
		return millrace.Stream{}, err
	}
	return s, nil
}

// identity gives the stream its key and a creation time later than any before.
func identity(ctx context.Context, tx *sql.Tx, s millrace.Stream) (millrace.Stream, error) {
	var created int64
	err := tx.QueryRowContext(ctx, `
		INSERT INTO names (name, generation, created_ms) VALUES (?, 1, ?)
		ON CONFLICT (name) DO UPDATE SET
			generation = generation + 1,
			created_ms = max(excluded.created_ms, created_ms + 1)
		RETURNING id, generation, created_ms`,
		string(s.Name), s.Created.UnixMilli()).Scan(&s.Key.ID, &s.Key.Generation, &created)
	s.Created = time.UnixMilli(created).UTC()
	s.ARN.Name, s.ARN.Created = s.Name, s.Created
	return s, err
}

func insert(ctx context.Context, tx *sql.Tx, s millrace.Stream) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO streams (id, generation, name, arn, version, status, retention_hours, device_name, media_type, kms_key_id, tier)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.Key.ID, s.Key.Generation, string(s.Name), s.ARN.String(), s.Version, s.Status.String(),
		int64(s.Retention/time.Hour), s.DeviceName, s.MediaType, s.KMSKeyID, s.Tier.String())
	return err
}

// Stream implements store.Streams.
func (c *Control) Stream(ctx context.Context, name millrace.StreamName) (millrace.Stream, error) {
	var s millrace.Stream
	err := c.read(ctx, "read stream", func(tx *sql.Tx) (err error) {
		s, err = scan(tx.QueryRowContext(ctx, "SELECT "+columns+" FROM streams WHERE name = ?", string(name)))
		return err
	})
	return s, err
}

// List implements store.Streams.
func (c *Control) List(ctx context.Context, p store.Page) ([]millrace.Stream, error) {
	limit := -1
	if p.Limit > 0 {
		limit = p.Limit
	}
	var list []millrace.Stream
	err := c.read(ctx, "list streams", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, listQuery(p.Deleting), string(p.After), p.Prefix, p.Prefix, p.Prefix, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			s, err := scan(rows)
			if err != nil {
				return err
			}
			list = append(list, s)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// listQuery selects a page: after a name, with a prefix (given three times), up
// to a limit. No character of a name sorts behind 0x7e, so that 0x7f ends the
// prefix's range.
func listQuery(deleting bool) string {
	condition := ""
	if deleting {
		condition = " AND status = 'DELETING'" // word for word the index's
	}
	return "SELECT " + columns + ` FROM streams
		WHERE name > ? AND name >= ? AND (? = '' OR name < ? || char(127))` + condition + " ORDER BY name LIMIT ?"
}

// Update implements store.Streams.
func (c *Control) Update(ctx context.Context, s millrace.Stream, was string) error {
	return c.write(ctx, "update stream", func(tx *sql.Tx) error {
		version, err := active(ctx, tx, s.Key)
		if err != nil {
			return err
		}
		if version != was {
			return millrace.ErrConflict
		}
		_, err = tx.ExecContext(ctx,
			"UPDATE streams SET version = ?, retention_hours = ?, device_name = ?, media_type = ?, tier = ? WHERE id = ?",
			s.Version, int64(s.Retention/time.Hour), s.DeviceName, s.MediaType, s.Tier.String(), s.Key.ID)
		return err
	})
}

// BeginDelete implements store.Streams.
func (c *Control) BeginDelete(ctx context.Context, key millrace.StreamKey, was string) error {
	return c.write(ctx, "begin deletion", func(tx *sql.Tx) error {
		version, err := active(ctx, tx, key)
		if err != nil {
			return err
		}
		if was != "" && version != was {
			return millrace.ErrConflict
		}
		_, err = tx.ExecContext(ctx, "UPDATE streams SET status = 'DELETING' WHERE id = ?", key.ID)
		return err
	})
}

// FinishDelete implements store.Streams.
func (c *Control) FinishDelete(ctx context.Context, key millrace.StreamKey) error {
	return c.write(ctx, "finish deletion", func(tx *sql.Tx) error {
		_, status, err := state(ctx, tx, key)
		if errors.Is(err, millrace.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if status != millrace.StatusDeleting {
			return millrace.ErrConflict
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM streams WHERE id = ?", key.ID) // its tags go with it
		return err
	})
}

// active returns the version of a stream that is active.
func active(ctx context.Context, tx *sql.Tx, key millrace.StreamKey) (version string, err error) {
	version, status, err := state(ctx, tx, key)
	if err == nil && status != millrace.StatusActive {
		return "", millrace.ErrConflict
	}
	return version, err
}

func state(ctx context.Context, tx *sql.Tx, key millrace.StreamKey) (version string, status millrace.Status, err error) {
	var text string
	err = tx.QueryRowContext(ctx, "SELECT version, status FROM streams WHERE id = ? AND generation = ?",
		key.ID, key.Generation).Scan(&version, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", 0, millrace.ErrNotFound
	}
	if err != nil {
		return "", 0, err
	}
	status, err = parseStatus(text)
	return version, status, err
}

func parseStatus(text string) (millrace.Status, error) {
	for s := millrace.StatusActive; s <= millrace.StatusDeleting; s++ {
		if s.String() == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("stream status %q: %w", text, millrace.ErrCorrupt)
}
