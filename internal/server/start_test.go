package server_test

import (
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/upkeep"
)

func TestADirectoryHasOneServerAtATime(t *testing.T) {
	r := start(t, nil, nil)
	second, err := server.Start(t.Context(), r.cfg, server.Options{})
	if err == nil {
		_ = second.Close()
	}
	if !errors.Is(err, millrace.ErrConflict) {
		t.Errorf("a second server: %v, want that the directory is in use", err)
	}
}

// TestTimeGoesOnFromTheStamp: nothing was put, and the machine's clock is set
// back while the server is off (I3).
func TestTimeGoesOnFromTheStamp(t *testing.T) {
	d := newSundial(t)
	d.boot.Add(int64(10 * time.Minute))
	before := d.show()["ServerTime"].(float64)
	if err := d.s.Close(); err != nil {
		t.Fatal(err)
	}
	d.step(-5 * time.Minute)
	d.open()
	if after := d.show()["ServerTime"].(float64); after < before {
		t.Errorf("the time is %f after a start, and was %f", after, before)
	}
}

// TestTimeGoesOnFromTheNewestFragment: the same, where the control state is put
// back from a copy that is older than the fragment.
func TestTimeGoesOnFromTheNewestFragment(t *testing.T) {
	d := newSundial(t)
	if err := d.s.Close(); err != nil {
		t.Fatal(err)
	}
	old := controlFiles(t, d.cfg.Data)
	d.open()
	d.boot.Add(int64(10 * time.Minute))
	first := d.shoot()
	if err := d.s.Close(); err != nil {
		t.Fatal(err)
	}
	for path, content := range old {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.step(-9 * time.Minute)
	d.open()
	if second := d.shoot(); second.Before(first) {
		t.Errorf("a fragment is of %v, behind one of %v", second, first)
	}
}

// TestTheStampWaitsForTheClocksNote: a start that found the stamp and not the
// note would believe a leap that only the note tells of.
func TestTheStampWaitsForTheClocksNote(t *testing.T) {
	d := newSundial(t)
	d.restart() // both are written
	path := filepath.Join(d.cfg.Data, "control.db")
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TRIGGER refuse BEFORE INSERT ON meta WHEN NEW.name LIKE 'note:%'
		BEGIN SELECT RAISE(ABORT, 'notes are refused'); END`); err != nil {
		t.Fatal(err)
	}
	before := stampIn(t, path)
	d.boot.Add(int64(10 * time.Minute))
	if err := d.s.Close(); err == nil || !strings.Contains(err.Error(), "notes are refused") {
		t.Errorf("the server ended with %v", err)
	}
	if after := stampIn(t, path); before.IsZero() || !after.Equal(before) {
		t.Errorf("the stamp is %v, and was %v", after, before)
	}
	if _, err := db.ExecContext(t.Context(), "DROP TRIGGER refuse"); err != nil {
		t.Fatal(err)
	}
	d.open()
}

func stampIn(t *testing.T, path string) time.Time {
	t.Helper()
	c, err := sqlite.OpenControl(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := c.ClockStamp(t.Context())
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	return stamp
}

// TestAnIndexIsBoundToItsControlState: one that was left beside the control
// state of another store is made again, and packs that were are not touched.
func TestAnIndexIsBoundToItsControlState(t *testing.T) {
	log := &logBook{}
	soon := func(c *config.Server) { c.ReaderIdleTimeout = 100 * time.Millisecond }
	mine := startWith(t, server.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, soon)
	other := start(t, nil, soon)
	for _, r := range []*rig{mine, other} {
		r.create("cam", 24)
		p := r.put("cam", nil)
		p.mustSend(slices.Concat(header(1), cluster(1, block(1, 0, "x")), endOfFragment()))
		p.want("BUFFERING 1", "RECEIVED 1", "PERSISTED 1")
		p.end()
		p.rest()
		if err := r.s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	defer other.open() // it is closed once more
	for path := range controlFiles(t, mine.cfg.Data) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for path, content := range controlFiles(t, other.cfg.Data) {
		if err := os.WriteFile(filepath.Join(mine.cfg.Data, filepath.Base(path)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := server.Start(t.Context(), mine.cfg, mine.options); !errors.Is(err, store.ErrForeignPack) {
		t.Errorf("packs of another store: %v", err)
	}
	r, err := upkeep.Verify(t.Context(), mine.cfg.Data, upkeep.VerifyOptions{})
	if err != nil || len(r.Packs.Unread) != 1 || r.OK() {
		t.Errorf("verify: %+v, %v", r, err)
	}
	if err := os.RemoveAll(filepath.Join(mine.cfg.Data, "packs")); err != nil {
		t.Fatal(err)
	}
	mine.open()
	if !strings.Contains(log.String(), "another control state") {
		t.Errorf("the log says %s", log)
	}
}
