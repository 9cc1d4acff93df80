package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/millrace/millrace"
)

// maxFaults bounds the memory that the report of a wrecked file takes.
const maxFaults = 100

// A ControlReport is what VerifyControl found.
type ControlReport struct {
	Schema int            // version of the file's schema
	Rows   map[string]int // rows of each table that were read and verified
	Faults []string       // what is wrong, one line each, at most 100
	More   int            // faults that found no room in Faults
}

// OK says that nothing is wrong.
func (r *ControlReport) OK() bool { return len(r.Faults) == 0 }

func (r *ControlReport) fault(format string, args ...any) {
	if len(r.Faults) == maxFaults {
		r.More++
		return
	}
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// VerifyControl reads the whole control database at path and compares whatever
// can be compared: the log's frames, the file's header, SQLite's own structure,
// the schema, the checksum and the sense of every row, the tallies, and what
// the tables say of one another. It changes nothing, neither in the file nor
// beside it, and works beside a server that uses the file; then it sees what
// had been committed when it began.
//
// The error is nil if the file could be judged, whatever the judgement. A file
// of a newer release is a *VersionError; of an older one, which has no
// checksums, the structure alone is verified.
func VerifyControl(ctx context.Context, path string) (ControlReport, error) {
	r := ControlReport{Rows: map[string]int{}}
	err := r.verifyFiles(ctx, path)
	if damage(err) {
		r.fault("%v", err)
		err = nil
	}
	if err != nil {
		return r, fmt.Errorf("verify control database: %w", err)
	}
	return r, nil
}

// damage says that an error is about what the file holds, and not about
// reaching it.
func damage(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_ERROR, lib.SQLITE_FORMAT:
			return true
		case lib.SQLITE_IOERR:
			return e.Code() == lib.SQLITE_IOERR_SHORT_READ
		}
	}
	return errors.Is(err, millrace.ErrCorrupt)
}

func (r *ControlReport) verifyFiles(ctx context.Context, path string) error {
	if err := checkLog(path + "-wal"); err != nil {
		if !damage(err) {
			return err
		}
		r.fault("%v", err)
	}
	db, done, err := openStill(path)
	if err != nil {
		return err
	}
	defer done()
	if err := controlKind().identify(ctx, db, path); err != nil {
		return err
	}
	if err := controlKind().refuseNewer(ctx, db, path); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() // there is nothing to commit
	return r.verify(ctx, tx)
}

// expectWhole fails with ErrCorrupt if streams or deletions are missing, or
// could not be found. The media of a stream that is not listed are dropped, and
// what no deletion covers is served: so this is made sure of before anybody
// looks.
func expectWhole(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return classify(err)
	}
	defer tx.Rollback() // there is nothing to commit
	r := ControlReport{Rows: map[string]int{}}
	for _, t := range []table{namesTable, streamsTable, deletionsTable} {
		err := r.pragma(ctx, tx, fmt.Sprintf("integrity_check(%s)", t))
		if err == nil {
			err = r.verifyTable(ctx, tx, t)
		}
		if err != nil {
			return classify(err)
		}
	}
	if !r.OK() {
		return fmt.Errorf("%s: %w (millrace verify lists all that is wrong)", r.Faults[0], millrace.ErrCorrupt)
	}
	return nil
}

// verify goes through the parts of one state of the file. Damage in one does
// not keep it from the next.
func (r *ControlReport) verify(ctx context.Context, tx *sql.Tx) error {
	version, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if version == 0 {
		r.fault("there is no control state in the file")
		return nil
	}
	r.Schema = version
	parts := []func(context.Context, *sql.Tx) error{r.verifyHeader, r.verifyStructure, r.verifySchema}
	if version == len(controlKind().steps) {
		for t := range table(len(layouts)) {
			parts = append(parts, func(ctx context.Context, tx *sql.Tx) error { return r.verifyTable(ctx, tx, t) })
		}
		parts = append(parts, r.verifyRelations)
	}
	for _, part := range parts {
		err := part(ctx, tx)
		if err != nil && !damage(err) {
			return err
		}
		if err != nil {
			r.fault("%v", err)
		}
	}
	return nil
}

// verifyTable reads every row of a table and compares what they come to.
func (r *ControlReport) verifyTable(ctx context.Context, tx *sql.Tx, t table) error {
	var sum tally
	rows, err := tx.QueryContext(ctx, t.selection(""))
	if err != nil {
		return fmt.Errorf("table %s: %w", t, err)
	}
	defer rows.Close()
	for rows.Next() {
		kept, err := scanRow(rows, len(t.columns())+1)
		if err != nil {
			return err
		}
		values, err := t.verify(kept)
		if err == nil {
			err = t.sense(values)
		}
		if err != nil {
			r.fault("%v", err)
			continue
		}
		sum.add(t, values, 1)
		r.Rows[t.String()]++
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("table %s: %w", t, err)
	}
	if t == talliesTable {
		return nil
	}
	want, err := t.tally(ctx, tx)
	if err == nil && want != sum {
		r.fault("table %s has %d rows that come to %#x, and should have %d that come to %#x", t, sum.rows, sum.total, want.rows, want.total)
	}
	return err
}

// sense checks that a row that was kept as it was written can be read.
func (t table) sense(r row) error {
	var err error
	switch t {
	case streamsTable:
		_, err = streamOf(r)
	case deletionsTable:
		_, err = deletionOf(r)
	case documentsTable:
		_, err = documentOf(r)
	}
	return err
}
