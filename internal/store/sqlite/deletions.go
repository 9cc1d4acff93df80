package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// AddDeletion implements store.Deletions.
func (c *Control) AddDeletion(ctx context.Context, d store.Deletion) (store.Deletion, error) {
	err := c.write(ctx, "keep deletion", func(tx *sql.Tx) error {
		if err := expectActive(ctx, tx, d.Stream); err != nil {
			return err
		}
		var last int64 // no record is ever removed
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM deletions").Scan(&last); err != nil {
			return err
		}
		d.ID = uint64(last + 1)
		r := deletionRow(d)
		var err error
		if d, err = deletionOf(r); err != nil {
			return err
		}
		return deletionsTable.put(ctx, tx, r)
	})
	if err != nil {
		return store.Deletion{}, err
	}
	return d, nil
}

// Deletions implements store.Deletions.
func (c *Control) Deletions(ctx context.Context, stream millrace.StreamKey, after uint64, limit int) ([]store.Deletion, error) {
	tail, args := deletionsTail(stream, after, limit)
	var list []store.Deletion
	err := c.read(ctx, "list deletions", func(tx *sql.Tx) error {
		last := after
		return deletionsTable.each(ctx, tx, tail, args, func(r row) error {
			d, err := deletionOf(r)
			if err != nil {
				return err
			}
			if d.ID <= last || stream != (millrace.StreamKey{}) && d.Stream != stream {
				return deletionsTable.corrupt(r, "is out of place")
			}
			last = d.ID
			list = append(list, d)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func deletionsTail(stream millrace.StreamKey, after uint64, limit int) (string, []any) {
	if limit <= 0 {
		limit = -1
	}
	if stream == (millrace.StreamKey{}) {
		return "WHERE id > ? ORDER BY id LIMIT ?", []any{int64(after), limit}
	}
	return "WHERE stream = ? AND generation = ? AND id > ? ORDER BY id LIMIT ?",
		[]any{int64(stream.ID), int64(stream.Generation), int64(after), limit}
}

// KeepSince implements store.Deletions.
func (c *Control) KeepSince(ctx context.Context, since map[millrace.StreamKey]time.Time) error {
	return c.write(ctx, "keep since", func(tx *sql.Tx) error {
		for key, at := range since {
			s, err := keyed(ctx, tx, key)
			if errors.Is(err, millrace.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if !at.After(s.KeptSince) {
				continue
			}
			s.KeptSince = at
			if err := streamsTable.put(ctx, tx, rowOf(s)); err != nil {
				return err
			}
		}
		return nil
	})
}

// The spellings of clocks.
const (
	serverClock   = "SERVER"
	producerClock = "PRODUCER"
)

func deletionRow(d store.Deletion) row {
	clock := serverClock
	if d.Clock == store.ProducerClock {
		clock = producerClock
	}
	return row{
		int64(d.ID), int64(d.Stream.ID), int64(d.Stream.Generation), clock, d.From.UnixMilli(), d.To.UnixMilli(),
		d.Last.String(), string(d.Name), d.At.UnixMilli(), d.By, d.Reason,
	}
}

// deletionOf is the reverse of deletionRow.
func deletionOf(r row) (store.Deletion, error) {
	v := values{table: deletionsTable, row: r}
	d := store.Deletion{ID: uint64(v.number())}
	d.Stream = millrace.StreamKey{ID: uint64(v.number()), Generation: uint32(v.number())}
	switch v.text() {
	case serverClock:
	case producerClock:
		d.Clock = store.ProducerClock
	default:
		v.fail(errors.New("no such clock"))
	}
	d.From, d.To = v.moment(), v.moment()
	var err error
	d.Last, err = millrace.ParseFragmentNumber(v.text())
	v.fail(err)
	d.Name, d.At = millrace.StreamName(v.text()), v.moment()
	d.By, d.Reason = v.text(), v.text()
	if v.err != nil {
		return store.Deletion{}, v.err
	}
	return d, nil
}
