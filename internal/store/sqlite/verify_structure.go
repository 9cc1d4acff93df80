package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"

	"github.com/millrace/millrace"
)

// headerFields are the bytes of the file's first page that are always the
// same, and that SQLite itself does not insist on: in "Database File Format",
// section 1.3.
var headerFields = [...]struct {
	at   int
	want string
	what string
}{
	{0, "SQLite format 3\x00", "magic"},
	{18, "\x02\x02", "file format versions"},
	{20, "\x00", "reserved space"},
	{21, "\x40\x20\x20", "payload fractions"},
	{44, "\x00\x00\x00\x04", "schema format"},
	{48, "\x00\x00\x00\x00", "cache size"},
	{52, "\x00\x00\x00\x00", "auto-vacuum"},
	{56, "\x00\x00\x00\x01", "text encoding"},
	{60, "\x00\x00\x00\x00", "user version"},
	{64, "\x00\x00\x00\x00", "incremental vacuum"},
	{68, "\x4d\x6c\x72\x63", "application id"},
	{72, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "reserved bytes"},
}

// The fields of the header that must agree with something else.
const (
	headerSize     = 100
	headerPageSize = 16
	headerChange   = 24
	headerPages    = 28
	headerValidFor = 92
)

func (r *ControlReport) verifyHeader(ctx context.Context, tx *sql.Tx) error {
	var page []byte
	var pages uint32
	if err := tx.QueryRowContext(ctx, "SELECT data FROM sqlite_dbpage WHERE pgno = 1").Scan(&page); err != nil {
		return fmt.Errorf("file header: %w", err)
	}
	if err := tx.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return fmt.Errorf("file header: %w", err)
	}
	if len(page) < headerSize {
		return fmt.Errorf("file header: %w", millrace.ErrCorrupt)
	}
	for _, f := range headerFields {
		if got := page[f.at : f.at+len(f.want)]; string(got) != f.want {
			r.fault("file header: %s is %x, and should be %x", f.what, got, f.want)
		}
	}
	if size := int(binary.BigEndian.Uint16(page[headerPageSize:])); size != len(page) && (size != 1 || len(page) != 1<<16) {
		r.fault("file header: page size is %d, and should be %d", size, len(page))
	}
	if n := binary.BigEndian.Uint32(page[headerPages:]); n != pages {
		r.fault("file header: the file has %d pages, and should have %d", pages, n)
	}
	if !bytes.Equal(page[headerChange:headerChange+4], page[headerValidFor:headerValidFor+4]) {
		r.fault("file header: change counter and version-valid-for differ")
	}
	return nil
}

// verifyStructure asks SQLite: whether every page is used once, every tree in
// order, every row in its indexes and of its types, and every reference met.
func (r *ControlReport) verifyStructure(ctx context.Context, tx *sql.Tx) error {
	if err := r.pragma(ctx, tx, fmt.Sprintf("integrity_check(%d)", maxFaults)); err != nil {
		return err
	}
	return r.pragma(ctx, tx, "foreign_key_check")
}

func (r *ControlReport) pragma(ctx context.Context, tx *sql.Tx, check string) error {
	rows, err := tx.QueryContext(ctx, "PRAGMA "+check)
	if err != nil {
		return fmt.Errorf("structure: %w", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("structure: %w", err)
	}
	for rows.Next() {
		found, err := scanRow(rows, len(columns))
		if err != nil {
			return fmt.Errorf("structure: %w", err)
		}
		if len(found) > 1 {
			r.fault("structure: row %v of table %v refers to none of table %v", found[1], found[0], found[2])
		} else if found[0] != "ok" {
			r.fault("structure: %v", found[0])
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("structure: %w", err)
	}
	return nil
}

// verifySchema compares the schema, word for word, with the one that the steps
// make.
func (r *ControlReport) verifySchema(ctx context.Context, tx *sql.Tx) error {
	want, err := schemaOf(ctx, r.Schema)
	if err != nil {
		return err
	}
	got, err := readSchema(ctx, tx)
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	for name, text := range got {
		if want[name] != text {
			r.fault("schema: %s is %q, and should be %q", name, text, want[name])
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			r.fault("schema: %s is missing", name)
		}
	}
	return nil
}

// schemaOf makes a database of a schema version in memory and reads its schema.
func schemaOf(ctx context.Context, version int) (map[string]string, error) {
	db, err := openURI("file::memory:")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for from := range version {
		if err := controlKind().apply(ctx, db, from); err != nil {
			return nil, err
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // there is nothing to commit
	return readSchema(ctx, tx)
}

// readSchema returns what defines tables and indexes by their names, with the
// versions. The table from which schema 1 numbered names is in use no more,
// and may be there or not.
func readSchema(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT type || ' ' || name, tbl_name || ': ' || coalesce(sql, '') FROM sqlite_schema
		WHERE name != 'sqlite_sequence'
		UNION ALL SELECT 'version ' || version, '' FROM schema_version`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	schema := map[string]string{}
	for rows.Next() {
		found, err := scanRow(rows, 2)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprint(found[0])
		if _, twice := schema[name]; twice {
			name += ", again"
		}
		schema[name] = fmt.Sprint(found[1])
	}
	return schema, rows.Err()
}
