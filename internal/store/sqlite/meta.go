package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"
)

// The names in the table meta that belong to this package. Names that callers
// of Keep choose are kept apart from them by a prefix.
const (
	metaEpoch  = "epoch"
	metaClock  = "clock_stamp_ms"
	metaCaller = "kept:"
)

// NextEpoch implements store.Meta.
func (c *Control) NextEpoch(ctx context.Context) (uint32, error) {
	var epoch int64
	err := c.write(ctx, "take epoch", func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `
			INSERT INTO meta (name, value) VALUES (?, 1)
			ON CONFLICT (name) DO UPDATE SET value = value + 1
			RETURNING value`, metaEpoch).Scan(&epoch)
		if err == nil && epoch > math.MaxUint32 {
			return errors.New("all epochs are used up")
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return uint32(epoch), nil
}

// ClockStamp implements store.Meta.
func (c *Control) ClockStamp(ctx context.Context) (time.Time, error) {
	var stamp time.Time
	err := c.read(ctx, "read clock stamp", func(tx *sql.Tx) error {
		var ms int64
		err := tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ?", metaClock).Scan(&ms)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		stamp = time.UnixMilli(ms).UTC()
		return err
	})
	return stamp, err
}

// SetClockStamp implements store.Meta.
func (c *Control) SetClockStamp(ctx context.Context, t time.Time) error {
	return c.write(ctx, "keep clock stamp", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO meta (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`, metaClock, t.UnixMilli())
		return err
	})
}

// Keep implements store.Meta.
func (c *Control) Keep(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	if fresh == nil {
		fresh = []byte{} // nil would be NULL
	}
	var kept []byte
	err := c.write(ctx, "keep value", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
			metaCaller+name, fresh)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ?", metaCaller+name).Scan(&kept)
	})
	return kept, err
}
