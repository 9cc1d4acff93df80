package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

func openIndex(t testing.TB, path string, o sqlite.Options) *sqlite.Index {
	t.Helper()
	x, err := sqlite.OpenIndex(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func TestIndex(t *testing.T) {
	paths := map[store.Pages]string{}
	at := func(t *testing.T, path string) store.Pages {
		x := openIndex(t, path, sqlite.Options{})
		paths[x] = path
		return x
	}
	storetest.TestPages(t, storetest.PagesOptions{
		Open:   func(t *testing.T) store.Pages { return at(t, filepath.Join(t.TempDir(), "index.db")) },
		Reopen: func(t *testing.T, p store.Pages) store.Pages { return at(t, paths[p]) },
		Damage: func(t *testing.T, p store.Pages) store.Pages {
			p.Close()
			overwrite(t, paths[p], 0, strings.Repeat("not a database ", 1000))
			return at(t, paths[p])
		},
	})
}

func overwrite(t testing.TB, path string, at int64, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(content), at); err != nil {
		t.Fatal(err)
	}
}

func indexStream() millrace.StreamKey { return millrace.StreamKey{ID: 5, Generation: 1} }

// feed applies changes with a page and a fact each.
func feed(t testing.TB, p store.Pages, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := tryFeed(t, p, n); err != nil {
			t.Fatal(err)
		}
	}
}

func tryFeed(t testing.TB, p store.Pages, n int) error {
	t.Helper()
	return p.Apply(context.Background(), &store.PageChange{
		Put:      []store.IndexPage{storetest.PageOf(indexStream(), store.ServerClock, 100*n, 90)},
		PutPacks: []store.PackRow{{Number: 1, Fed: int64(n)}},
		Facts:    map[string]string{"changes": fmt.Sprint(n + 1)},
	})
}

// fed is how many of these changes are there, which must be the first ones.
func fed(t testing.TB, p store.Pages) int {
	t.Helper()
	found, err := p.Find(t.Context(), store.PageQuery{Stream: indexStream(), EndAfter: math.MinInt64})
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(found); n > 0 && (s.Facts["changes"] != fmt.Sprint(n) || s.Packs[0].Fed != int64(n-1)) {
		t.Errorf("%d pages, %v, %v", n, s.Facts, s.Packs)
	}
	for i := range found {
		if diff := cmp.Diff(storetest.PageOf(indexStream(), store.ServerClock, 100*i, 90), found[i]); diff != "" {
			t.Errorf("page %d: %s", i, diff)
		}
	}
	return len(found)
}

// leave copies what a crash leaves of the files that have a name's suffixes,
// each cut to a length if that is not negative.
func leave(t *testing.T, path string, sizes map[string]int64) string {
	t.Helper()
	left := filepath.Join(t.TempDir(), "index.db")
	for suffix, size := range sizes {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if size >= 0 {
			b = b[:min(size, int64(len(b)))]
		}
		if err := os.WriteFile(left+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return left
}

func TestWhatWasAppliedOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	feed(t, openIndex(t, path, sqlite.Options{}), 0, 5)
	left := leave(t, path, map[string]int64{"": -1, "-wal": -1})
	if n := fed(t, openIndex(t, left, sqlite.Options{})); n != 5 {
		t.Errorf("%d changes", n)
	}
}

// TestASyncNeedsNoLog: what was synced is in the file itself, which is what is
// left if the log is lost.
func TestASyncNeedsNoLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openIndex(t, path, sqlite.Options{})
	for n := range 3 {
		feed(t, x, 10*n, 10*n+5)
		if err := x.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		feed(t, x, 10*n+5, 10*n+10)
		if got := fed(t, openIndex(t, leave(t, path, map[string]int64{"": -1}), sqlite.Options{})); got != 10*n+5 {
			t.Errorf("%d changes are durable, want %d", got, 10*n+5)
		}
	}
}

// TestACrashLeavesTheFirstChanges cuts the log, which is what a crash leaves
// of it, everywhere.
func TestACrashLeavesTheFirstChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openIndex(t, path, sqlite.Options{})
	feed(t, x, 0, 3)
	if err := x.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	feed(t, x, 3, 8)
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	last := 3
	const cuts = 40
	for i := range int64(cuts + 1) {
		size := i * info.Size() / cuts
		left := openIndex(t, leave(t, path, map[string]int64{"": -1, "-wal": size}), sqlite.Options{})
		n := fed(t, left)
		if n < last {
			t.Errorf("%d changes of %d bytes, fewer than of less", n, size)
		}
		seen[n], last = true, n
		if err := left.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(seen) != 6 || last != 8 {
		t.Errorf("states of %v changes are left", seen)
	}
}

func TestALogWithoutItsFileIsSwept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	feed(t, openIndex(t, path, sqlite.Options{}), 0, 5)
	left := leave(t, path, map[string]int64{"-wal": -1, "-shm": -1})
	if n := fed(t, openIndex(t, left, sqlite.Options{})); n != 0 {
		t.Errorf("%d changes", n)
	}
}

func TestIndexSwitchesDurabilityOn(t *testing.T) {
	x := openIndex(t, filepath.Join(t.TempDir(), "index.db"), sqlite.Options{})
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "1", "wal_autocheckpoint": "0", "application_id": fmt.Sprint(0x4d6c7269),
	} {
		if got := x.WriterPragma(t, pragma); got != want {
			t.Errorf("%s = %s, want %s", pragma, got, want)
		}
	}
}

func TestTheLogIsFoldedInWhenItIsLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openIndex(t, path, sqlite.Options{})
	big := storetest.PageOf(indexStream(), store.ServerClock, 0, 1)
	big.Data = make([]byte, 1<<20)
	for range 50 {
		if err := x.Apply(t.Context(), &store.PageChange{Put: []store.IndexPage{big}}); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() > 16<<20 {
		t.Errorf("the log has %d bytes, %v", info.Size(), err)
	}
}

func TestOpenIndexRefusesWhatIsNotItsOwn(t *testing.T) {
	for name, tc := range map[string]struct{ prepare, want string }{
		"a file of a newer release": {
			"INSERT INTO schema_version (version) VALUES (3)",
			"has schema version 3, and this release knows versions up to 2: start the newer release that wrote it, or remove the file",
		},
		"a file of another application": {"PRAGMA application_id = 7", "not an index"},
		"a control database":            {fmt.Sprintf("PRAGMA application_id = %d", 0x4d6c7263), "not an index"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index.db")
			openIndex(t, path, sqlite.Options{}).Close()
			db := raw(t, path)
			exec(t, db, tc.prepare)
			db.Close()
			before, _ := os.ReadFile(path)
			_, err := sqlite.OpenIndex(t.Context(), path, sqlite.Options{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || errors.Is(err, millrace.ErrCorrupt) {
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
	if _, err := sqlite.OpenIndex(t.Context(), filepath.Join(t.TempDir(), "no", "index.db"), sqlite.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
}

func TestAFullIndexIsUnavailableAndRecovers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openIndex(t, path, sqlite.Options{MaxSize: 200 << 10})
	n := 0
	var full error
	for ; full == nil && n < 1000; n++ {
		full = x.Apply(t.Context(), &store.PageChange{
			Put:      []store.IndexPage{storetest.PageOf(indexStream(), store.ServerClock, 100*n, 90)},
			PutPacks: []store.PackRow{{Number: 1, Fed: int64(n)}},
			Facts:    map[string]string{"changes": fmt.Sprint(n + 1)},
		})
	}
	if n--; !errors.Is(full, store.ErrUnavailable) || n < 5 {
		t.Fatalf("after %d changes: %v", n, full)
	}
	if got := fed(t, x); got != n {
		t.Errorf("%d changes are left of %d", got, n)
	}
	if err := x.Sync(t.Context()); err != nil {
		t.Errorf("sync: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	roomy := openIndex(t, path, sqlite.Options{})
	feed(t, roomy, n, n+3)
	if got := fed(t, roomy); got != n+3 {
		t.Errorf("%d changes with more room", got)
	}
}

func TestALockedIndexIsUnavailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openIndex(t, path, sqlite.Options{BusyTimeout: time.Millisecond})
	feed(t, x, 0, 1)
	db := raw(t, path)
	exec(t, db, "BEGIN IMMEDIATE")
	for name, err := range map[string]error{
		"apply": x.Apply(t.Context(), &store.PageChange{Facts: map[string]string{"a": "b"}}), "sync": x.Sync(t.Context()),
	} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s while locked: %v", name, err)
		}
	}
	if n := fed(t, x); n != 1 {
		t.Errorf("%d changes", n)
	}
	exec(t, db, "ROLLBACK")
	feed(t, x, 1, 2)
}

// TestASyncWaitsForReaders: while a reader holds an old state, the log cannot
// be folded in whole, and the sync does not claim it.
func TestASyncWaitsForReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openIndex(t, path, sqlite.Options{BusyTimeout: time.Millisecond})
	feed(t, x, 0, 2)
	db := raw(t, path)
	exec(t, db, "BEGIN")
	exec(t, db, "SELECT count(*) FROM pages")
	feed(t, x, 2, 4)
	if err := x.Sync(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("sync: %v", err)
	}
	exec(t, db, "COMMIT")
	if err := x.Sync(t.Context()); err != nil {
		t.Errorf("sync after the reader: %v", err)
	}
	if n := fed(t, openIndex(t, leave(t, path, map[string]int64{"": -1}), sqlite.Options{})); n != 4 {
		t.Errorf("%d changes are durable", n)
	}
}

func TestAfterAFailedSyncTheIndexIsCorruptUntilAReset(t *testing.T) {
	x := openIndex(t, filepath.Join(t.TempDir(), "index.db"), sqlite.Options{})
	feed(t, x, 0, 2)
	if err := x.LoseSync(syscall.EIO); !errors.Is(err, syscall.EIO) {
		t.Errorf("the sync that failed: %v", err)
	}
	for name, err := range map[string]error{
		"apply": x.Apply(t.Context(), &store.PageChange{}), "sync": x.Sync(t.Context()),
	} {
		if !errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := fed(t, x); n != 2 {
		t.Errorf("%d changes", n)
	}
	if err := x.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	feed(t, x, 0, 1)
	if err := x.Sync(t.Context()); err != nil || fed(t, x) != 1 {
		t.Errorf("after a reset: %v", err)
	}
}

func TestPeopleCanReadTheIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	feed(t, openIndex(t, path, sqlite.Options{}), 0, 1)
	var got string
	err := raw(t, path).QueryRow(`SELECT concat_ws(' ', stream, clock, start, "end", fragments, bytes) FROM coverage`).Scan(&got)
	if want := "5 server 2023-11-14T22:13:20.000Z 2023-11-14T22:14:50.001Z 90 94005"; got != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestFindReadsOnlyItsRange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	openIndex(t, path, sqlite.Options{})
	for kind := range sqlite.FindKinds {
		rows, err := raw(t, path).Query("EXPLAIN QUERY PLAN "+sqlite.FindQuery(kind), 0, 1, 1, []byte{1}, []byte{2}, 0, 1, 1)
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
		if !strings.Contains(plan, "SEARCH pages USING PRIMARY KEY (clock=? AND stream=? AND generation=? AND first>? AND first<?)") ||
			strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("plan of query %d:\n%s", kind, plan)
		}
	}
}

// copyFile is what is at path, in a folder of its own.
func copyFile(t *testing.T, path string) string {
	t.Helper()
	from, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	made := filepath.Join(t.TempDir(), "index.db")
	to, err := os.Create(made)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	return made
}
