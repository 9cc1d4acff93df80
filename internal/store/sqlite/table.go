package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace"
)

// A table is a kind of row that carries a checksum. All reading and writing of
// rows goes through it: what it returns was verified, and what it writes
// verifies.
type table uint8

const (
	namesTable table = iota
	streamsTable
	tagsTable
	metaTable
	deletionsTable
	documentsTable
	talliesTable
)

// A layout is a table's name and its columns, but for the last one, sum. The
// first columns are the key.
type layout struct {
	name    string
	key     int
	columns string
}

var layouts = [...]layout{
	namesTable: {"names", 1, "id, name, generation, created_ms"},
	streamsTable: {"streams", 1, "id, generation, name, arn, version, status, retention_hours, " +
		"device_name, media_type, kms_key_id, tier, kept_since_ms"},
	tagsTable:      {"tags", 2, "stream, name, value"},
	metaTable:      {"meta", 1, "name, value"},
	deletionsTable: {"deletions", 1, "id, stream, generation, clock, from_ms, to_ms, last, name, at_ms, by_key, reason"},
	documentsTable: {"documents", 2, "kind, name, stream, generation, revision, value"},
	talliesTable:   {"tallies", 1, "name, rows, total"},
}

func (t table) String() string { return layouts[t].name }

func (t table) columns() []string { return strings.Split(layouts[t].columns, ", ") }

// selection reads whole rows; tail is what follows the table's name.
func (t table) selection(tail string) string {
	return "SELECT " + layouts[t].columns + ", sum FROM " + layouts[t].name + " " + tail
}

// each calls visit with the rows that a query selects, in its order. It ends
// with the first error, which is ErrCorrupt for a row that does not verify.
func (t table) each(ctx context.Context, tx *sql.Tx, tail string, args []any, visit func(row) error) error {
	rows, err := tx.QueryContext(ctx, t.selection(tail), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRow(rows, len(t.columns())+1)
		if err == nil {
			r, err = t.verify(r)
		}
		if err == nil {
			err = visit(r)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

// one returns the only row that a query selects. None is ErrNotFound.
func (t table) one(ctx context.Context, tx *sql.Tx, tail string, args ...any) (row, error) {
	var found row
	err := t.each(ctx, tx, tail, args, func(r row) error {
		found = r
		return nil
	})
	if err == nil && found == nil {
		err = millrace.ErrNotFound
	}
	return found, err
}

// byKey returns the row with a key. None is ErrNotFound.
func (t table) byKey(ctx context.Context, tx *sql.Tx, key ...any) (row, error) {
	r, err := t.one(ctx, tx, t.whereKey(), key...)
	if err != nil {
		return nil, err
	}
	return r, t.expect(r, 0, key...)
}

// expect fails if a row is not the one that was asked for by the columns from
// one on: then the index that led to it is damaged.
func (t table) expect(r row, from int, want ...any) error {
	for i, w := range want {
		if string(appendValue(nil, r[from+i])) != string(appendValue(nil, w)) {
			return t.corrupt(r, "is found under another's key")
		}
	}
	return nil
}

func (t table) whereKey() string {
	return "WHERE " + strings.Join(t.columns()[:layouts[t].key], " = ? AND ") + " = ?"
}

// scanRow takes a row as SQLite has it, whatever the types.
func scanRow(rows *sql.Rows, columns int) (row, error) {
	r := make(row, columns)
	targets := make([]any, columns)
	for i := range r {
		targets[i] = &r[i]
	}
	err := rows.Scan(targets...)
	for i, value := range r {
		if b, ok := value.([]byte); ok && b == nil {
			r[i] = []byte{} // the driver's empty blob, which it would write as NULL
		}
	}
	return r, err
}

// verify splits the checksum off a row, and compares.
func (t table) verify(kept row) (row, error) {
	r, last := kept[:len(kept)-1], kept[len(kept)-1]
	if sum, ok := last.(int64); !ok || sum != int64(sumOf(t.String(), r)) {
		return nil, t.corrupt(r, "does not match its checksum")
	}
	return r, nil
}

// corrupt says what is wrong with a row.
func (t table) corrupt(r row, what string) error {
	return fmt.Errorf("row %s of table %s %s: %w", t.nameOf(r), t, what, millrace.ErrCorrupt)
}

// nameOf writes a row's key for people.
func (t table) nameOf(r row) string {
	var key []string
	for _, value := range r[:layouts[t].key] {
		key = append(key, fmt.Sprintf("%.300q", fmt.Sprint(value)))
	}
	return strings.Join(key, "/")
}

// put keeps a row in place of the one with the same key, if there is one.
func (t table) put(ctx context.Context, tx *sql.Tx, r row) error {
	old, err := t.byKey(ctx, tx, r[:layouts[t].key]...)
	if err != nil && !errors.Is(err, millrace.ErrNotFound) {
		return err
	}
	if _, err := tx.ExecContext(ctx, t.upsert(), append(slices.Clone(r), int64(sumOf(t.String(), r)))...); err != nil {
		return err
	}
	return t.count(ctx, tx, old, r)
}

func (t table) upsert() string {
	columns := append(t.columns(), "sum")
	set := make([]string, 0, len(columns))
	for _, c := range columns[layouts[t].key:] {
		set = append(set, c+" = excluded."+c)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s) ON CONFLICT (%s) DO UPDATE SET %s",
		layouts[t].name, strings.Join(columns, ", "), strings.Repeat(", ?", len(columns)-1),
		strings.Join(columns[:layouts[t].key], ", "), strings.Join(set, ", "))
}

// remove forgets the row with a key, if there is one.
func (t table) remove(ctx context.Context, tx *sql.Tx, key ...any) error {
	old, err := t.byKey(ctx, tx, key...)
	if errors.Is(err, millrace.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM "+layouts[t].name+" "+t.whereKey(), key...); err != nil {
		return err
	}
	return t.count(ctx, tx, old, nil)
}
