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
