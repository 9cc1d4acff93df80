package sqlite_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
)

// small makes a database that has something of everything in few bytes.
func small(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{})
	fill(t, c)
	c.Close()
	db := raw(t, path)
	exec(t, db, "PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM; PRAGMA journal_mode = WAL")
	db.Close()
	return path
}

func verify(t *testing.T, path string) sqlite.ControlReport {
	t.Helper()
	r, err := sqlite.VerifyControl(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWholeFileVerifies(t *testing.T) {
	path := small(t)
	r := verify(t, path)
	if !r.OK() || r.Schema != 3 {
		t.Errorf("report: %+v", r)
	}
	want := map[string]int{"names": 3, "streams": 2, "tags": 4, "meta": 6, "deletions": 2, "documents": 2, "tallies": 6}
	if diff := cmp.Diff(want, r.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for schema, name := range []string{1: "control_1.db", 2: "control_2.db"} {
		if name == "" {
			continue
		}
		if r := verify(t, filepath.Join("testdata", name)); !r.OK() || r.Schema != schema {
			t.Errorf("a file of schema %d: %+v", schema, r)
		}
	}
	empty := filepath.Join(t.TempDir(), "control.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, empty); r.OK() {
		t.Errorf("an empty file: %+v", r)
	}
}

func TestVerifyNeedsAControlDatabase(t *testing.T) {
	if _, err := sqlite.VerifyControl(t.Context(), filepath.Join(t.TempDir(), "control.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	path := small(t)
	db := raw(t, path)
	exec(t, db, "INSERT INTO schema_version (version) VALUES (9)")
	db.Close()
	var newer *sqlite.VersionError
	if _, err := sqlite.VerifyControl(t.Context(), path); !errors.As(err, &newer) {
		t.Errorf("a newer file: %v", err)
	}
}

// TestEveryFlippedBitIsFound flips bits of a small file, one at a time: a bit of
// every byte, and all bits of some. Each is reported, or else it is a bit that
// nothing hangs on: then everything that can be read is as it was.
func TestEveryFlippedBitIsFound(t *testing.T) {
	pristine, err := os.ReadFile(small(t))
	if err != nil {
		t.Fatal(err)
	}
	want := dumpFile(t, pristine)
	stride, whole := 1, 61
	switch {
	case os.Getenv("MILLRACE_TORTURE") != "":
		whole = 1
	case raced:
		stride, whole = 31, 1<<20
	case testing.Short():
		stride, whole = 7, 1<<20
	}
	bits := make(chan int)
	var workers sync.WaitGroup
	var mu sync.Mutex // guards idle
	var idle []int
	for range 2 {
		workers.Go(func() {
			for bit := range bits {
				if !noticed(t, flipped(pristine, bit)) {
					mu.Lock()
					idle = append(idle, bit)
					mu.Unlock()
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	sent := 0
	for at := range pristine {
		one := random.IntN(8)
		for bit := range 8 {
			if (at%stride == 0 || at < 100) && (bit == one || at < 100 && !raced) || at%whole == whole-1 {
				bits <- at*8 + bit
				sent++
			}
		}
	}
	close(bits)
	workers.Wait()
	t.Logf("%d bits of %d bytes, of which %d are of no account", sent, len(pristine), len(idle))
	slices.Sort(idle)
	for batch := range slices.Chunk(idle, 100) { // what nothing hangs on may all be flipped at once
		if dumpFile(t, flipped(pristine, batch...)) == want {
			continue
		}
		for _, bit := range batch {
			if got := dumpFile(t, flipped(pristine, bit)); got != want {
				t.Errorf("bit %d of byte %d (page %d, offset %d) went unnoticed, and changed\n%s", bit%8, bit/8, bit/8/512+1, bit/8%512, cmp.Diff(want, got))
			}
		}
	}
}

func flipped(file []byte, bits ...int) []byte {
	spoilt := slices.Clone(file)
	for _, bit := range bits {
		spoilt[bit/8] ^= 1 << (bit % 8)
	}
	return spoilt
}

// noticed reports whether VerifyControl finds fault with a file.
func noticed(t *testing.T, file []byte) bool {
	path := filepath.Join(t.TempDir(), "control.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Error(err)
	}
	defer os.Remove(path)
	r, err := sqlite.VerifyControl(t.Context(), path)
	return err != nil || !r.OK()
}

// dumpFile writes down everything that can be asked of a file, by every way.
func dumpFile(t *testing.T, file []byte) string {
	path := filepath.Join(t.TempDir(), "control.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Error(err)
		return ""
	}
	c, err := sqlite.OpenControl(t.Context(), path, sqlite.Options{})
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return dump(t, c)
}

func dump(t *testing.T, c store.Control) string {
	var b strings.Builder
	ctx := t.Context()
	note := func(what string, answer any, err error) { fmt.Fprintf(&b, "%s: %+v, %v\n", what, answer, err) }
	list, err := c.List(ctx, store.Page{})
	note("list", list, err)
	going, err := c.List(ctx, store.Page{Deleting: true})
	note("deleting", going, err)
	for _, name := range []millrace.StreamName{"yard", "gone", "going", "never"} {
		s, err := c.Stream(ctx, name)
		note(string(name), s, err)
	}
	for id := range uint64(5) {
		key := millrace.StreamKey{ID: id, Generation: 1}
		tags, err := c.Tags(ctx, key)
		note("tags", tags, err)
		deletions, err := c.Deletions(ctx, key, 0, 0)
		note("deletions", deletions, err)
	}
	deletions, err := c.Deletions(ctx, millrace.StreamKey{}, 0, 0)
	note("all deletions", deletions, err)
	stamp, err := c.ClockStamp(ctx)
	note("stamp", stamp, err)
	for _, name := range []string{"page-token-key", "empty", "fresh"} {
		value, err := c.Keep(ctx, name, []byte("fresh"))
		note(name, value, err)
	}
	epoch, err := c.NextEpoch(ctx, 0)
	note("epoch", epoch, err)
	for _, name := range []string{"gone", "new", "yard"} {
		s, err := c.Create(ctx, draft(name), map[string]string{"k": "v"})
		note("create", s, err)
	}
	return b.String()
}

// TestLostRowsAreFound: a row that has gone leaves no checksum that fails.
func TestLostRowsAreFound(t *testing.T) {
	pristine := small(t)
	for name, tc := range map[string]struct{ change, want string }{
		"a stream":          {"DELETE FROM streams WHERE name = 'yard'", "table streams has 1 rows"},
		"a name":            {"DELETE FROM names WHERE name = 'gone'", "table names has 2 rows"},
		"a tag":             {"DELETE FROM tags WHERE name = 'site'", "table tags has 3 rows"},
		"an epoch":          {"DELETE FROM meta WHERE name = 'epoch'", "table meta has 5 rows"},
		"a deletion":        {"DELETE FROM deletions WHERE id = 1", "table deletions has 1 rows"},
		"a tally":           {"DELETE FROM tallies WHERE name = 'tags'", "row \"tags\" of table tallies is missing"},
		"a tag's stream":    {"DELETE FROM streams WHERE name = 'going'", "refers to none of table streams"},
		"a stream's name":   {"DELETE FROM names WHERE name = 'yard'", "stream yard is not the latest of its name"},
		"a column's check":  {"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = replace(sql, '>= 0', '>= 1')", "schema: table streams is"},
		"an index":          {"DROP INDEX streams_deleting", "schema: index streams_deleting is missing"},
		"a table too many":  {"CREATE TABLE more (id INTEGER)", "schema: table more is"},
		"one version of it": {"DELETE FROM schema_version WHERE version = 1", "schema: version 1 is missing"},
		"a generation": {
			"UPDATE names SET generation = 2 WHERE name = 'yard'",
			"stream yard is not the latest of its name",
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := copyOf(t, pristine)
			db := raw(t, path)
			exec(t, db, "PRAGMA foreign_keys = 0")
			exec(t, db, tc.change)
			db.Close()
			r := verify(t, path)
			if !strings.Contains(strings.Join(r.Faults, "\n"), tc.want) {
				t.Errorf("faults %q, want one with %q", r.Faults, tc.want)
			}
		})
	}
}

// TestLostStreamsKeepAServerFromStarting: what is not listed would be deleted,
// and what no deletion covers would be served.
func TestLostStreamsKeepAServerFromStarting(t *testing.T) {
	pristine := small(t)
	for name, change := range map[string]string{
		"a stream":          "DELETE FROM streams WHERE name = 'yard'",
		"a name":            "DELETE FROM names WHERE name = 'gone'",
		"a deletion":        "DELETE FROM deletions WHERE id = 1",
		"an index's entry":  "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'streams_deleting') WHERE name = 'deletions_of_stream'",
		"a stream's column": "UPDATE streams SET retention_hours = 1",
	} {
		t.Run(name, func(t *testing.T) {
			path := copyOf(t, pristine)
			db := raw(t, path)
			exec(t, db, "PRAGMA foreign_keys = 0")
			exec(t, db, change)
			db.Close()
			if c, err := sqlite.OpenControl(t.Context(), path, sqlite.Options{}); !errors.Is(err, millrace.ErrCorrupt) {
				t.Errorf("error = %v", err)
				if err == nil {
					c.Close()
				}
			}
		})
	}
}

// left is what a killed process leaves: the file, its log and the log's index.
func left(t *testing.T, suffixes ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{})
	fill(t, c)
	copied := filepath.Join(t.TempDir(), "control.db")
	for _, suffix := range append(suffixes, "") {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

// TestVerifyChangesNothing: whatever the last process left, after a close or a
// kill, is there afterwards.
func TestVerifyChangesNothing(t *testing.T) {
	for name, path := range map[string]string{
		"closed":                          small(t),
		"killed":                          left(t, "-wal", "-shm"),
		"killed, and copied without -shm": left(t, "-wal"),
	} {
		before := files(t, filepath.Dir(path))
		if r := verify(t, path); !r.OK() || r.Rows["deletions"] != 2 {
			t.Errorf("%s: report %+v", name, r)
		}
		after := files(t, filepath.Dir(path))
		delete(before, "control.db-shm") // the log's index is everybody's scratch pad
		delete(after, "control.db-shm")
		if !maps.Equal(before, after) {
			t.Errorf("%s: files changed", name)
		}
	}
}

// TestVerifyBesideAServer: what is committed while it looks is no damage.
func TestVerifyBesideAServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{})
	fill(t, c)
	beside(t, c, func() {
		for range 20 {
			if r := verify(t, path); !r.OK() {
				t.Fatalf("report: %+v", r)
			}
		}
	})
}

// beside runs work while streams come and go.
func beside(t *testing.T, c store.Control, work func()) {
	t.Helper()
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			s, err := c.Create(t.Context(), draft(fmt.Sprintf("s%d", n%7)), map[string]string{"n": strings.Repeat("x", n%200)})
			if err == nil && n%3 > 0 {
				err = errors.Join(c.BeginDelete(t.Context(), s.Key, ""), c.FinishDelete(t.Context(), s.Key))
			}
			if err != nil && !errors.Is(err, millrace.ErrExists) {
				t.Error(err)
				return
			}
		}
	})
	defer writer.Wait()
	defer close(stop)
	work()
}

// TestDamagedLogIsFound flips bits of a log that a killed process left. Damage
// in front of the last commit is reported, and keeps a server from starting:
// SQLite would forget what comes behind it.
func TestDamagedLogIsFound(t *testing.T) {
	kept := files(t, filepath.Dir(left(t, "-wal")))
	log := []byte(kept["control.db-wal"])
	random := rand.New(rand.NewPCG(3, 4))
	stride := 1499
	if raced {
		stride = 9973
	}
	last := lastCommit(log)
	for at := 0; at < len(log); at += stride {
		path := filepath.Join(t.TempDir(), "control.db")
		for suffix, b := range map[string][]byte{
			"": []byte(kept["control.db"]), "-wal": flipped(log, at*8+random.IntN(8)),
		} {
			if err := os.WriteFile(path+suffix, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if at >= last {
			continue
		}
		if r := verify(t, path); r.OK() {
			t.Errorf("byte %d of the log, in front of the last commit at %d, went unnoticed", at, last)
		}
		if c, err := sqlite.OpenControl(t.Context(), path, sqlite.Options{}); !errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("byte %d of the log: a server starts with %v", at, err)
			c.Close()
		}
	}
}

// lastCommit is where the frames of the last transaction begin.
func lastCommit(log []byte) int {
	size := 24 + int(binary.BigEndian.Uint32(log[8:]))
	commits := []int{32}
	for at := 32; at+size <= len(log); at += size {
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			commits = append(commits, at+size)
		}
	}
	return commits[len(commits)-2]
}

// TestLogCutShortIsFine: of a commit that a crash cut short, nothing is missed.
func TestLogCutShortIsFine(t *testing.T) {
	path := left(t, "-wal")
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 20, 32, 33, lastCommit(log), lastCommit(log) + 1, len(log) - 1} {
		if err := os.WriteFile(path+"-wal", log[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, path); strings.Contains(strings.Join(r.Faults, ""), "of the log") {
			t.Errorf("cut to %d bytes: %q", size, r.Faults)
		}
	}
}
