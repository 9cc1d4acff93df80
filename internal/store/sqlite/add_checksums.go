package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// oldTables are the tables of schema 1 with what is read of them, children
// before parents, and what stands in for the columns that they lacked.
var oldTables = [...]struct {
	table   table
	columns string
}{
	{tagsTable, "stream, name, value"},
	{streamsTable, "id, generation, name, arn, version, status, retention_hours, device_name, media_type, kms_key_id, tier, 0"},
	{namesTable, "id, name, generation, created_ms"},
	{metaTable, "name, value"},
}

// addChecksums is the step to schema 2. It takes the rows of all tables into
// memory, makes the tables anew and puts the rows back, in one transaction:
// after a crash the file is as it was, or as it shall be.
func addChecksums(ctx context.Context, tx *sql.Tx) error {
	var kept [len(oldTables)][]row
	for i, old := range oldTables {
		var err error
		if kept[i], err = oldRows(ctx, tx, old.table, old.columns); err != nil {
			return fmt.Errorf("read %s: %w", old.table, err)
		}
		if _, err := tx.ExecContext(ctx, "DROP TABLE "+old.table.String()); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, schema2); err != nil {
		return err
	}
	if err := startTallies(ctx, tx); err != nil {
		return err
	}
	for i := len(kept) - 1; i >= 0; i-- { // parents first
		for _, r := range kept[i] {
			if err := oldTables[i].table.put(ctx, tx, r); err != nil {
				return fmt.Errorf("keep %s: %w", oldTables[i].table, err)
			}
		}
	}
	return nil
}

func oldRows(ctx context.Context, tx *sql.Tx, t table, columns string) ([]row, error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+columns+" FROM "+t.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []row
	for rows.Next() {
		r, err := scanRow(rows, len(t.columns()))
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
