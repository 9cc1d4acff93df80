package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
)

//go:embed schema_1.sql
var schema1 string

//go:embed schema_2.sql
var schema2 string

//go:embed schema_3.sql
var schema3 string

// A step changes the schema within a transaction.
type step func(ctx context.Context, tx *sql.Tx) error

// A VersionError says that a file was written by a newer release, which knows
// more than this one. Nothing that the file says was changed.
type VersionError struct {
	Path   string
	Found  int    // version of the file
	Known  int    // newest version that this release can read
	Remedy string // what can be done
}

// Error names both versions and the way out.
func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has schema version %d, and this release knows versions up to %d: %s",
		e.Path, e.Found, e.Known, e.Remedy)
}

// identify refuses a file that is not ours. It changes nothing.
func (k kind) identify(ctx context.Context, db *sql.DB, path string) error {
	var id, tables int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return classify(err)
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return classify(err)
	}
	if id != k.application && (id != 0 || tables > 0) {
		return fmt.Errorf("%s is an SQLite database, but not %s of Millrace", path, k.name)
	}
	return nil
}

// refuseNewer refuses a file of a newer release. It changes nothing.
func (k kind) refuseNewer(ctx context.Context, db *sql.DB, path string) error {
	version, err := schemaVersion(ctx, db)
	if known := len(k.steps); err == nil && version > known {
		return &VersionError{Path: path, Found: version, Known: known, Remedy: k.remedy}
	}
	return err
}

// migrate brings the schema to the newest version.
func (k kind) migrate(ctx context.Context, db *sql.DB, path string) error {
	version, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	for version < len(k.steps) {
		if err := k.apply(ctx, db, version); err != nil {
			return fmt.Errorf("bring %s to schema version %d: %w", path, version+1, err)
		}
		version++
	}
	return nil
}

// schemaVersion is 0 for a file without tables.
func schemaVersion(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
},
) (int, error) {
	var exists bool
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'").Scan(&exists)
	if err != nil || !exists {
		return 0, classify(err)
	}
	var version int
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&version)
	return version, classify(err)
}

func (k kind) apply(ctx context.Context, db *sql.DB, from int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return classify(err)
	}
	defer tx.Rollback() // after a commit it does nothing
	if from == 0 {
		first := fmt.Sprintf("PRAGMA application_id = %d; CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;", k.application)
		if _, err := tx.ExecContext(ctx, first); err != nil {
			return classify(err)
		}
	}
	if err := k.steps[from](ctx, tx); err != nil {
		return classify(err)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO schema_version (version) VALUES (?)", from+1); err != nil {
		return classify(err)
	}
	return classify(tx.Commit())
}
