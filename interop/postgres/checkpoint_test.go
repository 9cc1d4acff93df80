//go:build interop

package postgres

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/consumer/checkpoint/checkpointtest"
)

func TestCheckpoints(t *testing.T) {
	s := startServer(t)
	t.Run("the suite", func(t *testing.T) { conforms(t, s) })
	t.Run("a table is made once", func(t *testing.T) { madeOnce(t, s) })
	t.Run("a table that is there needs no right to make one", func(t *testing.T) { needsNoRight(t, s) })
	t.Run("a crash of the server loses nothing that was saved", func(t *testing.T) { survives(t, s) })
}

func open(t testing.TB, s *server, user, table string) *checkpoint.SQL {
	t.Helper()
	c, err := checkpoint.OpenSQL(background(), s.open(t, user), checkpoint.SQLOptions{Dialect: checkpoint.PostgreSQL, Table: table})
	must(t, err)
	return c
}

func conforms(t *testing.T, s *server) {
	var tables counter
	checkpointtest.Run(t, func(t *testing.T) func() checkpoint.Store {
		table := tables.next()
		return func() checkpoint.Store { return open(t, s, "millrace", table) }
	})
}

// PostgreSQL tells some of those who make a table at once that it is there, even
// though they asked to make it only if it is not.
func madeOnce(t *testing.T, s *server) {
	for round := range 5 {
		table, start := fmt.Sprint("made_once_", round), make(chan struct{})
		var all sync.WaitGroup
		for range 8 {
			db := s.open(t, "millrace")
			must(t, db.Ping())
			all.Go(func() {
				<-start
				if _, err := checkpoint.OpenSQL(background(), db, checkpoint.SQLOptions{Dialect: checkpoint.PostgreSQL, Table: table}); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
	}
}

func needsNoRight(t *testing.T, s *server) {
	db := s.open(t, "millrace")
	open(t, s, "millrace", "rights")
	for _, text := range []string{
		"CREATE ROLE reader LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON rights TO reader",
	} {
		_, err := db.Exec(text)
		must(t, err)
	}
	k := checkpoint.Key{App: "plates", Stream: "gate"}
	must(t, open(t, s, "reader", "public.rights").Save(background(), k, checkpoint.Record{Position: []byte("one")}))
	if _, err := checkpoint.OpenSQL(background(), s.open(t, "reader"), checkpoint.SQLOptions{Dialect: checkpoint.PostgreSQL, Table: "mine"}); err == nil {
		t.Error("a table was made without the right to")
	}
}

func survives(t *testing.T, s *server) {
	c, k := open(t, s, "millrace", "survives"), checkpoint.Key{App: "plates", Stream: "gate"}
	r, err := c.Acquire(background(), k, "a", time.Hour)
	must(t, err)
	for round := range 3 {
		for n := range 5 {
			r.Position = fmt.Appendf(nil, "%d/%d", round, n)
			must(t, c.Save(background(), k, r))
		}
		s.stop(t, syscall.SIGQUIT)
		if err := c.Save(background(), k, r); err == nil || errors.Is(err, checkpoint.ErrFenced) {
			t.Fatalf("saved without a server: %v", err)
		}
		s.start(t)
		if got, err := c.Load(background(), k); err != nil || string(got.Position) != string(r.Position) || got.Owner != "a" || got.Epoch != 1 {
			t.Fatalf("after the crash: %+v, %v", got, err)
		}
	}
	if _, err := c.Acquire(background(), k, "b", time.Hour); !errors.Is(err, checkpoint.ErrHeld) {
		t.Errorf("the lease is not there any more: %v", err)
	}
}
