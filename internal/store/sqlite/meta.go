package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/millrace/millrace"
)

// The names in the table meta that belong to this package. Names that callers
// choose are kept apart from them by a prefix.
const (
	metaEpoch  = "epoch"
	metaClock  = "clock_stamp_ms"
	metaChange = "document_revision" // the last that was given
	metaCaller = "kept:"             // of Keep
	metaNote   = "note:"             // of Remember
)

// NextEpoch implements store.Meta.
func (c *Control) NextEpoch(ctx context.Context, after uint32) (uint32, error) {
	var epoch int64
	err := c.write(ctx, "take epoch", func(tx *sql.Tx) error {
		last, err := number(ctx, tx, metaEpoch)
		if err != nil {
			return err
		}
		if last = max(last, int64(after)); last >= math.MaxUint32 {
			return errors.New("all epochs are used up")
		}
		epoch = last + 1
		return metaTable.put(ctx, tx, row{metaEpoch, epoch})
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
		ms, err := number(ctx, tx, metaClock)
		stamp = sinceOf(ms)
		return err
	})
	return stamp, err
}

// SetClockStamp implements store.Meta.
func (c *Control) SetClockStamp(ctx context.Context, t time.Time) error {
	return c.write(ctx, "keep clock stamp", func(tx *sql.Tx) error {
		last, err := number(ctx, tx, metaClock)
		if err != nil || t.UnixMilli() <= last {
			return err
		}
		return metaTable.put(ctx, tx, row{metaClock, t.UnixMilli()})
	})
}

// number returns a value that is a number, 0 if there is none.
func number(ctx context.Context, tx *sql.Tx, name string) (int64, error) {
	r, err := metaTable.byKey(ctx, tx, name)
	if errors.Is(err, millrace.ErrNotFound) {
		return 0, nil
	}
	v := values{table: metaTable, row: r, err: err}
	v.text()
	return v.number(), v.err
}

// Keep implements store.Meta.
func (c *Control) Keep(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	if fresh == nil {
		fresh = []byte{} // nil would be NULL
	}
	name = metaCaller + name
	var kept []byte
	err := c.write(ctx, "keep value", func(tx *sql.Tx) error {
		_, err := metaTable.byKey(ctx, tx, name)
		if errors.Is(err, millrace.ErrNotFound) {
			err = metaTable.put(ctx, tx, row{name, fresh})
		}
		if err != nil {
			return err
		}
		r, err := metaTable.byKey(ctx, tx, name)
		v := values{table: metaTable, row: r, err: err}
		v.text()
		kept = v.blob()
		return v.err
	})
	return kept, err
}

// Remember implements store.Meta.
func (c *Control) Remember(ctx context.Context, name string, value []byte) error {
	if value == nil {
		value = []byte{} // nil would be NULL
	}
	return c.write(ctx, "remember value", func(tx *sql.Tx) error {
		return metaTable.put(ctx, tx, row{metaNote + name, value})
	})
}

// Recall implements store.Meta.
func (c *Control) Recall(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := c.read(ctx, "recall value", func(tx *sql.Tx) error {
		r, err := metaTable.byKey(ctx, tx, metaNote+name)
		if errors.Is(err, millrace.ErrNotFound) {
			return nil
		}
		v := values{table: metaTable, row: r, err: err}
		v.text()
		value = v.blob()
		return v.err
	})
	return value, err
}
