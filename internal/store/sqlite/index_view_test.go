package sqlite_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
)

func TestAViewOfAnIndexSeesItAndChangesNothing(t *testing.T) {
	for name, running := range map[string]bool{"beside a server": true, "of a server that has ended": false} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index.db")
			x := openIndex(t, path, sqlite.Options{})
			feed(t, x, 0, 3)
			want, err := x.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			q := store.PageQuery{Stream: indexStream(), EndAfter: math.MinInt64}
			pages, err := x.Find(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if !running {
				x.Close()
			}
			before := files(t, filepath.Dir(path))
			v, err := sqlite.ViewIndex(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.State(t.Context())
			if err != nil || !cmp.Equal(got, want) {
				t.Errorf("state: %v\n%s", err, cmp.Diff(want, got))
			}
			found, err := v.Find(t.Context(), q)
			if err != nil || !cmp.Equal(found, pages) {
				t.Errorf("pages: %v\n%s", err, cmp.Diff(pages, found))
			}
			for what, err := range map[string]error{
				"apply": v.Apply(t.Context(), &store.PageChange{}), "sync": v.Sync(t.Context()), "reset": v.Reset(t.Context()),
			} {
				if err == nil {
					t.Errorf("%s is possible", what)
				}
			}
			if err := errors.Join(v.Close(), v.Close()); err != nil {
				t.Error(err)
			}
			if _, err := v.State(t.Context()); !errors.Is(err, millrace.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
			after := files(t, filepath.Dir(path))
			delete(before, "index.db-shm") // the log's index is everybody's scratch pad
			delete(after, "index.db-shm")
			if diff := cmp.Diff(before, after); diff != "" {
				t.Error("files changed")
			}
		})
	}
}

func TestAViewOfADamagedIndexSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	if _, err := sqlite.ViewIndex(t.Context(), path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of none: %v", err)
	}
	openIndex(t, path, sqlite.Options{}).Close()
	overwrite(t, path, 0, "not a database at all, but something else")
	v, err := sqlite.ViewIndex(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.State(t.Context()); !errors.Is(err, millrace.ErrCorrupt) {
		t.Errorf("state: %v", err)
	}
}
