package sqlite

import "testing"

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

// LoseSync does what a sync that failed does.
func (x *Index) LoseSync() { x.file.lost.Store(true) }

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
