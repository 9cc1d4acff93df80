package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestControl(t *testing.T) {
	paths := map[store.Control]string{}
	storetest.TestControl(t, storetest.ControlOptions{
		Open: func(t *testing.T) store.Control {
			path := filepath.Join(t.TempDir(), "control.db")
			c := open(t, path, sqlite.Options{})
			paths[c] = path
			return c
		},
		Reopen: func(t *testing.T, c store.Control) store.Control {
			return open(t, paths[c], sqlite.Options{})
		},
	})
}

func open(t *testing.T, path string, o sqlite.Options) *sqlite.Control {
	t.Helper()
	c, err := sqlite.OpenControl(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func draft(name string) millrace.Stream {
	return millrace.Stream{
		Name:    millrace.StreamName(name),
		ARN:     millrace.StreamARN{Partition: "aws", Region: "us-west-2", Account: "000000000000"},
		Created: time.UnixMilli(1_705_489_836_421).UTC(),
		Version: "davN9FKg4vjyKdCSs0f4",
	}
}

// raw opens the file beside the implementation, as another process would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

func TestCommittedChangesAreInTheFilesOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{})
	want, err := c.Create(t.Context(), draft("a"), nil)
	if err != nil {
		t.Fatal(err)
	}

	// What a killed process leaves: the file and its log, never closed.
	left := filepath.Join(t.TempDir(), "control.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := open(t, left, sqlite.Options{}).Stream(t.Context(), "a")
	if err != nil || got != want {
		t.Errorf("after a kill: %+v, %v, want %+v", got, err, want)
	}
}

func TestDurabilityIsSwitchedOn(t *testing.T) {
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1",
	} {
		c := open(t, filepath.Join(t.TempDir(), "control.db"), sqlite.Options{})
		if got := c.WriterPragma(t, pragma); got != want {
			t.Errorf("%s = %s, want %s", pragma, got, want)
		}
	}
}

func TestOpenRefusesWhatIsNotOurs(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare string
		want    string
	}{
		"a file of a newer release": {
			"INSERT INTO schema_version (version) VALUES (4)",
			"has schema version 4, and this release knows versions up to 3: start the newer release",
		},
		"a file of another application": {"PRAGMA application_id = 7", "not a control database"},
		"a file that nobody signed":     {"PRAGMA application_id = 0", "not a control database"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "control.db")
			open(t, path, sqlite.Options{}).Close()
			db := raw(t, path)
			exec(t, db, tc.prepare)
			db.Close()

			before, _ := os.ReadFile(path)
			_, err := sqlite.OpenControl(t.Context(), path, sqlite.Options{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error = %v, want one with %q", err, tc.want)
			}
			var newer *sqlite.VersionError
			if errors.As(err, &newer) != strings.Contains(name, "newer") {
				t.Errorf("error type of %v", err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestOpenRefusesAFileThatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.OpenControl(t.Context(), path, sqlite.Options{})
	if !errors.Is(err, millrace.ErrCorrupt) {
		t.Errorf("error = %v, want corrupt", err)
	}
}

func TestOpenRefusesAFolderThatIsNotThere(t *testing.T) {
	_, err := sqlite.OpenControl(t.Context(), filepath.Join(t.TempDir(), "no", "control.db"), sqlite.Options{})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
}

func TestOpenTakesAnyPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a?b#c%20 d&_pragma=x")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "control.db")
	open(t, path, sqlite.Options{}).Close()
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		t.Fatalf("%v, %v", info, err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, want only the owner's", info.Mode())
	}
}

func TestLockedFileIsUnavailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{BusyTimeout: time.Millisecond})
	db := raw(t, path)
	exec(t, db, "BEGIN IMMEDIATE")

	if _, err := c.Create(t.Context(), draft("a"), nil); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("create while locked: %v", err)
	}
	if _, err := c.List(t.Context(), store.Page{}); err != nil {
		t.Errorf("readers need no lock: %v", err)
	}
	exec(t, db, "ROLLBACK")
	if _, err := c.Create(t.Context(), draft("a"), nil); err != nil {
		t.Errorf("create after the lock: %v", err)
	}
	exec(t, db, "BEGIN IMMEDIATE")
	if _, err := c.Create(t.Context(), draft("a"), nil); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a change looked before it had the lock: %v", err)
	}
}

func TestWriterWaitsForALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{BusyTimeout: time.Minute})
	db := raw(t, path)
	exec(t, db, "BEGIN IMMEDIATE")
	done := make(chan error)
	go func() {
		_, err := c.NextEpoch(context.Background(), 0)
		done <- err
	}()
	exec(t, db, "COMMIT")
	if err := <-done; err != nil {
		t.Errorf("epoch: %v", err)
	}
}

func TestFullDatabaseIsUnavailableAndRecovers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{MaxSize: 80 << 10})
	var kept []string
	var full error
	for i := range 10_000 {
		name := fmt.Sprintf("s%04d", i)
		s := draft(name)
		s.DeviceName = strings.Repeat("d", 128)
		if _, full = c.Create(t.Context(), s, map[string]string{"k": strings.Repeat("v", 200)}); full != nil {
			break
		}
		kept = append(kept, name)
	}
	if !errors.Is(full, store.ErrUnavailable) {
		t.Fatalf("error = %v, want unavailable", full)
	}
	check := func(c *sqlite.Control, want int) {
		t.Helper()
		list, err := c.List(t.Context(), store.Page{})
		if err != nil || len(list) != want {
			t.Errorf("%d streams, %v, want %d", len(list), err, want)
		}
	}
	check(c, len(kept))
	c.Close()

	roomy := open(t, path, sqlite.Options{})
	check(roomy, len(kept))
	if _, err := roomy.Create(t.Context(), draft("more"), nil); err != nil {
		t.Errorf("with more room: %v", err)
	}
}

// TestAChangeThatCouldNotBeCommittedIsNotReportedAsMade: its caller gave up
// before.
func TestAChangeThatCouldNotBeCommittedIsNotReportedAsMade(t *testing.T) {
	c, err := sqlite.OpenControl(t.Context(), filepath.Join(t.TempDir(), "control.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	if err := c.Write(ctx, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("change: %v", err)
	}
	if value, err := c.Recall(t.Context(), "test"); err != nil || len(value) > 0 {
		t.Errorf("there is %q, %v", value, err)
	}
	if err := c.Write(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	if value, err := c.Recall(t.Context(), "test"); err != nil || string(value) != "x" {
		t.Errorf("there is %q, %v", value, err)
	}
}
