package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
)

func TestATableIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "positions.db")
	k := checkpoint.Key{App: "plates", Stream: "gate"}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			s := openSQLite(t, path, 0)
			if err := s.Save(context.Background(), k, checkpoint.Record{Position: []byte(fmt.Sprint(n))}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if r, err := openSQLite(t, path, 1).Load(context.Background(), k); err != nil || len(r.Position) != 1 {
		t.Errorf("loaded %+v, %v", r, err)
	}
}

// A database whose user may read and write, and make nothing, is good enough
// once the table is there.
func TestATableThatIsThereNeedsNoRightToMakeOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "positions.db")
	openSQLite(t, path, 0)
	db := openDB(t, path, 1)
	_, err := db.Exec("PRAGMA query_only = 1")
	must(t, err)
	s, err := checkpoint.OpenSQL(context.Background(), db, checkpoint.SQLOptions{Dialect: checkpoint.SQLite})
	must(t, err)
	k := checkpoint.Key{App: "plates", Stream: "gate"}
	if _, err := s.Load(context.Background(), k); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("load: %v", err)
	}
	if err := s.Save(context.Background(), k, checkpoint.Record{}); err == nil || errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("save into what may not be written: %v", err)
	}
}

func TestTablesHaveNames(t *testing.T) {
	db, ctx := openDB(t, filepath.Join(t.TempDir(), "positions.db"), 1), context.Background()
	for _, name := range []string{"positions", "main.Positions_2", "_p"} {
		s, err := checkpoint.OpenSQL(ctx, db, checkpoint.SQLOptions{Dialect: checkpoint.SQLite, Table: name})
		must(t, err)
		must(t, s.Save(ctx, checkpoint.Key{App: "a", Stream: "b"}, checkpoint.Record{Position: []byte(name)}))
		var position string
		must(t, db.QueryRow("SELECT position FROM "+name).Scan(&position))
		if position != name {
			t.Errorf("%s has %q", name, position)
		}
	}
	for _, o := range []checkpoint.SQLOptions{
		{},
		{Dialect: 9},
		{Dialect: checkpoint.SQLite, Table: "a b"},
		{Dialect: checkpoint.SQLite, Table: "a.b.c"},
		{Dialect: checkpoint.PostgreSQL, Table: `x"; DROP TABLE y; --`},
		{Dialect: checkpoint.SQLite, Table: "2"},
	} {
		if _, err := checkpoint.OpenSQL(ctx, db, o); !errors.Is(err, checkpoint.ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// A table of the same name that is another is told of, and not touched.
func TestATableOfSomebodyElseIsLeftAlone(t *testing.T) {
	db, ctx := openDB(t, filepath.Join(t.TempDir(), "positions.db"), 1), context.Background()
	_, err := db.Exec("CREATE TABLE " + checkpoint.DefaultTable + " (stream TEXT, shoe_size INTEGER)")
	must(t, err)
	if _, err := checkpoint.OpenSQL(ctx, db, checkpoint.SQLOptions{Dialect: checkpoint.SQLite}); err == nil {
		t.Error("it was taken for ours")
	}
}

// A statement that meets a locked database fails, and is no answer.
func TestTroubleIsNoAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "positions.db")
	s, ctx := openSQLite(t, path, 1), context.Background()
	k := checkpoint.Key{App: "plates", Stream: "gate"}
	r, err := s.Acquire(ctx, k, "a", time.Hour)
	must(t, err)

	blocker := openDB(t, path, 1)
	_, err = blocker.Exec("BEGIN IMMEDIATE")
	must(t, err)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, acquired := s.Acquire(short, k, "b", time.Hour)
	saved := s.Save(short, k, checkpoint.Record{Position: []byte("x"), Owner: "a", Epoch: r.Epoch})
	for what, err := range map[string]error{"acquire": acquired, "save": saved} {
		if err == nil || errors.Is(err, checkpoint.ErrHeld) || errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("%s on a locked database: %v", what, err)
		}
	}
	_, err = blocker.Exec("ROLLBACK")
	must(t, err)
	must(t, s.Save(ctx, k, checkpoint.Record{Position: []byte("y"), Owner: "a", Epoch: r.Epoch}))
}
