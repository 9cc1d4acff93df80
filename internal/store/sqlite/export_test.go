package sqlite

import (
	"context"
	"database/sql"
	"testing"
)

// WriterPragma reads a setting of the writing connection.
func (c *Control) WriterPragma(t *testing.T, name string) string {
	t.Helper()
	var value string
	if err := c.writer.QueryRow("PRAGMA " + name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// ListQuery is the query of List.
func ListQuery(deleting bool) string { return streamsTable.selection(listTail(deleting)) }

// WriterPragma reads a setting of the writing connection.
func (x *Index) WriterPragma(t *testing.T, name string) string {
	t.Helper()
	return (&Control{pools: x.file.pools}).WriterPragma(t, name)
}

// LoseSync does what a sync that fails with err does, and returns its outcome.
func (x *Index) LoseSync(err error) error { return x.file.judge(0, err) }

// FindKinds is how many queries Find has.
const FindKinds = findKinds

// FindQuery is one of the queries of Find.
func FindQuery(kind int) string { return findQuery(findKind(kind)) }

// SyncFolder makes durable which files a folder has.
func SyncFolder(path string) error { return syncFolder(path) }

// RemoveFiles removes files of an index at path.
func RemoveFiles(path string, suffixes ...string) error {
	return (&Index{path: path}).removeFiles(suffixes...)
}

// Write makes a change of meta, and calls then before it is committed.
func (c *Control) Write(ctx context.Context, then func()) error {
	return c.write(ctx, "test", func(tx *sql.Tx) error {
		defer then()
		return metaTable.put(ctx, tx, row{metaNote + "test", []byte("x")})
	})
}
