package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store/sqlite"
)

// TestListsNeedNoSort: a page is read from an index, in its order, and the
// deletions under way without a look at the other streams.
func TestListsNeedNoSort(t *testing.T) {
	for deleting, want := range map[bool]string{true: "streams_deleting", false: "sqlite_autoindex_streams"} {
		path := filepath.Join(t.TempDir(), "control.db")
		open(t, path, sqlite.Options{})
		rows, err := raw(t, path).Query("EXPLAIN QUERY PLAN "+sqlite.ListQuery(deleting), "", "", "", "", 5)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var plan string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan += detail + "\n"
		}
		if !strings.Contains(plan, want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("plan: %s", plan)
		}
	}
}
