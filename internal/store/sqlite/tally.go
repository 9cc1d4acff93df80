package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/millrace/millrace"
)

// A tally is what all rows of a table come to. It changes in the transaction
// that changes the table, so that a row that was lost without a trace, or that
// came back, is noticed.
type tally struct {
	rows  int64
	total uint32 // of the rows' checksums, modulo 2^32
}

// add counts a row in, and with a times of -1 out again.
func (y *tally) add(t table, r row, times int64) {
	y.rows += times
	y.total += uint32(times) * sumOf(t.String(), r)
}

// count takes a change of one row into the table's tally. Nil is no row.
func (t table) count(ctx context.Context, tx *sql.Tx, old, fresh row) error {
	if t == talliesTable {
		return nil // these are known by their names
	}
	y, err := t.tally(ctx, tx)
	if err != nil {
		return err
	}
	if old != nil {
		y.add(t, old, -1)
	}
	if fresh != nil {
		y.add(t, fresh, 1)
	}
	return talliesTable.put(ctx, tx, row{t.String(), y.rows, int64(y.total)})
}

// tally returns the kept tally of a table. It is never missing.
func (t table) tally(ctx context.Context, tx *sql.Tx) (tally, error) {
	r, err := talliesTable.byKey(ctx, tx, t.String())
	if errors.Is(err, millrace.ErrNotFound) {
		err = talliesTable.corrupt(row{t.String()}, "is missing")
	}
	v := values{table: talliesTable, row: r, err: err}
	v.text()
	return tally{rows: v.number(), total: uint32(v.number())}, v.err
}

// startTallies makes the tallies of empty tables.
func startTallies(ctx context.Context, tx *sql.Tx) error {
	for t := range talliesTable {
		if err := talliesTable.put(ctx, tx, row{t.String(), int64(0), int64(0)}); err != nil {
			return err
		}
	}
	return nil
}
