package sqlite_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

func TestDamageToARowIsCorrupt(t *testing.T) {
	for name, tc := range map[string]struct {
		damage             string
		find, state, entry bool // whether it is found there
	}{
		"of a pack":                  {damage: "UPDATE packs SET fed = fed + 1", state: true},
		"of a fact":                  {damage: "UPDATE facts SET value = '7'", state: true},
		"of a page":                  {damage: "UPDATE pages SET end_ms = end_ms + 1", entry: true},
		"of the data of a page":      {damage: "UPDATE page_data SET data = substr(data, 2)", entry: true},
		"of a page that lost it":     {damage: "DELETE FROM page_data", find: true},
		"of a page that swapped it":  {damage: "UPDATE pages SET data_id = 3 - data_id WHERE data_id = 1; ", entry: true},
		"of a key":                   {damage: "UPDATE pages SET last = x'00'", state: true},
		"of all rows of a table":     {damage: "DROP TABLE page_data", find: true},
		"of the table that is there": {damage: "ALTER TABLE packs DROP COLUMN sum", state: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index.db")
			x := openIndex(t, path, sqlite.Options{})
			feed(t, x, 0, 1)
			if name == "of a page that swapped it" {
				other := storetest.PageOf(indexStream(), store.ProducerClock, 0, 9)
				if err := x.Apply(t.Context(), &store.PageChange{Put: []store.IndexPage{other}}); err != nil {
					t.Fatal(err)
				}
				tc.damage = "UPDATE pages SET data_id = 9 WHERE data_id = 1; UPDATE pages SET data_id = 1 WHERE data_id = 2"
				tc.damage += "; UPDATE pages SET data_id = 2 WHERE data_id = 9"
			}
			exec(t, raw(t, path), tc.damage)
			_, err := x.State(t.Context())
			if errors.Is(err, millrace.ErrCorrupt) != tc.state {
				t.Errorf("state: %v", err)
			}
			found, err := x.Find(t.Context(), store.PageQuery{Stream: indexStream(), EndAfter: math.MinInt64})
			if errors.Is(err, millrace.ErrCorrupt) != (tc.find || name == "of a key" && err != nil) {
				t.Errorf("find: %v", err)
			}
			if tc.entry {
				if _, err := found[0].Entries(nil); !errors.Is(err, millrace.ErrCorrupt) {
					t.Errorf("entries: %v", err)
				}
			}
			if err := x.Reset(t.Context()); err != nil || fed(t, x) != 0 {
				t.Errorf("reset: %v", err)
			}
		})
	}
}

// TestFlippedBytesNeverGoUnnoticed damages a file anywhere. Whatever it says
// then is as it was written, or corrupt; and it can be made again.
func TestFlippedBytesNeverGoUnnoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openIndex(t, path, sqlite.Options{})
	feed(t, x, 0, 20)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(6, 6))
	caught := 0
	for i := range 40 {
		bad := copyFile(t, path)
		at := r.Int64N(info.Size())
		if r.IntN(3) == 0 {
			at %= 2 * 4096 // the schema
		}
		overwrite(t, bad, at, string([]byte{byte(r.Uint32()), byte(r.Uint32())}))
		if !honest(t, bad, at, i%6 == 0) {
			caught++
		}
	}
	if caught < 8 {
		t.Errorf("%d damages were noticed", caught)
	}
}

// honest reads a damaged file, and reports whether all in it is as it was. It
// may make it again.
func honest(t *testing.T, path string, at int64, reset bool) bool {
	x, err := sqlite.OpenIndex(t.Context(), path, sqlite.Options{})
	if err != nil {
		var newer *sqlite.VersionError
		if at > 100 && !errors.As(err, &newer) {
			t.Errorf("byte %d: open: %v", at, err)
		}
		return false // its header says that it is somebody else's
	}
	defer x.Close()
	whole := true
	note := func(what string, err error) {
		if err != nil && !errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("byte %d: %s: %v", at, what, err)
		}
		whole = whole && err == nil
	}
	s, err := x.State(t.Context())
	note("state", err)
	if err == nil && len(s.Packs) == 1 && s.Packs[0].Fed != 19 {
		t.Errorf("byte %d: state %+v", at, s.Packs)
	}
	found, err := x.Find(t.Context(), store.PageQuery{Stream: indexStream(), EndAfter: math.MinInt64})
	note("find", err)
	for _, page := range found {
		_, err := page.Entries(nil)
		err = errors.Join(err, page.CheckSummary())
		note("entries", err)
		i := int(page.Start-storetest.Epoch().UnixMilli()) / 100_000
		if want := storetest.PageOf(indexStream(), store.ServerClock, 100*i, 90); err == nil && !cmp.Equal(page, want) {
			t.Errorf("byte %d: page %d is another one", at, i)
		}
	}
	if !reset {
		return whole && len(found) == 20
	}
	if err := x.Reset(t.Context()); err != nil || fed(t, x) != 0 {
		t.Errorf("byte %d: reset: %v", at, err)
	}
	return whole && len(found) == 20
}
