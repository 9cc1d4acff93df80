package checkpoint_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/consumer/checkpoint/checkpointtest"
)

func TestMemory(t *testing.T) {
	t.Parallel() // most of it is waiting
	checkpointtest.Run(t, func(*testing.T) func() checkpoint.Store {
		m := new(checkpoint.Memory)
		return func() checkpoint.Store { return m }
	})
}

func TestFile(t *testing.T) {
	t.Parallel() // most of it is waiting
	checkpointtest.Run(t, func(t *testing.T) func() checkpoint.Store {
		path := filepath.Join(t.TempDir(), "positions")
		return func() checkpoint.Store { return openFile(t, path) }
	})
}

func openFile(t testing.TB, path string) *checkpoint.File {
	t.Helper()
	f, err := checkpoint.OpenFile(path)
	must(t, err)
	return f
}

func TestSQLite(t *testing.T) {
	t.Parallel() // most of it is waiting
	for name, connections := range map[string]int{"any connections": 0, "one connection": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkpointtest.Run(t, func(t *testing.T) func() checkpoint.Store {
				path := filepath.Join(t.TempDir(), "positions.db")
				return func() checkpoint.Store { return openSQLite(t, path, connections) }
			})
		})
	}
}

// openDB opens an SQLite database, which syncs nothing but its log's end.
func openDB(t testing.TB, path string, connections int) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	db.SetMaxOpenConns(connections)
	return db
}

func openSQLite(t testing.TB, path string, connections int) *checkpoint.SQL {
	t.Helper()
	s, err := checkpoint.OpenSQL(context.Background(), openDB(t, path, connections), checkpoint.SQLOptions{Dialect: checkpoint.SQLite})
	must(t, err)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
